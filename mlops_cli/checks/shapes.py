"""What Airflow makes of each DAG, in a form that two releases can be compared by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_cli.core.progress import Progress
    from mlops_cli.project.model import Project


def dag_shapes(
    project: Project, environment: str, *, progress: Progress
) -> dict[str, Mapping[str, Any]]:
    """DAG id to its shape; a file that cannot be imported has none.

    After `validate` it is found in the cache.

    Raises:
        UnavailableError: Airflow's environment could not be built.
    """
    from .subject import Subject

    with Subject(
        project.root, environment=environment, project=project, problems=(), progress=progress
    ) as subject:
        return {
            dag["dag_id"]: dag["shape"]
            for file in subject.imported.files
            for dag in file.dags
            if "shape" in dag
        }
