"""From a name in `mlops.yaml` to the store and the Airflow it stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_cli.core.errors import UnavailableError
from mlops_cli.project.loader import environment as environment_of

if TYPE_CHECKING:
    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.port import AirflowApi, Store
    from mlops_cli.project.model import EnvironmentSpec, Project


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a project is deployed to and runs."""

    name: str
    kind: str
    spec: EnvironmentSpec
    store: Store
    api: AirflowApi | None
    """None: it does not run, and nobody asked to start it."""

    @property
    def airflow(self) -> AirflowApi:
        """The Airflow, which has to be there.

        Raises:
            UnavailableError: It does not run.
        """
        if self.api is None:
            raise UnavailableError(
                "Could not ask the local Airflow: it is not running",
                hint="Start it: `mlops airflow start`",
            )
        return self.api


def open_environment(
    project: Project, name: str, *, start: bool, progress: Progress, clock: Clock
) -> Environment:
    """The environment `name` of a project.

    Args:
        project: Whose environment.
        name: One of `environments` in `mlops.yaml`.
        start: Start the local Airflow when it does not run.
        progress: Told what has to be built or started.
        clock: For waiting.

    Raises:
        UsageError: The project has no such environment.
        UnavailableError: Its Airflow cannot be started.
    """
    from mlops_cli.environments.local import instance
    from mlops_cli.environments.local.configuration import local_home
    from mlops_cli.environments.stores.folder import FolderStore

    spec = environment_of(project, name)
    store = FolderStore(local_home().dags / project.name)
    running = instance.find_running()
    ready = running and running.version == project.airflow and instance.executes(running)
    if start and not ready:
        running = instance.start(project.airflow, progress=progress, clock=clock)
    api = running.api(clock=clock) if running else None
    return Environment(name, spec.kind, spec, store, api)
