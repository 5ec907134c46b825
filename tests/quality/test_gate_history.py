"""A gate keeps its results, so that its rules can look back."""

from __future__ import annotations

import pytest

from mlops_cli.quality import FileHistory
from mlops_cli.runtime.gate import gate
from mlops_cli.runtime.settings import Evaluation, Model, Paths, Settings, Training
from mlops_cli.runtime.steps import Refused, Run


@pytest.fixture
def run(tmp_path):
    """Have the gate `raw` check a table of so many rows, in a run of its own."""
    (tmp_path / "raw.dqdl").write_text("Rules = [ RowCount > avg(last(10)) * 0.8 ]")
    runs = tmp_path / "runs"

    def once(identity, rows, *, released=True):
        model = Model(
            task="classification",
            target="n",
            features={"n": "number"},
            source="n.csv",
            training=Training(families={}),
            evaluation=Evaluation(thresholds={}),
            quality={"raw": "raw.dqdl"},
        )
        paths = Paths(python="python", runs=str(runs), tracking_uri="", artifacts="")
        settings = Settings(
            project="p", package="p", owner="o", model=model, paths=paths if released else None
        )
        data = tmp_path / "data.csv"
        data.write_text("n\n" + "1\n" * rows)
        here = Run(settings, tmp_path, identity, (runs / identity).as_uri())
        return gate(here, name="raw", data=str(data))

    return once


def test_a_gate_stops_data_that_is_unlike_earlier_data(run, tmp_path):
    run("first", 100)
    run("second", 110)
    with pytest.raises(Refused, match=r"RowCount is 50, and should be > 105 \* 0.8"):
        run("third", 50)
    kept = FileHistory(
        tmp_path / "runs" / ".quality" / "raw.jsonl", ruleset="raw.dqdl", data_set="raw"
    )
    assert kept.values("Dataset.*.RowCount") == [50, 110, 100]


def test_bad_data_does_not_pass_by_being_tried_again(run):
    run("first", 100)
    run("second", 110)
    for _attempt in range(12):
        with pytest.raises(Refused, match=r"RowCount is 50, and should be > 105 \* 0.8"):
            run("third", 50)
    run("third", 100)
    with pytest.raises(Refused, match=r"and should be > 103.3\d+ \* 0.8"):
        run("fourth", 50)


def test_a_gate_in_a_checkout_keeps_nothing(run, tmp_path):
    run("first", 100, released=False)
    assert not (tmp_path / "runs" / ".quality").exists()


def test_a_gate_whose_history_cannot_be_used_stays_shut(run, tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / ".quality").write_text("in the way")
    with pytest.raises(Refused, match="Could not use the history"):
        run("first", 100)
