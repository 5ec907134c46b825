"""Runs one DAG to its end in this process, and says how each task goes as it goes.

Run by path in Airflow's interpreter: `python run_dag.py REQUEST.json`. It makes its own database
below AIRFLOW_HOME and needs nothing that runs. Lines that begin with the mark in the request are
for the program that started it; all others are Airflow's log.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.3
QUERY = "SELECT task_id, map_index, state, start_date, end_date FROM task_instance"


def main(request: dict[str, Any]) -> None:
    """Make the database, find the DAG, run it, write what came of it."""
    from airflow.utils import db

    db.initdb()
    from airflow.dag_processing.dagbag import DagBag

    folder = Path(request["dags"])
    bag = DagBag(folder, bundle_path=folder, bundle_name="dags-folder")
    result: dict[str, Any] = {"state": "missing", "errors": bag.import_errors, "tasks": []}
    dag = bag.dags.get(request["dag_id"])
    if dag is not None:
        watcher = Watcher(request["database"], request["mark"])
        watcher.start()
        try:
            run = dag.test()
            result |= {"state": str(getattr(run, "state", "unknown")), "run_id": run.run_id}
        finally:
            watcher.stop()
        result["tasks"] = read_tasks(request["database"])
    Path(request["result"]).write_text(json.dumps(result, default=str), encoding="utf-8")


def read_tasks(database: str) -> list[list[Any]]:
    """Task id, map index, state, start and end of every task instance."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as connection:
        return [list(row) for row in connection.execute(QUERY)]


class Watcher(threading.Thread):
    """Says on stdout when a task changes its state."""

    def __init__(self, database: str, mark: str) -> None:
        super().__init__(daemon=True)
        self.database = database
        self.mark = mark
        self.seen: dict[tuple[str, int], str | None] = {}
        self.ended = threading.Event()

    def run(self) -> None:
        """Look until the run has ended."""
        while not self.ended.wait(POLL_SECONDS):
            self.look()

    def stop(self) -> None:
        """Look for the last time."""
        self.ended.set()
        self.join()
        self.look()

    def look(self) -> None:
        """Tell what is new."""
        with suppress(sqlite3.Error):
            for task, index, state, began, ended in read_tasks(self.database):
                if state and self.seen.get((task, index)) != state:
                    self.seen[task, index] = state
                    told = json.dumps([task, index, state, began, ended])
                    sys.__stdout__.write(f"{self.mark}{told}\n")  # type: ignore[union-attr]
                    sys.__stdout__.flush()  # type: ignore[union-attr]


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
