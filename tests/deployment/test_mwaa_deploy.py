"""Deploys to MWAA as it is emulated: code, and what the environment has installed."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING

import pytest
from fakes import moto_server as moto
from fakes.grounds import CLOCK, PASSWORD, Ground, MwaaGround, folder_ground, mwaa_ground

from mlops_cli.core.errors import (
    ConflictError,
    FailedError,
    NotAllowedError,
    UnavailableError,
    UsageError,
)
from mlops_cli.deployment.rollback import roll_back
from mlops_cli.environments import mwaa
from mlops_cli.environments.release import installs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_cli.deployment.rollback import Rollback


@pytest.fixture
def ground(
    tmp_path: Path, s3_url: str, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MwaaGround]:
    monkeypatch.setattr(mwaa, "_POLL_SECONDS", 0.05)
    with mwaa_ground(tmp_path, bucket, s3_url, monkeypatch) as made:
        yield made


def want(ground: MwaaGround, name: str, text: str) -> None:
    path = ground.root / "mwaa" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def go_back(ground: Ground) -> Rollback:
    opened = ground.open()
    return roll_back(
        "churn", opened, to=None, deadline_seconds=20, progress=ground.notes, clock=CLOCK
    )


def installed(ground: MwaaGround, s3_url: str, kind: str) -> bytes:
    facts = ground.behind.look()
    found = moto.client(s3_url).get_object(
        Bucket=ground.bucket,
        Key=facts[f"{kind}S3Path"],
        VersionId=facts[f"{kind}S3ObjectVersion"],
    )
    return found["Body"].read()


def test_a_release_is_live_when_mwaa_s_airflow_shows_it(ground: MwaaGround) -> None:
    first = ground.deploy()
    assert (ground.word(), first.airflow) == ("one", "acme")
    ground.say("two")
    second = ground.deploy()
    assert (second.previous, ground.word()) == (first.release, "two")
    assert ground.server.asked("InvokeRestApi GET /dags") > 0
    assert ground.server.asked("UpdateEnvironment") == 0
    assert ground.deploy().unchanged
    assert go_back(ground).release == first.release, "nothing that differs is in its way"


def test_code_waits_for_what_the_environment_has_to_install(
    ground: MwaaGround, s3_url: str
) -> None:
    first = ground.deploy()
    ground.say("two")
    want(ground, "requirements.txt", "apache-airflow-providers-slack==9.1.0\n")
    with pytest.raises(ConflictError, match=r"`mwaa/requirements.txt` differs from what") as caught:
        ground.deploy()
    assert "mlops deploy --env staging --with-environment" in str(caught.value.hint)
    assert ground.live() == first.release
    assert ground.server.asked("UpdateEnvironment") == 0
    done = ground.deploy(with_environment=True)
    assert (done.installed, ground.word()) == (("mwaa/requirements.txt",), "two")
    assert b"slack==9.1.0" in installed(ground, s3_url, "Requirements")
    asked = next(body for name, body in ground.server.calls if name == "UpdateEnvironment")
    assert asked["RequirementsS3ObjectVersion"]
    ground.say("three")
    assert ground.deploy().installed == (), "the same file again is no difference"


def test_plugins_and_the_startup_script_go_along(ground: MwaaGround, s3_url: str) -> None:
    want(ground, "plugins/team.py", "NAME = 'team'\n")
    want(ground, "startup.sh", "echo hello\n")
    done = ground.deploy(with_environment=True)
    assert set(done.installed) == {"mwaa/plugins", "mwaa/startup.sh"}
    archive = zipfile.ZipFile(io.BytesIO(installed(ground, s3_url, "Plugins")))
    assert archive.namelist() == ["team.py"]
    assert installed(ground, s3_url, "StartupScript") == b"echo hello\n"
    (ground.root / "mwaa/plugins/team.py").touch()  # another time is not another plugin
    assert ground.deploy(with_environment=True).installed == ()


def test_the_plan_names_the_account_and_what_has_to_be_installed(ground: MwaaGround) -> None:
    want(ground, "requirements.txt", "x==1\n")
    made = ground.deploy(dry_run=True)
    assert made.installs == ("mwaa/requirements.txt",)
    assert str(made.identity).startswith("123456789012 (arn:aws:")
    assert ground.server.asked("UpdateEnvironment") == 0


def test_a_protected_environment_is_not_changed_either_without_approval(
    ground: MwaaGround,
) -> None:
    ground.deploy()
    manifest = ground.root / "mlops.yaml"
    manifest.write_text(manifest.read_text().replace("kind: mwaa,", "kind: mwaa, protected: true,"))
    want(ground, "requirements.txt", "x==1\n")
    with pytest.raises(NotAllowedError, match="nobody approved"):
        ground.deploy(with_environment=True, approve=lambda _: False)
    assert ground.server.asked("UpdateEnvironment") == 0


def test_a_release_proved_with_other_requirements_is_not_gone_back_to(ground: MwaaGround) -> None:
    want(ground, "requirements.txt", "x==1\n")
    first = ground.deploy(with_environment=True)
    want(ground, "requirements.txt", "x==2\n")
    made = ground.deploy(dry_run=True)
    assert [(file.change, file.path) for file in made.files] == [("~", "mwaa/requirements.txt")]
    second = ground.deploy(with_environment=True)
    assert second.previous == first.release, "other requirements alone are another release"
    with pytest.raises(ConflictError, match=r"another `mwaa/requirements.txt` than `acme`") as no:
        go_back(ground)
    assert "mlops deploy --env staging --with-environment" in str(no.value.hint)
    assert f"release `{second.release}` is live" in str(no.value.state)
    assert ground.live() == second.release


def test_what_a_release_of_before_needs_is_not_known_and_it_is_gone_back_to(
    ground: MwaaGround, s3_url: str
) -> None:
    first = ground.deploy()
    forget(s3_url, ground.bucket, first.release)
    ground.say("two")
    ground.deploy()
    assert go_back(ground).release == first.release
    assert any("needs installed is not known" in line for line in ground.notes.said)


def forget(s3_url: str, bucket: str, release: str) -> None:
    """Leave a manifest as versions of the tool before these marks wrote it."""
    s3, key = moto.client(s3_url), f"dags/churn/_releases/{release}/MANIFEST.json"
    body = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    assert body.pop("mwaa") == {}
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(body).encode())


def test_what_is_promoted_needs_what_it_was_proved_with(
    ground: MwaaGround, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD, "ground")
    want(ground, "requirements.txt", "x==1\n")
    with folder_ground(tmp_path, "test", root=ground.root) as source:
        source.deploy()
        with pytest.raises(ConflictError, match=r"`mwaa/requirements.txt` differs") as caught:
            ground.deploy(promote_from="test")
        assert "--env staging --from test --with-environment" in str(caught.value.hint)
        # The working tree has gone on: its file is not the one the release was proved with.
        want(ground, "requirements.txt", "x==2\n")
        with pytest.raises(ConflictError, match="the working tree has another than") as caught:
            ground.deploy(promote_from="test", with_environment=True)
        assert ground.server.asked("UpdateEnvironment") == 0
        want(ground, "requirements.txt", "x==1\n")
        done = ground.deploy(promote_from="test", with_environment=True)
        assert (done.installed, ground.live()) == (("mwaa/requirements.txt",), done.release)


def test_an_archive_is_told_by_what_is_in_it_however_it_was_packed() -> None:
    def pack(method: int, text: str) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", method) as archive:
            archive.writestr("team.py", text)
        return buffer.getvalue()

    one, other = pack(zipfile.ZIP_STORED, "x"), pack(zipfile.ZIP_DEFLATED, "x")
    assert installs.fingerprint(one) == installs.fingerprint(other)
    assert installs.fingerprint(one) != installs.fingerprint(pack(zipfile.ZIP_STORED, "y"))
    assert installs.fingerprint(one[:-9]) == installs.fingerprint(one[:-9])


def test_an_update_that_fails_leaves_environment_and_code(ground: MwaaGround) -> None:
    first = ground.deploy()
    ground.say("two")
    want(ground, "requirements.txt", "no-such-package==1\n")
    ground.behind.failing.append(("INCORRECT_CONFIGURATION", "pip could not find it"))
    with pytest.raises(FailedError, match="pip could not find it"):
        ground.deploy(with_environment=True)
    assert (ground.live(), ground.word()) == (first.release, "one")


@pytest.mark.parametrize("status", ["UPDATING", "ROLLING_BACK", "MAINTENANCE", "UNAVAILABLE"])
def test_an_environment_that_is_busy_is_left_alone(ground: MwaaGround, status: str) -> None:
    first = ground.deploy()
    ground.say("two")
    ground.behind.status = status
    with pytest.raises(UnavailableError, match=f"is {status}") as caught:
        ground.deploy()
    assert caught.value.state == "Nothing was changed"
    assert ground.live() == first.release


def test_another_account_is_refused_before_anything_is_read(
    ground: MwaaGround, bucket: str
) -> None:
    manifest = ground.root / "mlops.yaml"
    manifest.write_text(manifest.read_text().replace("123456789012", "210987654321"))
    with pytest.raises(NotAllowedError, match="210987654321") as caught:
        ground.deploy()
    assert "123456789012" in caught.value.message
    assert ground.server.calls == []


def test_with_environment_is_refused_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUND_PASSWORD", "ground")
    with folder_ground(tmp_path) as ground:
        with pytest.raises(UsageError, match="`staging` is `kind: airflow`"):
            ground.deploy(with_environment=True)
        assert ground.live() is None
