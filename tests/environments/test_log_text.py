"""What a person reads of a task's log: all the task said, and little of what Airflow says."""

from __future__ import annotations

from mlops_cli.environments.apis.shapes import log_lines


def entry(event: str, logger: str, level: str = "info") -> dict[str, str]:
    return {"event": event, "logger": logger, "level": level}


def test_what_is_printed_is_shown_wherever_it_was_filed() -> None:
    # As the API gives it: a print's time is that of its arrival, later than the group's begin.
    content = [
        entry("::group::Pre Execute", "task"),
        entry("Filling up the DagBag", "airflow.dag_processing.dagbag.BundleDagBag"),
        entry("::endgroup::", "task"),
        entry("Done. Returned value was: None", "airflow.task.operators"),
        entry("::group::Post Execute", "task"),
        entry("it converges", "task.stdout"),
        entry("a warning of a library", "task.stderr", "error"),
        entry("nothing was pushed", "airflow.task"),
        entry("a callback failed", "airflow.task", "warning"),
        entry("::endgroup::", "task"),
    ]
    assert list(log_lines(content)) == [
        "INFO Done. Returned value was: None",
        "INFO it converges",
        "ERROR a warning of a library",
        "WARNING a callback failed",
    ]


def test_where_a_log_lies_is_not_what_the_task_said() -> None:
    content = [
        entry("::group::Log message source details", "", ""),
        entry("/opt/airflow/logs/attempt=1.log", "", ""),
        entry("::endgroup::", "", ""),
        entry("fitted", "churn.fit"),
    ]
    assert list(log_lines(content)) == ["INFO fitted"]
