"""Airflow: it answers, is the right one, lets us in, and has what the pipelines ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import ProjectError
from mlops_cli.environments.release import loader
from mlops_cli.project.environments import AirflowEnvironment, GitPlace, MwaaEnvironment, S3Place

from .report import failed, passed, skipped, warning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from .examination import Patient
    from .report import Finding

_PROVIDERS: Final = "apache-airflow-providers-"
_NEEDED: Final = ("metadatabase", "scheduler", "dag_processor")
_SENDERS: Final = {
    "slack-webhook": "slack",
    "slack": "slack",
    "sns": "amazon",
    "smtp": "smtp",
    "ses": "amazon",
}
_NOBODYS_DAG: Final = "mlops_doctor_asks"


def answers(patient: Patient) -> Iterator[Finding]:
    """It is there, and of the version the DAGs are proved with."""
    opened, wanted = patient.environment, patient.project.airflow
    if opened.mwaa is not None:
        if not opened.mwaa.is_ready:
            name = opened.mwaa.name
            yield failed(
                "mwaa",
                f"the MWAA environment `{name}` is {opened.mwaa.status}",
                f"Look again when that is over: `aws mwaa get-environment --name {name}`",
            )
            return
        yield passed("mwaa", f"the MWAA environment `{opened.mwaa.name}` is {opened.mwaa.status}")
    if opened.api is None:
        yield warning(
            "airflow",
            "the local Airflow is not running; a deploy starts it",
            "`mlops airflow start`",
        )
        return
    version = opened.api.version()
    short = ".".join(version.split(".")[:2])
    if short == wanted:
        yield passed("airflow", f"Airflow {version} answers at `{opened.api.name}`")
        return
    yield failed(
        "airflow",
        f"Airflow at `{opened.api.name}` is {version}, and the DAGs are proved with {wanted}",
        f'Write `airflow: "{short}"` in `mlops.yaml`, then `mlops validate`',
    )


def health(patient: Patient) -> Iterator[Finding]:
    """What parses and starts things is alive."""
    api = patient.environment.api
    if api is None:
        return
    states = api.health()
    ill = [
        f"{name} is {states[name]}" for name in _NEEDED if states.get(name, "healthy") != "healthy"
    ]
    if ill:
        yield failed("health", "; ".join(ill), "Look at the logs of that component")
    else:
        yield passed("health", "scheduler and DAG processor are healthy")


def rights(patient: Patient) -> Iterator[Finding]:
    """We are let in, and may change DAGs."""
    api = patient.environment.api
    if api is None:
        return
    errors = api.import_errors()
    try:
        # Whoever may not is refused before the DAG is looked for; there is none of that name.
        api.set_paused(_NOBODYS_DAG, paused=True)
    except ProjectError:
        yield passed("rights", "DAGs may be read and paused")
    pointer = f"{patient.project.name}/{loader.pointer_key(patient.project.name)}"
    if any(error.filename.endswith(pointer) for error in errors):
        yield warning(
            "import",
            f"Airflow cannot import `{pointer}`",
            f"Prove it here: `mlops validate --env {patient.name}`",
        )


def dag_ids(patient: Patient) -> Iterator[Finding]:
    """No other file of that Airflow defines our DAGs: one would hide the other, silently."""
    api, project = patient.environment.api, patient.project
    if api is None:
        return
    ours = f"{project.name}/{loader.pointer_key(project.name)}"
    taken = False
    for dag_id in project.dag_ids.values():
        there = api.dag(dag_id)
        if there is None or there.is_stale or there.relative_fileloc in (None, ours):
            continue
        taken = True
        yield failed(
            "dag-ids",
            f"`{there.relative_fileloc}` defines the DAG `{dag_id}` already",
            "Remove that file, or give the project another name",
        )
    if not taken:
        yield passed("dag-ids", f"{', '.join(project.dag_ids.values())}: nobody else's")


def providers(patient: Patient) -> Iterator[Finding]:
    """The providers the pipelines and the bundle need are installed."""
    api = patient.environment.api
    if api is None:
        return
    installed = api.providers()
    for name in _providers(patient):
        version = installed.get(_PROVIDERS + name)
        if version:
            yield passed("providers", f"`{_PROVIDERS}{name}` {version}")
            continue
        yield failed(
            "providers",
            f"`{_PROVIDERS}{name}` is not installed",
            f"Add it to that Airflow's requirements: `pip install {_PROVIDERS}{name}`",
        )
    yield skipped("python", "Airflow's API does not say which Python it runs on")


def _providers(patient: Patient) -> tuple[str, ...]:
    spec = patient.spec
    names = ["standard"]
    if spec.quality == "glue" or isinstance(spec, MwaaEnvironment):
        names.append("amazon")
    names += [_SENDERS[one.to] for one in patient.project.notifications.send]
    if isinstance(spec, AirflowEnvironment):
        if isinstance(spec.store, S3Place):
            names.append("amazon")
        if isinstance(spec.store, GitPlace):
            names.append("git")
    return tuple(dict.fromkeys(names))


def wishes(patient: Patient) -> Iterator[Finding]:
    """The connections, variables and pools that `mlops.yaml` names are there.

    Those that notifications go out through need not be named once more.
    """
    api, project, spec = patient.environment.api, patient.project, patient.spec
    if api is None:
        return
    connections = [*project.connections, *project.notifications.connections]
    if spec.quality == "glue" and spec.glue is not None:
        connections.append(spec.glue.connection)
    elsewhere = "in Airflow's database; an environment variable or a secrets backend may have it"
    for name in dict.fromkeys(connections):
        if api.has_connection(name):
            yield passed("connections", f"`{name}` is there")
        else:
            yield warning(
                "connections",
                f"there is no connection `{name}` {elsewhere}",
                f"Add it there: `airflow connections add {name} --conn-type TYPE`",
            )
    for name in project.variables:
        if api.has_variable(name):
            yield passed("variables", f"`{name}` is there")
        else:
            yield warning(
                "variables",
                f"there is no variable `{name}` {elsewhere}",
                f"Set it there: `airflow variables set {name} VALUE`",
            )
    for name in project.pools:
        if api.has_pool(name):
            yield passed("pools", f"`{name}` is there")
        else:
            yield failed(
                "pools",
                f"there is no pool `{name}`",
                f"Make it there: `airflow pools set {name} 4 'of {project.name}'`",
            )


AIRFLOW_CHECKS: Final[Mapping[str, Callable[[Patient], Iterable[Finding]]]] = {
    "airflow": answers,
    "health": health,
    "rights": rights,
    "dag-ids": dag_ids,
    "providers": providers,
    "connections": wishes,
}
