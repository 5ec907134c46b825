"""`mlops env …` and `mlops doctor` as a user types them, over an emulated AWS and Airflow."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pexpect
import pytest
import somebody
from fakes import moto_server as moto
from fakes.airflow_server import Dag, FakeAirflow
from fakes.fault_proxy import Status, fault_proxy
from fakes.projects import write_project

from mlops_cli.cli.app import main
from mlops_cli.core import redact
from mlops_cli.environments.emulated.behind import Airflow
from mlops_cli.environments.emulated.service import MwaaServer
from mlops_cli.project.adding import Question, add_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "s3cret-of-ada-4711"


class Said(somebody.Said):
    """What a command said, which may be of findings."""

    def found(self, check: str) -> list[tuple[str, str]]:
        """Status and summary of every finding of a check."""
        return [
            (item["status"], item["summary"])
            for item in self.result["findings"]
            if item["check"] == check
        ]


@dataclass
class Place:
    """A project, and somebody who types commands in it."""

    root: Path
    shell: dict[str, str] = field(default_factory=dict)

    def types(self, *arguments: str, **shell: str) -> Said:
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            for name, value in (self.shell | shell).items():
                patch.setenv(name, value)
            patch.chdir(self.root)
            patch.setattr("sys.stdin", io.StringIO())
            # As a process of its own, which knows no secret yet.
            redact._known.clear()
            code = main(arguments)
        said = Said(code, out.getvalue(), err.getvalue())
        assert "--debug" in arguments or "Traceback (most recent call last)" not in said.text
        assert SECRET not in said.text
        return said

    @property
    def manifest(self) -> str:
        return (self.root / "mlops.yaml").read_text()

    def add(self, name: str, **settings: str) -> Said:
        kind = settings.pop("kind")
        pairs = [f"{key.replace('__', '.')}={value}" for key, value in settings.items()]
        options = [word for pair in pairs for word in ("--set", pair)]
        return self.types("env", "add", name, "--kind", kind, *options)


@pytest.fixture(scope="module")
def aws_url() -> Iterator[str]:
    with moto.moto_server() as url:
        yield url


@pytest.fixture
def airflow() -> Iterator[FakeAirflow]:
    fake = FakeAirflow()
    fake.username, fake.password = "ada", SECRET
    fake.providers |= {
        "apache-airflow-providers-amazon": "9.39.0",
        "apache-airflow-providers-git": "1.0.1",
    }
    with fake.serving():
        yield fake


@pytest.fixture
def place(tmp_path: Path, aws_url: str) -> Place:
    root = write_project(tmp_path)
    shell = moto.credentials(aws_url) | {
        "AIRFLOW_SECRET": SECRET,
        "MLOPS_DATA_DIR": str(tmp_path / "data"),
        "MLOPS_CACHE_DIR": str(tmp_path / "cache"),
    }
    return Place(root, shell)


def self_hosted(airflow: FakeAirflow, **more: str) -> dict[str, str]:
    return {
        "kind": "airflow",
        "url": airflow.url,
        "auth__kind": "password",
        "auth__username": "ada",
        "auth__password": "env:AIRFLOW_SECRET",
    } | more


@pytest.fixture
def mwaa(airflow: FakeAirflow, aws_url: str, place: Place) -> Iterator[MwaaServer]:
    server = MwaaServer()
    bucket = moto.new_bucket(aws_url, f"mwaa-{os.urandom(4).hex()}")
    server.add("acme", Airflow(airflow.url, "ada", SECRET), bucket=bucket)
    place.shell["AWS_ENDPOINT_URL_MWAA"] = server.url
    with server.serving():
        added = place.add(
            "prod",
            kind="mwaa",
            environment_name="acme",
            account=moto.ACCOUNT,
            region=moto.REGION,
            profile="",
            **{"paths.python": "/opt/churn/bin/python"},
        )
        assert added.code == 0, added.text
        yield server


# --- add, list, show -------------------------------------------------------------------------


def test_an_environment_is_added_and_nothing_else_in_the_file_changes(
    place: Place, airflow: FakeAirflow
) -> None:
    before = place.manifest.replace("  local: {kind: local}\n", "  local: {kind: local}  # mine\n")
    before += "\n# the end\nowner2: &x y\n".replace("owner2: &x y\n", "")
    (place.root / "mlops.yaml").write_text(before)
    added = place.add(
        "staging", **self_hosted(airflow, store__kind="folder", store__path="../dags")
    )
    assert added.code == 0, added.text
    new = "".join(line for line in place.manifest.splitlines(keepends=True) if line not in before)
    assert place.manifest.replace(f"\n{new}", "") == before
    assert "password: env:AIRFLOW_SECRET" in added.out
    listed = place.types("env", "list", "--json").result["environments"]
    assert [(item["name"], item["kind"], item["place"]) for item in listed] == [
        ("local", "local", "the local Airflow"),
        ("staging", "airflow", "folder ../dags"),
    ]
    again = place.add("staging", kind="local")
    assert again.code == 5
    assert "mlops.yaml:" in again.err


def test_what_cannot_be_is_not_written(place: Place, airflow: FakeAirflow) -> None:
    before = place.manifest
    wrong = place.add("s", **self_hosted(airflow, store__kind="s3", store__bucket="My_Bucket"))
    assert (wrong.code, "3 to 63 small letters" in wrong.err) == (3, True)
    literal = place.add(
        "s", **self_hosted(airflow, auth__password=SECRET, store__kind="folder", store__path="d")
    )
    assert (literal.code, "holds a secret" in literal.err) == (4, True)
    missing = place.add("s", kind="mwaa", environment_name="acme")
    assert (missing.code, "`--set account=…` is missing" in missing.err) == (2, True)
    assert place.add("s", kind="mainframe").code == 2
    assert place.types("env", "add", "s", "--kind", "local", "--set", SECRET).code == 2
    assert place.types("env", "add", "../s", "--kind", "local").code == 3
    assert place.manifest == before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("environments: {local: {kind: local}}\n", "stands in braces"),
        ("environments:\n    local:\n      kind: local", None),
        ("environments:\r\n  local: {kind: local}\r\n\r\n", None),
    ],
)
def test_an_environment_finds_its_place_however_the_file_is_written(
    place: Place, text: str, words: str | None
) -> None:
    start = place.manifest[: place.manifest.index("environments:")]
    newline = "\r\n" if "\r" in text else "\n"
    manifest = place.root / "mlops.yaml"
    manifest.write_bytes((start.replace("\n", newline) + text).encode())
    before = manifest.read_bytes()
    added = place.add("qa", kind="local")
    if words:
        assert (added.code, words in added.err) == (3, True)
        assert manifest.read_bytes() == before
        return
    assert added.code == 0, added.text
    assert manifest.read_bytes().startswith(before.rstrip())
    assert ("\r\n" in text) == (b"\r\n" in manifest.read_bytes().removeprefix(before.rstrip()))


def test_show_says_who_says_what(place: Place, mwaa: MwaaServer) -> None:
    shown = place.types(
        "env", "show", "prod", "--json", AWS_PROFILE="theirs", AWS_REGION="ap-south-1"
    )
    sources = {item["key"]: (item["value"], item["source"]) for item in shown.result["values"]}
    lines = place.manifest.splitlines()
    assert sources["region"] == (
        moto.REGION,
        f"mlops.yaml:{lines.index(f'    region: {moto.REGION}') + 1}",
    )
    assert sources["credentials"] == ("the shell's keys", "AWS_ACCESS_KEY_ID")
    assert sources["endpoint of mwaa"] == (mwaa.url, "AWS_ENDPOINT_URL_MWAA")
    assert sources["bucket"] == ("what MWAA says", "airflow:GetEnvironment")
    assert sources["when_running"] == ("fail", "default")
    assert any("`AWS_REGION=ap-south-1` in the shell is not heeded" in line
               for line in shown.result["notes"])  # fmt: skip
    assert mwaa.calls == []
    assert "prod" in place.types("env", "show", MLOPS_ENV="prod").out


def test_an_unknown_environment_is_answered_with_the_nearest(place: Place) -> None:
    for command in (["env", "show", "locla"], ["env", "check", "locla"], ["doctor", "-e", "locla"]):
        said = place.types(*command)
        assert (said.code, "Did you mean" in said.err) == (2, True)


# --- doctor ----------------------------------------------------------------------------------


def test_a_healthy_mwaa_passes_and_nothing_is_left_behind(
    place: Place, mwaa: MwaaServer, aws_url: str, airflow: FakeAirflow
) -> None:
    said = place.types("doctor", "--env", "prod", "--json")
    assert said.code == 0, said.text
    assert said.result["healthy"] is True
    statuses = {item["check"]: item["status"] for item in said.result["findings"]}
    for check in ("identity", "clock", "read", "lock", "write", "versioning", "mwaa", "airflow",
                  "health", "rights", "dag-ids", "providers", "paths"):  # fmt: skip
        assert statuses[check] == "passed", check
    bucket = mwaa.environments["acme"].facts["SourceBucketArn"].rpartition(":")[2]
    assert "Contents" not in moto.client(aws_url).list_objects_v2(Bucket=bucket)
    assert airflow.asked("POST /api/v2/dags") == 0
    human = place.types("env", "check", "prod")
    assert (human.code, "0 failed" in human.out) == (0, True)


def test_the_wrong_account_is_told_with_both_and_nothing_more_is_asked(
    place: Place, mwaa: MwaaServer
) -> None:
    (place.root / "mlops.yaml").write_text(place.manifest.replace(moto.ACCOUNT, "999999999999"))
    said = place.types("doctor", "--env", "prod", "--json")
    assert said.code == 1
    ((status, summary),) = said.found("identity")
    assert (status, moto.ACCOUNT in summary, "999999999999" in summary) == ("failed", True, True)
    assert said.found("write") == [("skipped", "AWS comes first")]
    assert mwaa.calls == []


def test_each_thing_that_is_missing_comes_with_what_mends_it(
    place: Place, mwaa: MwaaServer, airflow: FakeAirflow, aws_url: str
) -> None:
    text = place.manifest.replace(
        "owner: team\n",
        "owner: team\nairflow: '3.2'\nconnections: [warehouse]\nvariables: [region]\n"
        "pools: [small, default_pool]\n",
    )
    (place.root / "mlops.yaml").write_text(text)
    bucket = mwaa.environments["acme"].facts["SourceBucketArn"].rpartition(":")[2]
    moto.client(aws_url).put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}
    )
    airflow.health["scheduler"] = "unhealthy"
    del airflow.providers["apache-airflow-providers-amazon"]
    airflow.add(Dag("churn_training", relative_fileloc="old/training.py"))
    airflow.import_errors.append(
        {"import_error_id": 1, "filename": "churn/churn.py", "stack_trace": "x",
         "timestamp": "2026-01-01T00:00:00Z", "bundle_name": "d"}
    )  # fmt: skip
    said = place.types("doctor", "--env", "prod", "--json")
    assert said.code == 1
    wanted = {
        "versioning": ("failed", "put-bucket-versioning"),
        "airflow": ("failed", 'Write `airflow: "3.3"`'),
        "health": ("failed", "logs"),
        "dag-ids": ("failed", "Remove that file"),
        "import": ("warning", "mlops validate"),
        "connections": ("warning", "airflow connections add warehouse"),
        "variables": ("warning", "airflow variables set region"),
    }
    found = {item["check"]: item for item in said.result["findings"] if item["hint"]}
    for check, (status, hint) in wanted.items():
        assert (found[check]["status"], hint in found[check]["hint"]) == (status, True), check
    pools = [item for item in said.result["findings"] if item["check"] == "pools"]
    assert [item["status"] for item in pools] == ["failed", "passed"]
    assert "airflow pools set small" in pools[0]["hint"]
    assert ("failed", "`apache-airflow-providers-amazon` is not installed") in said.found(
        "providers"
    )


def test_an_mwaa_that_is_being_changed_is_no_place_to_deploy_to(
    place: Place, mwaa: MwaaServer
) -> None:
    mwaa.environments["acme"].status = "UPDATING"
    said = place.types("doctor", "--env", "prod", "--json")
    assert (said.code, said.found("mwaa")) == (
        1,
        [("failed", "the MWAA environment `acme` is UPDATING")],
    )


@pytest.mark.parametrize(
    ("method", "glob", "check", "action"),
    [
        ("PUT", "*_releases*", "lock", "s3:PutObject"),
        ("DELETE", "*_history*", "lock", "s3:DeleteObject"),
        ("PUT", "*lock.json*", "lock", "s3:PutObject"),
        ("POST", "*delete*", "delete", "s3:DeleteObject"),
        ("GET", "*list-type*", "read", "s3:ListBucket"),
    ],
)
def test_a_permission_that_is_missing_is_named_with_its_resource(
    place: Place, mwaa: MwaaServer, aws_url: str, method: str, glob: str, check: str, action: str
) -> None:
    with fault_proxy(aws_url) as proxy:
        place.shell["AWS_ENDPOINT_URL_S3"] = proxy.url
        proxy.rule(method, glob, Status(403), times=None)
        said = place.types("doctor", "--env", "prod", "--json")
    assert said.code == 1
    hints = [item["hint"] for item in said.result["findings"] if item["check"] == check]
    assert any(f"Allow `{action}` on `arn:aws:s3:::" in (hint or "") for hint in hints), said.text


def test_an_airflow_that_does_not_answer_is_asked_once(place: Place, airflow: FakeAirflow) -> None:
    place.add("s", **self_hosted(airflow, store__kind="folder", store__path="../dags"))
    airflow.fail("GET /api/v2/version", status=500, times=100)
    said = place.types("doctor", "--env", "s", "--json")
    assert said.code == 1
    assert said.found("airflow")[0][0] == "failed"
    assert said.found("rights") == [("skipped", "there was no answer to `airflow`")]
    assert said.found("lock")[0][0] == "passed"


def test_a_password_that_airflow_refuses_is_said_once(place: Place, airflow: FakeAirflow) -> None:
    airflow.password = "another"
    place.add("s", **self_hosted(airflow, store__kind="folder", store__path="../dags"))
    said = place.types("doctor", "--env", "s", "--json")
    assert said.code == 1
    assert said.found("airflow")[0][0] == "failed"
    assert said.found("rights") == [("skipped", "for the same reason as `airflow`")]


def test_somebody_who_deploys_is_named(place: Place, airflow: FakeAirflow) -> None:
    import fcntl

    place.add("s", **self_hosted(airflow, store__kind="folder", store__path="../dags"))
    folder = place.root.parent / "dags/churn"
    folder.mkdir(parents=True)
    with (folder / ".mlops.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = place.types("doctor", "--env", "s", "--json")
    assert (said.code, said.found("lock")[0][0]) == (0, "warning")
    assert said.found("write") == [("skipped", "somebody else is at work")]


# --- secrets stay where they are -------------------------------------------------------------

WAYS_TO_FAIL = {
    "a password written out": ("env:AIRFLOW_SECRET", SECRET, 4),
    "a password in the URL": ("http://127", f"http://ada:{SECRET}@127", 3),
    "a user that is one in the URL": ("http://127", f"http://{SECRET}@127", 3),
    "a key that is one": ("    url:", f"    secret_token: {SECRET}\n    url:", 4),
    "a kind that is none": ("kind: password", "kind: pasword", 3),
    "a variable that is not there": ("env:AIRFLOW_SECRET", "env:NOT_THERE", 1),
    "a file others may read": ("env:AIRFLOW_SECRET", "file:loose", 1),
    "a secret nobody has": ("env:AIRFLOW_SECRET", "aws-secretsmanager:none", 1),
    "a keyring that is not there": ("env:AIRFLOW_SECRET", "keyring:a/b", 1),
}


@pytest.mark.parametrize(("old", "new", "code"), WAYS_TO_FAIL.values(), ids=WAYS_TO_FAIL)
def test_no_way_to_fail_tells_the_secret(
    place: Place, airflow: FakeAirflow, old: str, new: str, code: int
) -> None:
    more = {"store__kind": "folder", "store__path": "../dags", "region": moto.REGION}
    assert place.add("s", **self_hosted(airflow, **more)).code == 0
    assert old in place.manifest
    (place.root / "loose").write_text(SECRET)
    (place.root / "loose").chmod(0o644)
    (place.root / "mlops.yaml").write_text(place.manifest.replace(old, new))
    airflow.fail("POST /auth/token", text=f"{SECRET}", times=100)
    # `types` looks for the secret in everything that is said.
    assert place.types("doctor", "--env", "s", "--debug").code == code
    assert place.types("doctor", "--env", "s", "--json").code == code
    listed = 0 if code == 1 else code
    assert place.types("env", "show", "s", "--debug").code == listed
    assert place.types("env", "list", "--json").code == listed
    crashes = place.root.parent / "data/crashes"
    assert not crashes.exists()


# --- asked on a terminal ---------------------------------------------------------------------


def test_a_person_is_asked_for_what_is_not_given(place: Place, airflow: FakeAirflow) -> None:
    child = pexpect.spawn(
        sys.executable,
        ["-m", "mlops_cli", "env", "add", "staging"],
        cwd=str(place.root),
        env=os.environ | place.shell,  # type: ignore[arg-type]  # a plain mapping
        encoding="utf-8",
        timeout=60,
        dimensions=(40, 200),
    )
    answers = [
        ("Which Airflow is it", "airflow"),
        ("web interface", airflow.url),
        (r"How do you log in.*\[password\]", "telepathy"),
        (r"How do you log in.*\[password\]", ""),
        ("As whom", "ada"),
        (r"Where is the password.*\[env:STAGING_AIRFLOW_PASSWORD\]", "env:AIRFLOW_SECRET"),
        ("read DAGs from", "git"),
        ("which repository", "git@example.com:team/dags.git"),
        (r"which branch.*\[deploy/staging\]", ""),
        (r"approve each change.*\[no\]", "yes"),
    ]
    for question, answer in answers:
        child.expect(question)
        child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert "branch: deploy/staging" in place.manifest
    shown = place.types("env", "show", "staging", "--json").result["values"]
    values = {item["key"]: item["value"] for item in shown}
    assert values["auth.password"] == "env:AIRFLOW_SECRET"
    assert (values["protected"], values["when_running"]) == ("true", "fail")


def test_the_questions_follow_from_the_answers(place: Place) -> None:
    asked: list[str] = []
    answers = {"account": moto.ACCOUNT, "environment_name": "acme", "region": moto.REGION}

    def ask(question: Question) -> str:
        asked.append(question.key)
        return answers.get(question.key, "")

    added = add_environment(place.root, "production", kind="mwaa", settings=(), ask=ask)
    assert asked == ["environment_name", "account", "region", "profile", "protected"]
    assert "protected: true" in added.text
    assert "profile" not in added.text
