"""The doctor asks a real Airflow, over HTTP with a password and through MWAA's service."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from fakes import moto_server as moto
from fakes.grounds import PASSWORD, Notes, add_environment
from fakes.projects import write_project

from mlops_cli.checks.doctor import Diagnosis, diagnose
from mlops_cli.core.clock import SystemClock
from mlops_cli.environments.emulated.behind import Airflow
from mlops_cli.environments.emulated.service import MwaaServer
from mlops_cli.project.loader import load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_cli.environments.local.instance import Instance

pytestmark = pytest.mark.real


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = write_project(tmp_path)
    manifest = made / "mlops.yaml"
    wishes = "connections: [warehouse]\nvariables: [region]\npools: [small, default_pool]\n"
    manifest.write_text(manifest.read_text().replace("model:\n", f"{wishes}model:\n", 1))
    return made


def look(root: Path) -> Diagnosis:
    return diagnose(load(root), "staging", progress=Notes(), clock=SystemClock())


def statuses(examined: Diagnosis) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for item in examined.findings:
        found.setdefault(item.check, []).append(str(item.status))
    return found


def test_a_self_hosted_airflow_answers_every_question(
    root: Path, local_airflow: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD, local_airflow.password.reveal())
    login = f"{{kind: password, username: {local_airflow.username}, password: 'env:{PASSWORD}'}}"
    add_environment(
        root,
        "staging",
        f"{{kind: airflow, url: '{local_airflow.url}', auth: {login}, "
        "store: {kind: folder, path: ../dags}, paths: {python: /usr/bin/python3}}",
    )
    _as_it_should(look(root))


def _as_it_should(examined: Diagnosis) -> None:
    found = statuses(examined)
    for check in ("airflow", "health", "rights", "dag-ids", "lock", "read"):
        assert found[check] == ["passed"], (check, examined.findings)
    assert found["connections"] == ["warning"]
    assert found["variables"] == ["warning"]
    assert found["pools"] == ["failed", "passed"]
    assert set(found["providers"]) == {"passed"}


@contextmanager
def in_mwaa(airflow: Instance, bucket: str, patch: pytest.MonkeyPatch) -> Iterator[None]:
    server = MwaaServer()
    behind = Airflow(airflow.url, airflow.username, airflow.password.reveal())
    server.add("acme", behind, bucket=bucket)
    with server.serving():
        patch.setenv("AWS_ENDPOINT_URL_MWAA", server.url)
        yield


def test_mwaa_passes_every_question_on(
    root: Path, local_airflow: Instance, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_environment(
        root,
        "staging",
        f"{{kind: mwaa, environment_name: acme, account: '{moto.ACCOUNT}', "
        f"region: {moto.REGION}, paths: {{python: /usr/bin/python3}}}}",
    )
    with in_mwaa(local_airflow, bucket, monkeypatch):
        examined = look(root)
    _as_it_should(examined)
    assert statuses(examined)["identity"] == ["passed"]
