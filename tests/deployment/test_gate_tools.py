"""Gates run by the real Great Expectations and Soda, from a release as a deploy would leave it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from mlops_cli.core.clock import SystemClock
from mlops_cli.core.processes import child_environment
from mlops_cli.core.progress import Silent
from mlops_cli.environments.interpreters import project_interpreter, quality_interpreter
from mlops_cli.environments.release.build import build
from mlops_cli.project.loader import load
from mlops_cli.templates import Answers, create

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(600)]


@dataclass
class Released:
    """A release whose gates a tool runs."""

    tool: str
    python: Path
    root: Path
    runs: Path

    def step(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a step as a task would."""
        return subprocess.run(
            [self.python, "-m", "flowers", *arguments, f"--run={self.runs.as_uri()}"],
            cwd=self.root,
            env=child_environment(),
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    def ingested(self, source: Path) -> str:
        """Have the rows of a file taken in."""
        done = self.step("ingest", f"--source={source.as_uri()}")
        assert done.returncode == 0, done.stderr
        return (self.runs / "raw.parquet").as_uri()

    def gate(self, data: str, name: str = "raw") -> tuple[subprocess.CompletedProcess[str], dict]:
        """Run a gate; what it said, and the result it kept."""
        kept = self.runs / f"quality/{name}.json"
        kept.unlink(missing_ok=True)
        done = self.step("gate", f"--name={name}", f"--data={data}")
        return done, json.loads(kept.read_text()) if kept.exists() else {}


@pytest.fixture(scope="module", params=["great-expectations", "soda"])
def released(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Released:
    tool = request.param
    folder = tmp_path_factory.mktemp("tools")
    answers = Answers(values={"quality": tool}, git=False)
    root = create(
        "flowers", template="tabular", into=folder, answers=answers, progress=Silent()
    ).path
    rules = root / "quality/raw.dqdl"
    text = rules.read_text().replace("RowCount >= 50", "(RowCount > 900) or (RowCount > 50)")
    rules.write_text(text)
    (root / "quality/features.dqdl").write_text("Rules = [ (RowCount > 900) or (RowCount > 50) ]\n")
    python = project_interpreter(root, progress=Silent())
    quality_interpreter(root, tool, progress=Silent())
    release = build(load(root), tool, folder / "out", python=python, clock=SystemClock())
    return Released(tool, python, release.root, folder / "run")


def test_the_tool_judges_and_the_local_engine_what_it_cannot(released: Released) -> None:
    data = released.ingested(released.root.parents[1] / "flowers/data/iris.csv")
    done, result = released.gate(data)
    assert done.returncode == 0, done.stderr
    assert (
        result["Engine"]
        == {"great-expectations": "Great Expectations", "soda": "Soda"}[released.tool]
    )
    assert result["Score"] == 1.0
    locally = [one["Name"] for one in result["RuleResults"] if one.get("EvaluatedBy") == "local"]
    assert locally == ["Rule_1"]
    assert [one["Name"] for one in result["RuleResults"]] == [f"Rule_{n}" for n in range(1, 12)]
    assert f"{released.tool} cannot express (RowCount > 900) OR (RowCount > 50)" in done.stdout


def test_bad_data_is_stopped_with_the_rules_named(released: Released) -> None:
    good = released.root.parents[1] / "flowers/data/iris.csv"
    rows = good.read_text().splitlines()[:40]
    rows[3] = "99,3.0,1.4,0.2,setosa"
    bad = released.runs.parent / "bad.csv"
    bad.write_text("\n".join(rows) + "\n")
    done, result = released.gate(released.ingested(bad))
    assert done.returncode == 1
    refused = done.stderr[done.stderr.index("REFUSED gate") :]
    assert 'FAIL ColumnValues "sepal_length" between 3 and 10' in refused
    assert "FAIL (RowCount > 900) OR (RowCount > 50)" in refused
    assert result["AggregatedMetrics"]["TotalRulesFailed"] >= 2


def test_a_ruleset_that_the_tool_cannot_express_at_all_is_judged_locally(
    released: Released,
) -> None:
    data = released.ingested(released.root.parents[1] / "flowers/data/iris.csv")
    done, result = released.gate(data, "features")
    assert (done.returncode, result["Score"]) == (0, 1.0)
    assert f"{released.tool} cannot express any rule of the gate" in done.stdout


def test_a_tool_that_breaks_lets_nothing_through(released: Released, tmp_path: Path) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and nothing more")
    done, result = released.gate((tmp_path / "broken.parquet").as_uri())
    assert done.returncode == 1
    assert result == {}
    assert f"gate `raw`: {released.tool} ended with code 3, no result" in done.stderr
