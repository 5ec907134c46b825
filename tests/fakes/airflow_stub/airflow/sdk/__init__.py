"""As much of Airflow as the loader of releases needs; for tests without an Airflow."""

from __future__ import annotations


class DAG:
    def __init__(self, dag_id: str) -> None:
        self.dag_id = dag_id
        self.tags: set[str] = set()
        self.default_args: dict[str, object] = {}
