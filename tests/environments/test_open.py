"""From `mlops.yaml` to a store and an Airflow, for every kind of environment there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fakes import moto_server as moto
from fakes.airflow_server import Dag, FakeAirflow
from fakes.projects import write_project
from fakes.repositories import bare_repository

from mlops_cli.core.clock import SystemClock
from mlops_cli.core.errors import NotAllowedError, ProjectError, UnavailableError
from mlops_cli.environments.emulated.behind import Airflow
from mlops_cli.environments.emulated.service import MwaaServer
from mlops_cli.environments.open import Environment, open_environment
from mlops_cli.environments.stores.folder import FolderStore
from mlops_cli.environments.stores.git import GitStore
from mlops_cli.environments.stores.s3 import S3Store
from mlops_cli.project.loader import load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_cli.project.model import Project

CLOCK = SystemClock()
AWS = f'account: "{moto.ACCOUNT}"\n    region: {moto.REGION}'


class Notes:
    """Keeps what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)

    def step(self, text: str) -> None:
        raise AssertionError(text)


@pytest.fixture(scope="module")
def aws_url() -> Iterator[str]:
    with moto.moto_server() as url:
        yield url


@pytest.fixture(autouse=True)
def shell(aws_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell's credentials and endpoint are those of the emulated AWS."""
    for name, value in moto.credentials(aws_url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MLOPS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("MLOPS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("AIRFLOW_SECRET", "s3cret-of-ada")


@pytest.fixture
def airflow() -> Iterator[FakeAirflow]:
    fake = FakeAirflow()
    fake.username, fake.password = "ada", "s3cret-of-ada"
    fake.add(Dag("churn_training"))
    with fake.serving():
        yield fake


def project(folder: Path, environment: str) -> Project:
    """A project with one more environment, `staging`."""
    root = write_project(folder)
    manifest = root / "mlops.yaml"
    text = "\n".join(f"    {line}" for line in environment.strip().splitlines())
    manifest.write_text(f"{manifest.read_text()}  staging:\n{text}\n")
    return load(root)


def staging(made: Project, notes: Notes | None = None) -> Environment:
    return open_environment(made, "staging", start=False, progress=notes or Notes(), clock=CLOCK)


def self_hosted(airflow: FakeAirflow, store: str, more: str = "") -> str:
    auth = "{kind: password, username: ada, password: 'env:AIRFLOW_SECRET'}"
    return f"kind: airflow\nurl: {airflow.url}\nauth: {auth}\nstore: {store}\n{more}"


def test_a_self_hosted_airflow_over_a_folder(airflow: FakeAirflow, tmp_path: Path) -> None:
    opened = staging(project(tmp_path, self_hosted(airflow, "{kind: folder, path: ../dags}")))
    assert isinstance(opened.store, FolderStore)
    opened.store.swap("churn.py", b"x", expected=None)
    assert (tmp_path / "dags/churn/churn.py").read_bytes() == b"x"
    dag = opened.airflow.dag("churn_training")
    assert dag is not None
    assert (opened.aws is not None, opened.identity, opened.mwaa) == (True, None, None)


def test_a_self_hosted_airflow_over_a_bucket(
    airflow: FakeAirflow, aws_url: str, tmp_path: Path
) -> None:
    bucket = moto.new_bucket(aws_url, "open-bucket")
    store = f"{{kind: s3, bucket: {bucket}, prefix: team/dags}}"
    opened = staging(project(tmp_path, self_hosted(airflow, store, AWS.replace("    ", ""))))
    assert isinstance(opened.store, S3Store)
    opened.store.swap("churn.py", b"x", expected=None)
    found = moto.client(aws_url).list_objects_v2(Bucket=bucket)["Contents"]
    assert [item["Key"] for item in found] == ["team/dags/churn/churn.py"]
    assert opened.identity is not None
    assert opened.identity.account == moto.ACCOUNT


def test_a_self_hosted_airflow_over_git(airflow: FakeAirflow, tmp_path: Path) -> None:
    repository = bare_repository(tmp_path / "dags.git")
    store = f"{{kind: git, repository: {repository}, branch: deploy/staging, folder: dags}}"
    opened = staging(project(tmp_path, self_hosted(airflow, store)))
    assert isinstance(opened.store, GitStore)
    opened.store.swap("churn.py", b"x", expected=None)
    assert opened.store.list("") == {"churn.py": 1}


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        ("{kind: token, token: 'env:AIRFLOW_SECRET'}", "Bearer s3cret-of-ada"),
        ("{kind: basic, username: ada, password: 'env:AIRFLOW_SECRET'}",
         "Basic YWRhOnMzY3JldC1vZi1hZGE="),
        ("{kind: none}", None),
    ],
)  # fmt: skip
def test_every_login_reaches_airflow_as_it_should(
    airflow: FakeAirflow, tmp_path: Path, auth: str, header: str | None
) -> None:
    text = f"kind: airflow\nurl: {airflow.url}\nauth: {auth}\nstore: {{kind: folder, path: d}}"
    api = staging(project(tmp_path, text)).airflow
    airflow.tokens.add("s3cret-of-ada")
    if header is None or header.startswith("Basic"):
        assert api.version()
        with pytest.raises(NotAllowedError):
            api.import_errors()
    else:
        assert api.import_errors() == ()


def test_a_secret_is_looked_up_only_when_it_is_needed(
    airflow: FakeAirflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_SECRET")
    api = staging(project(tmp_path, self_hosted(airflow, "{kind: folder, path: d}"))).airflow
    with pytest.raises(NotAllowedError, match="`env:AIRFLOW_SECRET`"):
        api.import_errors()


def test_a_secret_of_secrets_manager_is_found_in_the_right_account(
    airflow: FakeAirflow, aws_url: str, tmp_path: Path
) -> None:
    moto.client(aws_url, "secretsmanager").create_secret(
        Name="open/airflow", SecretString='{"pw": "s3cret-of-ada"}'
    )
    text = self_hosted(airflow, "{kind: folder, path: d}", f"region: {moto.REGION}")
    text = text.replace("env:AIRFLOW_SECRET", "aws-secretsmanager:open/airflow#pw")
    assert staging(project(tmp_path, text)).airflow.import_errors() == ()


# --- MWAA ------------------------------------------------------------------------------------


@pytest.fixture
def mwaa(
    airflow: FakeAirflow, aws_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MwaaServer]:
    server = MwaaServer()
    bucket = f"mwaa-{id(server)}"
    moto.new_bucket(aws_url, bucket)
    server.add("acme", Airflow(airflow.url, "ada", "s3cret-of-ada"), bucket=bucket)
    with server.serving():
        monkeypatch.setenv("AWS_ENDPOINT_URL_MWAA", server.url)
        yield server


MWAA = f"kind: mwaa\nenvironment_name: acme\n{AWS.replace('    ', '')}\n"


def test_mwaa_says_itself_where_its_bucket_is(
    mwaa: MwaaServer, aws_url: str, tmp_path: Path
) -> None:
    notes = Notes()
    opened = staging(project(tmp_path, MWAA), notes)
    assert opened.mwaa is not None
    opened.store.swap("churn.py", b"x", expected=None)
    bucket = opened.mwaa.bucket
    found = moto.client(aws_url).list_objects_v2(Bucket=bucket)["Contents"]
    assert [item["Key"] for item in found] == ["dags/churn/churn.py"]
    assert opened.airflow.dag("churn_training") is not None
    assert f"mwaa is asked at {mwaa.url} (`AWS_ENDPOINT_URL_MWAA` in the shell)" in notes.said


@pytest.mark.parametrize("more", ["bucket: another-bucket", "prefix: elsewhere"])
def test_a_place_that_mwaa_does_not_read_is_refused(
    mwaa: MwaaServer, tmp_path: Path, more: str
) -> None:
    with pytest.raises(ProjectError, match="reads its DAGs from `s3://mwaa-"):
        staging(project(tmp_path, MWAA + more))


def test_an_unknown_mwaa_environment_is_answered_with_those_there_are(
    mwaa: MwaaServer, tmp_path: Path
) -> None:
    with pytest.raises(ProjectError) as caught:
        staging(project(tmp_path, MWAA.replace("acme", "acm")))
    assert caught.value.hint == "There are `acme`"


# --- the right account, the right shell ------------------------------------------------------


def test_another_account_is_refused_before_anything_is_asked_of_it(
    mwaa: MwaaServer, tmp_path: Path
) -> None:
    with pytest.raises(NotAllowedError) as caught:
        staging(project(tmp_path, MWAA.replace(moto.ACCOUNT, "999999999999")))
    assert "`999999999999`" in caught.value.message
    assert moto.ACCOUNT in caught.value.message
    assert mwaa.calls == []


def test_the_file_wins_over_the_shell_and_it_is_said(
    mwaa: MwaaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[profile ours]\naws_access_key_id = ours\naws_secret_access_key = x\nregion = us-west-2\n"
        "[profile theirs]\naws_access_key_id = theirs\naws_secret_access_key = x\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "theirs")
    monkeypatch.setenv("AWS_REGION", "ap-south-1")
    mwaa.credentials = {"ours"}
    notes = Notes()
    opened = staging(project(tmp_path, MWAA + "profile: ours"), notes)
    assert opened.mwaa is not None
    assert any("`AWS_PROFILE=theirs` in the shell is not heeded" in line for line in notes.said)
    assert any("`AWS_ACCESS_KEY_ID` in the shell is not heeded" in line for line in notes.said)
    assert any("`region: eu-central-1`" in line for line in notes.said)
    assert opened.aws is not None
    assert opened.aws.client("mwaa").meta.region_name == moto.REGION


def test_the_endpoint_of_the_file_wins_over_that_of_the_shell(
    airflow: FakeAirflow, aws_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = moto.new_bucket(aws_url, "own-endpoint")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    store = f"{{kind: s3, bucket: {bucket}, endpoint: '{aws_url}'}}"
    notes = Notes()
    text = self_hosted(airflow, store, f"region: {moto.REGION}")
    opened = staging(project(tmp_path, text), notes)
    opened.store.swap("churn.py", b"x", expected=None)
    assert opened.store.list("") == {"churn.py": 1}


def test_in_development_the_store_is_your_own(
    airflow: FakeAirflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_USER", "ada")
    text = self_hosted(airflow, "{kind: folder, path: ../dags}", "mode: development")
    opened = staging(project(tmp_path, text))
    opened.store.swap("x", b"x", expected=None)
    assert (tmp_path / "dags/ada_churn/x").is_file()


def test_the_local_one_that_does_not_run_says_how_to_start_it(tmp_path: Path) -> None:
    root = write_project(tmp_path)
    opened = open_environment(load(root), "local", start=False, progress=Notes(), clock=CLOCK)
    with pytest.raises(UnavailableError) as caught:
        _ = opened.airflow
    assert caught.value.hint == "Start it: `mlops airflow start`"


# --- what is not allowed is said, and the secret is not --------------------------------------


@pytest.mark.parametrize(
    ("url", "more"),
    [
        ("http://airflow.example.com", ""),
        ("http://169.254.169.254", "plain_http: true"),
        ("https://127.0.0.1:1", "ca_file: nothing.pem"),
    ],
)
def test_a_url_no_secret_may_go_to_is_refused(tmp_path: Path, url: str, more: str) -> None:
    text = (
        f"kind: airflow\nurl: {url}\nauth: {{kind: none}}\nstore: {{kind: folder, path: d}}\n{more}"
    )
    with pytest.raises(ProjectError):
        staging(project(tmp_path, text))
