"""What an environment may be, and that everything else is refused in its own line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ruamel.yaml import YAML

from mlops_cli.core.errors import NotAllowedError, ProjectError
from mlops_cli.environments import secrets
from mlops_cli.project.environments import (
    REFERENCES,
    AirflowEnvironment,
    MwaaEnvironment,
    S3Place,
)
from mlops_cli.project.loader import examine, load
from mlops_cli.project.names import user_prefix
from mlops_cli.project.schema import json_schema, keys_at

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_cli.core.diagnostics import Diagnostic
    from mlops_cli.project.model import Project

HEAD = """\
version: 1
name: churn
owner: data-team
model:
  task: classification
  target: left
  features: {age: number}
  source: data/churn.csv
  training: {families: {random_forest: {}}}
  evaluation: {thresholds: {accuracy: {minimum: 0.9}}}
environments:
"""
STAGING = """\
  staging:
    kind: airflow
    url: https://airflow.example.com/
    auth:
      kind: password
      username: ada
      password: env:AIRFLOW_PASSWORD
    store:
      kind: s3
      bucket: acme-dags
      prefix: team/dags/
    account: "123456789012"
    region: eu-central-1
"""
PROD = """\
  prod:
    kind: mwaa
    environment_name: acme-prod
    account: "123456789012"
    region: eu-central-1
    protected: true
"""
GOOD = HEAD + STAGING + PROD
SENTINEL = "hunter2-hunter2"


def problems(folder: Path, text: str) -> tuple[Diagnostic, ...]:
    (folder / "mlops.yaml").write_text(text)
    project, found = examine(folder)
    assert (project is None) == bool(found)
    return found


def read(folder: Path, text: str) -> Project:
    assert problems(folder, text) == ()
    return load(folder)


def test_every_kind_is_read(tmp_path: Path) -> None:
    project = read(tmp_path, GOOD + "  local: {kind: local}\n")
    staging, prod = project.environments["staging"], project.environments["prod"]
    assert isinstance(staging, AirflowEnvironment)
    assert isinstance(prod, MwaaEnvironment)
    assert staging.url == "https://airflow.example.com"
    assert isinstance(staging.store, S3Place)
    assert (staging.store.prefix, staging.running_policy) == ("team/dags", "allow")
    assert (prod.bucket, prod.running_policy) == (None, "fail")


@pytest.mark.parametrize(
    "store",
    ["{kind: folder, path: ../dags}", "{kind: git, repository: git@x:a/b.git, branch: deploy/s}",
     "{kind: s3, bucket: acme, endpoint: 'http://127.0.0.1:9000', lock: unsafe}"],
)  # fmt: skip
@pytest.mark.parametrize(
    "auth",
    ["{kind: none}", "{kind: token, token: 'keyring:airflow/ada'}",
     "{kind: basic, username: ada, password: 'aws-secretsmanager:airflow#pw'}"],
)  # fmt: skip
def test_every_store_and_every_login_is_read(tmp_path: Path, store: str, auth: str) -> None:
    read(
        tmp_path,
        HEAD
        + f"  s:\n    kind: airflow\n    url: https://x\n    auth: {auth}\n    store: {store}\n",
    )


@pytest.mark.parametrize("written", ["123456789012", "12345678901", '"012345678901"', "0o1"])
def test_an_account_that_yaml_took_for_a_number_is_one_all_the_same(
    tmp_path: Path, written: str
) -> None:
    text = HEAD + PROD.replace('"123456789012"', written)
    prod = read(tmp_path, text).environments["prod"]
    assert isinstance(prod, MwaaEnvironment)
    wanted = {"123456789012": "123456789012", "0o1": "000000000001"}
    assert prod.account == wanted.get(written, "012345678901")


ACCOUNT = '"123456789012"\n    region: eu-central-1\n  prod'
REGION = "region: eu-central-1\n  prod"
PLAIN = "plain_http: true\n    protected: true\n    "
AUTH = STAGING[STAGING.index("    auth:") : STAGING.index("    store:")]

# Old text, new text, the line of the problem, and words of it.
WRONG = {
    "no kind": ("    kind: mwaa\n", "", 25, "`kind` is missing"),
    "an unknown kind": ("kind: mwaa", "kind: mwa", 26, "Did you mean `kind: mwaa`"),
    "an unknown key": ("region: eu-central-1\n  prod", "regoin: x\n  prod", 24, "`region`"),
    "an unknown key of a store": ("bucket: acme", "buket: acme", 21, "mean `bucket`"),
    "an unknown key of a login": ("username:", "user:", 17, "mean `username`"),
    "an unknown store": ("kind: s3", "kind: gcs", 20, "`kind: folder`"),
    "no login": (AUTH, "", 12, "`auth` is missing"),
    "an account with letters": (ACCOUNT, "acme\n  prod", 23, "12 digits"),
    "an account too long": (ACCOUNT, "1234567890123\n  prod", 23, "12 digits"),
    "a word that YAML reads as no": ("protected: true", "protected: no", 30, "valid boolean"),
    "an MWAA name that begins with a digit": ("acme-prod", "1env", 27, "begins with a letter"),
    "an MWAA name too long": ("acme-prod", "a" * 81, 27, "80 letters"),
    "an MWAA name with a dot": ("acme-prod", "a.b", 27, "80 letters"),
    "a region that is none": ("1\n    protected", "x\n    protected", 29, "looks like"),
    "a bucket with capitals": ("acme-dags", "My_Bucket", 21, "3 to 63"),
    "a bucket as a URL": ("acme-dags", "s3://b", 21, "3 to 63"),
    "a bucket of two characters": ("acme-dags", "ab", 21, "3 to 63"),
    "a bucket with dots": ("acme-dags", "a.b.c", 21, "no `.`"),
    "a folder that leads out": ("team/dags/", "../x", 22, "is named like"),
    "the folder of locks": ("team/dags/", "mlops/x", 22, "kept for locks"),
    "a URL without a scheme": ("https://airflow", "airflow", 14, "begins with `https://`"),
    "a URL of another kind": ("https://airflow", "ftp://airflow", 14, "begins with `https://`"),
    "a URL with a query": ("example.com/", "example.com/?token=a", 14, "no `?`"),
    "a variable": ("acme-dags", "${BUCKET}", 21, "write the value itself"),
    "a variable with a default": ("acme-dags", "${BUCKET:-x}", 21, "write the value itself"),
    "a command": ("acme-dags", "$(id)", 21, "write the value itself"),
    "a platform of later": ("protected: true", "platform: sagemaker", 30, "'local'"),
    "plain http where it is protected": (REGION, PLAIN + REGION, 12, "use `https`"),
    "a word for when runs are in flight": ("protected: true", "when_running: maybe", 30, "'fail'"),
    "no such mode": ("protected: true", "mode: dev", 30, "'development'"),
    "glue without its settings": ("protected: true", "quality: glue", 25, "section `glue:`"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "words"), WRONG.values(), ids=WRONG)
def test_what_does_not_fit_is_told_in_its_line(
    tmp_path: Path, old: str, new: str, line: int, words: str
) -> None:
    assert old in GOOD
    found = problems(tmp_path, GOOD.replace(old, new, 1))
    told = next(item for item in found if words in f"{item.summary} {item.hint}")
    assert told.at is not None
    assert (told.at.line, told.at.column is not None) == (line, True)
    with pytest.raises(ProjectError):
        load(tmp_path)


@pytest.mark.parametrize("version", ['"3.2"', '"3.3"'])
def test_both_airflow_versions_are_known(tmp_path: Path, version: str) -> None:
    assert read(tmp_path, f"airflow: {version}\n" + GOOD).airflow == version.strip('"')


@pytest.mark.parametrize(
    ("version", "words"), [('"2.11"', '`"3.3"` or `"3.2"`'), ("3.3", "Put it in quotes")]
)
def test_another_airflow_version_is_refused(tmp_path: Path, version: str, words: str) -> None:
    (found,) = problems(tmp_path, f"airflow: {version}\n" + GOOD)
    assert words in f"{found.summary} {found.hint}"


def test_two_environments_cannot_have_one_place(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, GOOD + STAGING.replace("staging", "qa"))
    assert "`staging` and `qa` have their releases in one place" in found.summary
    (found,) = problems(tmp_path, GOOD + PROD.replace("prod:", "live:"))
    assert "`acme-prod`" in found.summary
    # In development the releases lie under one's own name.
    read(tmp_path, GOOD + STAGING.replace("staging", "mine") + "    mode: development\n")


# --- secrets ---------------------------------------------------------------------------------

WRITTEN_OUT = {
    "a password": ("env:AIRFLOW_PASSWORD", SENTINEL, 18),
    "a password in quotes": ("env:AIRFLOW_PASSWORD", f'"{SENTINEL}"', 18),
    "a password that is a number": ("env:AIRFLOW_PASSWORD", "4711471147114711", 18),
    "a password that looks like a variable": ("env:AIRFLOW_PASSWORD", f"${{{SENTINEL}}}", 18),
    "a password behind env": ("env:AIRFLOW_PASSWORD", f"env:{SENTINEL}", 18),
    "a password no list may be": ("env:AIRFLOW_PASSWORD", f"[{SENTINEL}]", 18),
    "a half reference to a keyring": ("env:AIRFLOW_PASSWORD", f"keyring:{SENTINEL}", 18),
    "a key nobody asked for": ("acme-dags", f"acme-dags\n      secret_key: {SENTINEL}", 22),
    "an access key": ("acme-dags", "AKIAABCDEFGHIJKLMNOP", 21),
    "a token": ("acme-dags", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghij", 21),
}


@pytest.mark.parametrize(("old", "new", "line"), WRITTEN_OUT.values(), ids=WRITTEN_OUT)
def test_a_secret_in_the_file_is_refused_and_never_told(
    tmp_path: Path, old: str, new: str, line: int
) -> None:
    found = problems(tmp_path, GOOD.replace(old, new, 1))
    assert [item.at.line for item in found if item.at] == [line]
    if "${" in new:
        assert "write the value itself" in found[0].summary
    else:
        assert "holds a secret" in found[0].summary
        with pytest.raises(NotAllowedError) as caught:
            load(tmp_path)
        assert caught.value.exit_code == 4
    for secret in (SENTINEL, "4711", "AKIA", "eyJ"):
        assert secret not in str(found)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("https://airflow", f"https://ada:{SENTINEL}@airflow", 14),
        ("https://airflow", f"https://{SENTINEL}@airflow", 14),
        ("kind: s3\n      bucket: acme-dags\n      prefix: team/dags/",
         f"kind: git\n      repository: https://x:{SENTINEL}@host/r.git\n      branch: b", 21),
    ],
)  # fmt: skip
def test_a_url_with_a_credential_is_refused_and_it_is_not_told(
    tmp_path: Path, old: str, new: str, line: int
) -> None:
    (found,) = problems(tmp_path, GOOD.replace(old, new, 1))
    assert "no credentials in URLs" in found.summary
    assert found.at is not None
    assert found.at.line == line
    assert SENTINEL not in str(found)


@pytest.mark.parametrize("text", ["env:A_B", "keyring:airflow/ada", "file:~/.pw",
                                  "aws-secretsmanager:airflow/prod#password"])  # fmt: skip
def test_the_references_of_the_file_are_those_that_can_be_looked_up(
    tmp_path: Path, text: str
) -> None:
    read(tmp_path, GOOD.replace("env:AIRFLOW_PASSWORD", text))
    assert str(secrets.parse(text)) == text


def test_no_reference_is_forgotten() -> None:
    assert set(REFERENCES) == set(secrets._SOURCES)


# --- your own name ---------------------------------------------------------------------------


def test_development_has_everything_under_your_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_USER", "Ada.Lovelace@example.com")
    project = read(tmp_path, GOOD + "  mine: {kind: local, mode: development}\n")
    mine = project.within("mine")
    assert (mine.name, mine.package) == ("ada_lovelace_churn", "churn")
    assert mine.dag_ids != project.dag_ids
    assert all(len(dag_id) <= 24 for dag_id in mine.dag_ids.values())
    assert mine.within("mine").name == mine.name
    assert project.within("staging") is project
    assert project.name == "churn"


@pytest.mark.parametrize(
    ("who", "prefix"), [("ada", "ada"), ("Zoë", "zoe"), ("7of9", "of9"), ("a-b", "a_b")]
)
def test_a_user_is_the_beginning_of_a_name(
    monkeypatch: pytest.MonkeyPatch, who: str, prefix: str
) -> None:
    monkeypatch.setenv("MLOPS_USER", who)
    assert user_prefix() == prefix


def test_a_user_without_a_usable_name_is_told_how_to_give_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLOPS_USER", "1000")
    with pytest.raises(ProjectError) as caught:
        user_prefix()
    assert "MLOPS_USER" in str(caught.value.hint)


# --- for editors -----------------------------------------------------------------------------


def test_the_schema_takes_what_the_tool_takes() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    data = YAML(typ="safe").load(GOOD)
    jsonschema.validate(data, json_schema())
    data["environments"]["prod"]["account"] = 123456789012
    jsonschema.validate(data, json_schema())
    data["environments"]["prod"]["buket"] = "x"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, json_schema())


def test_the_keys_below_a_kind_are_its_own() -> None:
    assert "environment_name" in keys_at(("environments", "prod", "mwaa"))
    assert "environment_name" not in keys_at(("environments", "staging", "airflow"))
    assert set(keys_at(("environments", "s", "airflow", "store", "git"))) == {
        "kind", "repository", "branch", "folder",
    }  # fmt: skip
    assert {"url", "environment_name"} <= set(keys_at(("environments", "any")))
