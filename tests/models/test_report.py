"""The overview page: everything that is known of a model, and what to type for what is not."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from fakes.airflow_server import FakeAirflow
from fakes.projects import add_staging

from mlops_cli.cli.app import main
from mlops_cli.core.clock import SystemClock
from mlops_cli.core.progress import Silent
from mlops_cli.environments import record
from mlops_cli.environments.open import open_environment
from mlops_cli.models.place import place_of
from mlops_cli.models.report.charts import FULL, Value, cells, over_time, spans
from mlops_cli.models.report.gathering import newest
from mlops_cli.runtime import journal, passport

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_cli.project.model import Project

DAYS = 6
BROKE = 4
"""The day, from 0, from which windows break."""
SVG = '<svg xmlns="http://www.w3.org/2000/svg"/>'

Typed = Callable[..., tuple[int, dict[str, Any]]]


class Text(HTMLParser):
    """What a reader sees, and the elements it stands in; fails on one that is not closed."""

    VOID = frozenset({"meta", "img", "br", "i", "line", "path", "rect", "polyline"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.links: list[str] = []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture
def typed(project: Project, capsys: pytest.CaptureFixture[str]) -> Typed:
    """What a user types, and what is answered."""

    def ask(*arguments: str) -> tuple[int, dict[str, Any]]:
        code = main(["report", *arguments, "--project", str(project.root), "--json"])
        return code, json.loads(capsys.readouterr().out)

    return ask


def page_of(project: Project) -> Text:
    return Text((project.root / ".mlops/report-local.html").read_text(encoding="utf-8"))


def window(number: int, *, version: str = "1", at: str = "06:00") -> dict[str, Any]:
    """A window as the monitoring pipeline writes it down."""
    day, broke = str(date(2026, 9, 1) + timedelta(days=number)), number >= BROKE
    drifted = {"method": "psi", "score": 0.4 if broke else 0.01, "threshold": 0.1}
    return {
        "at": f"{day}T{at}:00+00:00",
        "run": f"asset__{day}",
        "partition": day,
        "day": day,
        "version": version,
        "rows": 300,
        "broke": broke,
        "reasons": ["1 of 1 features drifted: `petal`"] if broke else [],
        "drift": {
            "share": 1.0 if broke else 0.0,
            "columns": {"petal": drifted | {"drifted": broke}},
            "prediction": None,
        },
        "performance": {"accuracy": 0.6 if broke else 0.97, "f1_score": 0.95},
        "labelled": 300,
        "quality": {"input": {"passed": 9, "rules": 10, "score": 0.9}},
    }


@pytest.fixture
def lived(project: Project) -> Project:
    """What the pipelines keep of a model that drifted."""
    place = place_of(project, "local")
    for number in range(DAYS):
        journal.append(place.file("windows.jsonl"), window(number))
    decision = {
        "at": "2026-09-06T06:01:00+00:00",
        "partition": "2026-09-06",
        "retrain": True,
        "reason": "2 of the last 3 windows broke",
        "numbers": {"broken": 2, "windows": 3, "needed": 2, "since_last_days": None}
        | {"cooldown_days": 7, "in_flight": 0, "asked_this_month": 0, "budget": 4},
    }
    journal.append(place.file("decisions.jsonl"), decision)
    stopped = {"at": "2026-09-03T06:00:00+00:00", "gate": "input", "run": "asset__3"}
    told = {"data": "file:///kept/data.parquet", "reason": "<script>alert(1)</script> password=abc"}
    journal.append(place.file("quarantine.jsonl"), stopped | told)
    published = {"partition": "2026-09-06", "rows": 300, "at": "2026-09-06T05:00:00+00:00"}
    journal.append(place.file("predictions.jsonl"), published)
    for event, version, facts in [
        ("registered", "1", {}),
        ("approved", "1", {"by": "ada", "reason": "it was looked at"}),
        ("promoted", "1", {"by": "ada", "release": "r1"}),
        ("rejected", "2", {"by": "bo", "reason": "unfair to the young"}),
    ]:
        passport.add(place.passport, {"event": event, "version": version, **facts})
    spread = {"median": 2.5, "q25": 1.9, "q75": 3.1}
    points = [{"age_days": age, "probability": 0.9 - age * 0.175, **spread} for age in (0, 4)]
    ageing = {"families": {"mlp": points}, "retrain_by": {"mlp": 4}, "retrain_by_days": 4}
    ageing |= {"unit": "days", "simulations": 20, "window": 2, "metric": "f1_score"}
    place.file("ageing.json").write_text(json.dumps(ageing | {"tolerance": 1.5}))
    place.file("ageing.svg").write_text(SVG)
    return project


def test_without_any_data_the_page_says_what_to_type(project: Project, typed: Typed) -> None:
    code, answer = typed()
    assert (code, answer["kind"], answer["champion"], answer["windows"]) == (
        0,
        "ModelReport",
        None,
        0,
    )
    said = page_of(project).text
    for part, command in {
        "releases": "mlops deploy --env local",
        "versions": "mlops trigger training --env local",
        "champion": "mlops trigger training --env local",
        "drift": "mlops trigger inference --input FILE --env local",
        "performance": "mlops trigger monitoring --env local",
        "quality": "mlops trigger inference --input FILE --env local",
        "ageing": "mlops trigger monitoring --env local",
    }.items():
        assert {"part": part, "command": command}.items() <= next(
            one.items() for one in answer["missing"] if one["part"] == part
        )
        assert command in said
    assert "labels/{partition}.csv" in said


def test_what_the_pipelines_kept_is_on_the_page(lived: Project, typed: Typed) -> None:
    code, answer = typed()
    assert code == 0
    assert (answer["windows"], answer["broke"], answer["newest_broke"]) == (DAYS, 2, True)
    assert (answer["retrainings"], answer["quarantined"], answer["retrain_by_days"]) == (1, 1, 4)
    assert {one["part"] for one in answer["missing"]} == {"releases", "versions"}
    page = page_of(lived)
    for told in (
        "of 6 windows broke",
        "a window breaks at 50%",
        "at least 0.9",
        "gate input",
        "2 of the last 3 windows broke",
        "2 of 3 windows broke, 2 needed",
        "it was looked at",
        "unfair to the young",
        "4 days",
        "20% at age 4",
        "2.5 times (1.9 to 3.1)",
        "4 entries of the passport, each following the one before it",
    ):
        assert told in page.text
    assert page.tags.count("svg") == 1 + 1 + 2 + 1  # drift, its column, two metrics, one gate
    assert any(link.startswith("data:image/svg+xml;base64,") for link in page.links)


def test_what_data_says_stays_text_and_secrets_stay_away(lived: Project, typed: Typed) -> None:
    typed()
    page = page_of(lived)
    assert "<script>alert(1)</script>" in page.text
    assert "script" not in page.tags
    assert "abc" not in page.text
    assert not [link for link in page.links if not link.startswith(("data:", "file:"))]


def test_a_window_that_was_measured_again_counts_once(lived: Project, typed: Typed) -> None:
    again = window(BROKE, at="09:00") | {"broke": False}
    journal.append(place_of(lived, "local").file("windows.jsonl"), again)
    _, answer = typed()
    assert (answer["windows"], answer["broke"]) == (DAYS, 1)


def test_runs_link_to_their_own_reports(lived: Project, typed: Typed) -> None:
    own = place_of(lived, "local").file("reports/asset__2026-09-06/report.html")
    own.parent.mkdir(parents=True)
    own.write_text("<p>drift</p>")
    typed()
    assert own.as_uri() in page_of(lived).links


def test_a_passport_that_was_changed_is_said_first(lived: Project, typed: Typed) -> None:
    path = place_of(lived, "local").passport
    path.write_text(path.read_text().replace("it was looked at", "nobody looked"))
    code, answer = typed()
    assert (code, answer["passport_broken"]) == (0, 3)
    said = page_of(lived).text
    assert "The passport was changed: entry 3 does not follow" in said
    assert "mlops models history churn --env local" in said


def test_releases_are_told_with_the_one_that_is_live(project: Project, typed: Typed) -> None:
    opened = open_environment(project, "local", start=False, progress=Silent(), clock=SystemClock())
    at = datetime(2026, 9, 1, 8, tzinfo=UTC)
    entry = record.Entry("deploy", "20260901T080000-1a2b3c4", None, "ada@laptop", at, "1a2b3c4d")
    record.append(opened.store, entry)
    typed()
    said = page_of(project).text
    assert "20260901T080000-1a2b3c4" in said
    assert "ada@laptop" in said


@pytest.mark.real
@pytest.mark.timeout(600)
def test_versions_come_from_the_registry(
    lived: Project, registered: Callable[..., object], typed: Typed
) -> None:
    comparison = {"version": "1", "rows": 90, "challenger": 0.97, "champion": 0.94, "problems": []}
    by_slice = {"column": "petal", "value": "long", "rows": 40, "worse": True}
    registered(
        {
            "metrics": {"accuracy": 0.94, "f1_score": 0.91},
            "tags": {"train": "Complete", "evaluate": "Complete", "audit": "Complete"},
            "champion": True,
        },
        {
            "metrics": {"accuracy": 0.97, "f1_score": 0.96},
            "tags": {
                "audit": "Pending Approval",
                "quality": '{"raw": {"rules": 9, "passed": 8}}',
                "model_sha256": "0123456789abcdef",
            },
            "evaluation": {
                "champion": comparison,
                "slices": [by_slice | {"challenger": 0.7, "champion": 0.9}],
            },
        },
    )
    code, answer = typed()
    assert (code, answer["champion"], answer["versions"], answer["waiting"]) == (0, 1, 2, [2])
    said = page_of(lived).text
    assert 'mlops models approve churn 2 --env local --reason "…"' in said
    for told in ("8 of 9 rules", "0.9600", "0123456789ab…", "petal = long", "held-out rows"):
        assert told in said


def test_what_lies_elsewhere_is_said_and_the_page_is_written(
    project: Project, tmp_path: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHURN_PASSWORD", "secret-of-churn")
    with FakeAirflow().serving() as served:
        add_staging(project.root, served, tmp_path / "releases")
        with (project.root / "mlops.yaml").open("a") as file:
            file.write("    paths: {data: s3://acme/kept}\n")
        code, answer = typed("--env", "staging")
    assert code == 0
    [note] = answer["notes"]
    assert "it lies at `s3://acme/kept`" in note
    assert "environments.staging.paths.data" in note


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--env", "nowhere"], "nowhere"),
        (["barley"], "this project's is `churn`"),
    ],
)
def test_what_does_not_exist_is_a_usage_error(
    typed: Typed, arguments: list[str], said: str
) -> None:
    code, answer = typed(*arguments)
    assert code == 2
    assert said in answer["error"]["message"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a browser is opened otherwise")
def test_open_hands_the_page_to_the_browser(
    typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opener = tmp_path / "bin/xdg-open"
    opener.parent.mkdir()
    opener.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    opener.chmod(0o755)
    monkeypatch.setenv("PATH", f"{opener.parent}:/usr/bin:/bin")
    page = tmp_path / "out/page.html"
    code, answer = typed("--open", "--output", str(page))
    assert (code, answer["page"]) == (0, str(page))
    for _ in range(100):
        if (tmp_path / "opened").exists() and (tmp_path / "opened").read_text():
            break
        SystemClock().sleep(0.1)
    assert (tmp_path / "opened").read_text().strip() == str(page)


def test_a_person_reads_the_numbers_that_count(
    lived: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "--project", str(lived.root)]) == 0
    said = capsys.readouterr().out
    assert "2 of 6 windows broke, the newest did" in said
    assert "asked for once" in said
    assert said.rstrip().endswith(".mlops/report-local.html")


# --- charts -----------------------------------------------------------------------------------


def values(*days: int) -> list[Value]:
    return [
        Value(f"2026-09-{day:02}", float(day), broke=False, text="", version=str(day > 9))
        for day in days
    ]


def test_a_chart_keeps_the_distances_of_days() -> None:
    chart = over_time("m", values(1, 2, 11))
    assert chart is not None
    first, second, last = (dot.x for dot in chart.dots)
    assert (second - first) * 9 == pytest.approx(last - second)
    assert chart.dots[0].y > chart.dots[1].y > chart.dots[2].y  # SVG's y grows downwards
    assert [change.x for change in chart.changes] == [pytest.approx((second + last) / 2)]


def test_a_bound_beyond_the_values_is_on_the_chart() -> None:
    chart = over_time("m", values(1, 2), bounds=[(5.0, "at least 5")])
    assert chart is not None
    assert 0 < chart.bounds[0].y < min(dot.y for dot in chart.dots)
    assert chart.high == "5"


def test_a_metric_nothing_is_asked_of_is_neither_good_nor_bad(lived: Project, typed: Typed) -> None:
    typed()
    page = (lived.root / ".mlops/report-local.html").read_text(encoding="utf-8")
    assert page.count('class="dot plain"') == DAYS  # f1_score has no threshold, accuracy has
    assert page.count('class="dot bad"') == 2 + 2 + DAYS  # drift, accuracy, and a gate at 90 %


def test_one_value_is_a_dot_and_none_is_no_chart() -> None:
    alone = over_time("m", values(1))
    assert alone is not None
    assert [(dot.x, dot.y) for dot in alone.dots] == [(FULL / 2, FULL / 2)]
    nan = Value("2026-09-01", float("nan"), broke=False, text="")
    assert over_time("m", [nan]) is None


def test_moments_that_are_equal_stand_side_by_side() -> None:
    chart = over_time("m", [*values(1), *values(1), *values(1)])
    assert chart is not None
    places = [dot.x for dot in chart.dots]
    assert places[1] - places[0] == pytest.approx(places[2] - places[1])
    assert places[0] < places[1]


def test_the_shortest_service_can_be_seen() -> None:
    short, long = spans([("1", "a second", 1.0), ("2", "a year", 3e7)])
    assert 0 < short.weight < long.weight
    assert short.tone != long.tone


def test_cells_fill_the_row() -> None:
    row = cells([("calm", ""), ("drifted", "")])
    assert [cell.x for cell in row] == [0.0, FULL / 2]


def test_partitions_stand_in_order_of_their_days_whenever_they_were_measured() -> None:
    late = {"partition": "2026-09-01", "version": "1", "at": "2026-12-01T00:00:00+00:00"}
    early = {"partition": "2026-09-02", "version": "1", "at": "2026-09-02T00:00:00+00:00"}
    assert newest([early, late], "partition", "version") == [late, early]
