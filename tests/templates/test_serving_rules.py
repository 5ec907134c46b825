"""The gates of inference that `mlops new --data` writes: good batches pass, broken ones do not."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from mlops_cli.core.progress import Silent
from mlops_cli.quality import check, open_source
from mlops_cli.templates import table
from mlops_cli.templates.serving_rules import propose

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Row = dict[str, Any]
TARGETS = {"classification": "kind", "regression": "price"}


def rows(count: int, seed: int = 0) -> list[Row]:
    made = random.Random(seed)
    return [
        {
            "id": f"h{number:05}",
            "area": round(made.gauss(90, 15), 1),
            "city": made.choice(["north", "south", "west"]),
            "age": "" if made.random() < 0.1 else made.randint(0, 80),
            "price": round(made.gauss(200, 30), 1),
            "kind": made.choice(["flat", "house"]),
        }
        for number in range(count)
    ]


def written(path: Path, found: list[Row]) -> str:
    lines = [",".join(found[0]), *(",".join(str(v) for v in row.values()) for row in found)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture(params=sorted(TARGETS))
def rulesets(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """The rules for new rows, and those for predictions."""
    task = request.param
    target = TARGETS[task]
    read = table.read(written(tmp_path / "training.csv", rows(600)), progress=Silent())
    column = read.column(target)
    assert column is not None
    found = propose(
        read,
        features=["area", "city", "age"],
        target=column,
        task=task,
        key=["id"],
        progress=Silent(),
    )
    return found.input, found.predictions


def failing(ruleset: str, path: str) -> list[str]:
    report = check(ruleset, open_source(path))
    return [one.rule for one in report.outcomes if one.outcome != "PASS"]


def change(name: str, made: Callable[[Any], Any], every: int = 1) -> Callable[[list[Row]], None]:
    def apply(found: list[Row]) -> None:
        for row in found[::every]:
            row[name] = made(row[name])

    return apply


@pytest.mark.parametrize("count", [1, 5, 400])
def test_batches_of_any_size_pass(rulesets: tuple[str, str], tmp_path: Path, count: int) -> None:
    batch = written(tmp_path / "new.csv", rows(count, seed=1))
    assert failing(rulesets[0], batch) == []


def test_rows_that_drifted_pass(rulesets: tuple[str, str], tmp_path: Path) -> None:
    found = rows(400, seed=1)
    change("area", lambda area: area * 1.6)(found)
    assert failing(rulesets[0], written(tmp_path / "new.csv", found)) == []


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        (change("area", lambda _: "", every=40), 'IsComplete "area"'),
        (change("area", lambda area: area * 1000), 'ColumnValues "area"'),
        (change("city", lambda _: "atlantis", every=40), 'ColumnValues "city"'),
        (change("age", lambda _: ""), 'Completeness "age"'),
        (change("id", lambda _: "h1", every=40), 'IsPrimaryKey "id"'),
        (change("id", lambda _: "", every=40), 'IsComplete "id"'),
    ],
)
def test_a_broken_batch_is_named(
    rulesets: tuple[str, str], tmp_path: Path, broken: Callable[[list[Row]], None], named: str
) -> None:
    found = rows(400, seed=1)
    broken(found)
    stopped = failing(rulesets[0], written(tmp_path / "new.csv", found))
    assert any(named in rule for rule in stopped), stopped


def test_a_prediction_that_cannot_be_is_stopped(rulesets: tuple[str, str], tmp_path: Path) -> None:
    classes = '"flat"' in rulesets[1]
    good = {"prediction": "flat" if classes else 210.5, "model_version": "v3", "run_id": "r"}
    assert failing(rulesets[1], written(tmp_path / "good.csv", [good] * 3)) == []
    wrong = good | {"prediction": "castle" if classes else 1e6}
    [stopped] = failing(rulesets[1], written(tmp_path / "bad.csv", [good, wrong]))
    assert stopped.startswith('ColumnValues "prediction"')
    mixed = [good, good | {"model_version": "v4"}]
    assert failing(rulesets[1], written(tmp_path / "mixed.csv", mixed)) == [
        'DistinctValuesCount "model_version" = 1'
    ]
