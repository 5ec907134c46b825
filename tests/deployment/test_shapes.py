"""What a plan says of each DAG: its differences, and what follows from them."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from mlops_cli.deployment import shapes
from mlops_cli.deployment.shapes import Difference

NOW = datetime(2026, 11, 13, 12, tzinfo=UTC)
TASK = {
    "operator": "@task",
    "mapped": False,
    "retries": 0,
    "retry_delay": "0:05:00",
    "trigger_rule": "all_success",
    "pool": "default_pool",
}


def shape(**facts: Any) -> dict[str, Any]:
    starts = [datetime(2026, 11, 1, 5, tzinfo=UTC) + timedelta(days=day) for day in range(400)]
    return {
        "facts": {
            "schedule": "0 5 * * *",
            "start_date": "2026-11-01",
            "catchup": False,
            "paused_upon_creation": None,
            "params": ["rows"],
            **facts,
        },
        "tasks": {"fit": dict(TASK), "prepare": dict(TASK)},
        "edges": [["prepare", "fit"]],
        "starts": [start.isoformat() for start in starts] if facts.get("catchup") else [],
    }


def follows(old: dict | None, new: dict, **given: Any) -> tuple[str, ...]:
    told = {"last_run": None, "is_paused": False, "now": NOW} | given
    return shapes.consequences(old, new, **told)


def test_the_same_shape_differs_in_nothing() -> None:
    assert shapes.differences(shape(), shape()) == ()
    assert follows(shape(), shape()) == ()


def test_schedule_retries_tasks_and_edges_are_compared() -> None:
    old, new = shape(), shape(schedule=None)
    new["tasks"] = {"fit": TASK | {"retries": 3}, "check": TASK}
    new["edges"] = [["check", "fit"]]
    assert shapes.differences(old, new) == (
        Difference("~", "schedule", "0 5 * * *", "none"),
        Difference("+", "task `check`", after="@task"),
        Difference("~", "retries", "0", "3", "fit"),
        Difference("-", "task `prepare`", before="@task"),
        Difference("+", "edge `check` → `fit`"),
    )


def test_an_edge_between_tasks_that_stay_is_seen_to_go() -> None:
    new = shape()
    new["edges"] = []
    assert shapes.differences(shape(), new) == (Difference("-", "edge `prepare` → `fit`"),)


def test_catchup_says_how_many_runs_will_start() -> None:
    new = shape(catchup=True)
    assert follows(shape(), new) == ("catchup is on: 13 runs will start at once",)
    assert follows(None, new, is_paused=True) == (
        "catchup is on: 13 runs will start when it is unpaused",
    )
    last = datetime(2026, 11, 12, 5, tzinfo=UTC)
    assert follows(shape(), new, last_run=last) == ("catchup is on: 1 run will start at once",)
    assert follows(new, deepcopy(new), last_run=last) == ()


def test_where_the_count_ends_early_it_is_an_estimate() -> None:
    new = shape(catchup=True)
    new["starts"] = new["starts"][:3]
    assert follows(shape(), new) == ("catchup is on: about 13 runs will start at once",)


def test_what_a_trigger_or_a_run_in_flight_loses_is_said() -> None:
    new = shape(schedule=None, params=[])
    new["tasks"].pop("prepare")
    assert follows(shape(), new) == (
        "it has no schedule any more: only a trigger starts it",
        "runs in flight lose `prepare`; what it did before stays in the history",
        "a trigger that gives `rows` is refused",
    )
    assert follows(new, shape()) == ("it gets a schedule (`0 5 * * *`): it starts by itself",)


def test_shapes_that_were_not_kept_are_none() -> None:
    kept = {"churn_training": shape()}
    assert shapes.loads(shapes.dumps(kept)) == kept
    for damaged in (None, b"", b"{}", b"[1]", b'{"schema": 9, "dags": {}}'):
        assert shapes.loads(damaged) == {}
