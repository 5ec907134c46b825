"""`mlops test --gates`: good projects pass, and each gate that is broken is named."""

from __future__ import annotations

import csv
import json
import random
import shutil

import pytest

from mlops_cli.cli.app import main

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

DEFECTS = {  # what issue and template promise: gate and what of it, and a word of the defect
    ("evaluate", "thresholds"): "swapped labels",
    ("evaluate", "champion"): "tied",
    ("evaluate", "copies"): "duplicated rows",
    ("evaluate", "backtest"): "worse",
    ("monitoring", "drift"): "shifted",
    ("monitoring", "performance"): "swapped labels",
    ("monitoring", "reference"): "stale",
    ("predict", "the model's files"): "changed",
}
ALL_ON = {
    "policy: auto": "policy: person",
    "slices: []": "slices: [petal_width]\n    slice_rows: 10",
}
FAILED = {"let through", "broken"}


class Proved:
    """What a run of the command came to."""

    def __init__(self, project, capsys, *options):
        self.code = main(["test", "--gates", "--json", "--project", str(project), *options])
        shown = capsys.readouterr()
        self.report = json.loads(shown.out)
        assert "proofs" in self.report, shown.out
        self.proofs = self.report["proofs"]

    def of(self, gate, about=None, defect=""):
        return [
            proof["outcome"]
            for proof in self.proofs
            if proof["gate"] == gate
            and (about is None or proof["about"].startswith(about))
            and defect in proof["defect"]
        ]

    def failed(self):
        return [
            proof
            for proof in self.proofs
            if proof["outcome"] not in {"caught", "off", "not proven"}
        ]


def change(path, replacements):
    text = path.read_text()
    for old, new in replacements.items():
        assert text.count(old) == 1, f"{path.name} does not say {old!r} once"
        text = text.replace(old, new)
    path.write_text(text)


def prices(path):
    """Homes whose price follows from what is known of them."""
    chance = random.Random(5)
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["area", "age", "district", "price"])
        for _ in range(300):
            area, age = round(chance.gauss(90, 25), 1), chance.randint(0, 80)
            district = chance.choice(["north", "south", "east"])
            more = {"north": 20_000, "south": 0, "east": -8_000}[district]
            price = 2_200 * area - 700 * age + more + chance.gauss(0, 14_000)
            out.writerow([area, age, district, round(price, 2)])


@pytest.fixture(scope="module")
def all_on(pristine, tmp_path_factory):
    """The Iris project with every gate switched on."""
    root = shutil.copytree(pristine, tmp_path_factory.mktemp("all-on") / "iris")
    change(root / "mlops.yaml", ALL_ON)
    return root


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    """A regression project, made from data."""
    folder = tmp_path_factory.mktemp("homes")
    prices(folder / "homes.csv")
    options = ["--data", str(folder / "homes.csv"), "--target", "price", "--defaults", "--no-git"]
    assert main(["new", "homes", "--into", str(folder), *options, "--quiet"]) == 0
    return folder / "homes"


def copied(project, tmp_path):
    return shutil.copytree(project, tmp_path / project.name)


def test_iris_catches_every_defect(all_on, capsys):
    proved = Proved(all_on, capsys, "--strict")
    assert proved.failed() == []
    assert proved.code == 0
    for (gate, about), word in DEFECTS.items():
        assert set(proved.of(gate, about, word)) == {"caught"}, (gate, about)
    for about, word in {
        "champion": "worse",
        "champion ": "",
        "leaks: sepal_length": "leaked target",
        "slices": "worse for one group",
    }.items():
        assert set(proved.of("evaluate", about.strip(), word)) == {"caught"}, about
    assert proved.of("evaluate", "champion", "the champion has learned from") == ["caught"]
    assert proved.of("approval") == ["caught", "caught"]
    for gate in ("raw", "features", "input", "predictions"):
        assert set(proved.of(gate)) == {"caught"}
    assert proved.of("raw", 'IsComplete "species"', "missing values") == ["caught"]
    assert proved.of("raw", 'ColumnValues "species"', "no such value") == ["caught"]
    assert proved.of("raw", 'ColumnValues "petal_length"', "shifted") == ["caught"]
    assert proved.of("raw", 'StandardDeviation "petal_length"', "rescaled") == ["caught"]


@pytest.mark.long
def test_a_regression_project_catches_every_defect(homes, capsys):
    proved = Proved(homes, capsys)
    assert proved.failed() == []
    assert proved.code == 0
    for (gate, about), word in DEFECTS.items():
        assert set(proved.of(gate, about, word)) == {"caught"}, (gate, about)
    assert proved.of("evaluate", "leaks: area", "leaked target") == ["caught"]
    assert proved.of("evaluate", "champion", "the champion has learned from") == ["caught"]
    assert proved.of("evaluate", "slices") == ["off"]
    assert proved.report["rows"] == 300


@pytest.mark.long
def test_without_its_data_a_project_is_tried_on_made_up_rows(homes, tmp_path, capsys):
    project = copied(homes, tmp_path)
    (project / "data/homes.csv").unlink()
    proved = Proved(project, capsys)
    assert (proved.code, proved.report["rows"]) == (0, None)
    assert proved.of("raw") == ["not proven"]
    for (gate, about), word in DEFECTS.items():
        assert set(proved.of(gate, about, word)) == {"caught"}, (gate, about)


BROKEN = {
    "quality/raw.dqdl": {
        "RowCount >= 50": "RowCount >= 0",
        "between 0 and 9": "between -1000000 and 1000000",
        'IsComplete "petal_width"': 'Completeness "petal_width" >= 0',
    },
    "iris/training/leakage.py": {
        "        if score >= LEAK\n": "        if score > 2\n",
        "    if share - chance <= bound:": "    if share >= 0:",
        "return rows[~seen]": "return rows",
    },
    "iris/metrics.py": {
        "        if not inside(scores[name], bound)\n": "        if scores[name] is None\n",
    },
    "iris/training/evaluate.py": {
        "    if not gain > model.evaluation.margin:": "    if not gain >= model.evaluation.margin:",
    },
    "iris/training/backtest.py": {"loss > allowed": "loss > 1e9"},
    "iris/monitoring/measure.py": {'"broke": bool(by_drift or by_labels)': '"broke": False'},
    "iris/monitoring/reference.py": {
        "    if made_by != [reference.version]:": "    if not made_by:"
    },
    "iris/training/promotion.py": {"    if not approved:\n": "    if not version:\n"},
    "iris/inference/serving.py": {
        "if (found := registry.digest_of(folder)) != tagged": "if not (found := tagged)"
    },
}
SHOWN_BROKEN = [
    ("raw", "RowCount", "lost or repeated rows"),
    ("raw", 'ColumnValues "petal_length"', "shifted or rescaled"),
    ("raw", 'Completeness "petal_width"', "missing values"),
    ("evaluate", "thresholds", "swapped labels"),
    ("evaluate", "champion", "tied"),
    ("evaluate", "champion", "the champion has learned from"),
    ("evaluate", "leaks", "leaked target"),
    ("evaluate", "copies", "duplicated rows"),
    ("evaluate", "slices", "worse for one group"),
    ("evaluate", "backtest", "worse"),
    ("monitoring", "drift", "shifted"),
    ("monitoring", "performance", "swapped labels"),
    ("monitoring", "reference", "stale"),
    ("approval", "policy", "a person says no"),
    ("approval", "policy", "nobody answers in time"),
    ("predict", "the model's files", "changed"),
]


@pytest.fixture(scope="module")
def broken(all_on, tmp_path_factory):
    """The same project with every gate broken in its own way; one run shows them all."""
    project = shutil.copytree(all_on, tmp_path_factory.mktemp("broken") / "iris")
    for file, replacements in BROKEN.items():
        change(project / file, replacements)
    return project


@pytest.fixture(scope="module")
def shown_broken():
    """The run's answer, kept for all the tests that look at it."""
    return {}


@pytest.mark.parametrize(("gate", "about", "defect"), SHOWN_BROKEN)
def test_a_broken_gate_is_named(broken, shown_broken, capsys, gate, about, defect):
    proved = shown_broken.get("it") or shown_broken.setdefault("it", Proved(broken, capsys))
    outcomes = set(proved.of(gate, about, defect))
    assert outcomes
    assert outcomes <= FAILED, [p for p in proved.proofs if p["about"].startswith(about)]
    assert proved.code == 1


@pytest.mark.long
def test_a_gate_that_stops_nothing_is_named(project, capsys):
    change(project / "iris/_mlops/runtime/gate.py", {"    if broken:\n": "    if not rules:\n"})
    change(
        project / "iris/training/evaluate.py",
        {"    if not gain > model.evaluation.margin:": "    if 0:"},
    )
    proved = Proved(project, capsys)
    assert proved.code == 1
    for gate in ("raw", "features", "input", "predictions"):
        assert set(proved.of(gate)) == {"let through"}
    assert proved.of("evaluate", "champion", "tied") == ["let through"]
    assert proved.of("evaluate", "champion", "worse") == ["let through"]
    assert proved.of("evaluate", "thresholds") == ["caught"]


@pytest.mark.long
def test_what_good_data_does_not_pass_proves_nothing(project, capsys):
    change(project / "mlops.yaml", {"accuracy: {minimum: 0.9}": "accuracy: {minimum: 0.999}"})
    change(project / "quality/raw.dqdl", {"RowCount >= 50": "RowCount >= 5000"})
    proved = Proved(project, capsys)
    assert proved.code == 1
    assert proved.of("raw") == ["void"]
    assert proved.of("evaluate") == ["void"]


@pytest.mark.long
def test_a_gate_that_is_turned_off_is_said_to_be(project, capsys):
    features = "[sepal_length, sepal_width, petal_length, petal_width]"
    off = f"backtest: 0\n    copies: 1.0\n    leaks_allowed: {features}\n    margin: -1.0"
    replacements = {
        "\n      accuracy: {minimum: 0.9}": " {}",
        "margin: 0.0\n": f"{off}\n",
        "    share: 0.5 ": "    share: 2.0 ",
        "    prediction: true ": "    prediction: false ",
        "    budget_per_month: 4 ": "    budget_per_month: 0 ",
        "    features: quality/features.dqdl\n": "",
    }
    change(project / "mlops.yaml", replacements)
    proved = Proved(project, capsys)
    assert proved.failed() == []
    for about in ("thresholds", "leaks", "copies", "slices", "backtest"):
        assert proved.of("evaluate", about) == ["off"], about
    assert proved.of("evaluate", "champion", "tied") == ["off"]
    assert proved.of("features") == ["off"]
    assert proved.of("monitoring", "drift") == ["off"]
    assert proved.of("monitoring", "performance") == ["off"]
    assert proved.of("retraining") == ["off"]
    assert proved.of("approval") == ["off"]
    assert proved.code == 0


def test_code_that_does_not_run_is_no_gate(project, capsys):
    (project / "iris/training/evaluate.py").write_text("raise RuntimeError('not finished')\n")
    proved = Proved(project, capsys)
    assert proved.code == 1
    assert proved.of("evaluate") == ["broken"]
