"""The gates of a new model: worse, tied, taught nonsense, or judged on what it has seen."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any, Final

import pandas as pd  # type: ignore[import-untyped, unused-ignore]

from .stage import CAUGHT, LET_THROUGH, OFF, UNPROVEN, VOID, Proof, quiet, tried

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .stage import Stage

GATE: Final = "evaluate"
_SEEDS: Final = (0, 1, 2)
_ORDERS: Final = 50
_LOWER_IS_BETTER: Final = ("rmse", "mae")
_FEW_DIFFERENT: Final = 0.5


class Training:
    """A training of the project on its own data: the good case, from which defects are made."""

    def __init__(self, stage: Stage, run: Any, raw: str) -> None:  # noqa: ANN401 -- the project's own type
        """Split the rows as the pipeline does.

        Args:
            stage: The project.
            run: The run that read the data.
            raw: URI of the raw rows.
        """
        self.stage, self.run, self.raw = stage, run, raw
        with quiet():
            self.data: str = stage.step("prepare")(run, data=raw)
        self.learned = pd.read_parquet(run.path("train.parquet"))
        self.held_out = pd.read_parquet(run.path("test.parquet"))
        self.candidate: dict[str, Any] | None = None
        self.version: str | None = None

    def promote(self) -> Proof | None:
        """Evaluate, register and promote a model of the good data; what stopped it, if anything.

        The families are tried in order, each with the first values of its grid, until one passes.
        """
        stage, stopped = self.stage, ""
        for family, grid in stage.model.training.families.items():
            parameters = {name: values[0] for name, values in grid.items()}
            try:
                with quiet():
                    self.candidate = self.fit(self.run, family, parameters)
                    verdict = stage.step("evaluate")(
                        self.run, candidate=self.candidate, data=self.data
                    )
                    self.version = str(stage.step("register")(self.run, evaluation=verdict))
                    stage.step("promote")(self.run, version=self.version)
            except stage.refused as refusal:
                stopped = str(refusal)
                continue
            # What is logged of a model takes most of the time, and decides nothing.
            stage.module("training.tracking").log = lambda *_, **__: {"run": "", "model": ""}
            return None
        return Proof(GATE, "all of its gates", "a model of good data", VOID, stopped)

    def fit(self, run: Any, family: str, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 -- the project's own type
        """A candidate of a run, fitted on its training rows."""
        fitted: dict[str, Any] = self.stage.step("fit")(
            run,
            data=run.uri("train.parquet"),
            name="candidate",
            family=family,
            parameters=parameters,
            score=False,
        )
        return fitted

    def attempt(
        self,
        name: str,
        learned: pd.DataFrame,
        held_out: pd.DataFrame,
        *,
        taught: pd.DataFrame | None = None,
    ) -> tuple[str | None, dict[str, Any]]:
        """Train on some rows, judge on others, through the project's own step.

        Args:
            name: What the run is called.
            learned: The training rows.
            held_out: The rows it is judged on.
            taught: What the model is really fitted on, if not that.

        Returns:
            Why it was refused, None when it was not, and the verdict.
        """
        assert self.candidate is not None  # noqa: S101 -- `promote` came first
        run = self.stage.run(name)
        for kept in ("source.json", "balance.json"):
            shutil.copyfile(self.run.path(kept), run.path(kept))
        (learned if taught is None else taught).to_parquet(run.path("train.parquet"))
        held_out.to_parquet(run.path("test.parquet"))
        stopped = None
        with quiet():
            candidate = self.fit(run, self.candidate["family"], self.candidate["parameters"])
            learned.to_parquet(run.path("train.parquet"))
            try:
                self.stage.step("evaluate")(run, candidate=candidate, data=run.uri("train.parquet"))
            except self.stage.refused as refusal:
                stopped = str(refusal)
        verdict = json.loads(run.path("evaluation.json").read_text(encoding="utf-8"))
        return stopped, verdict

    def muddled(self, seed: int, share: float = 1.0) -> pd.DataFrame:
        """The training rows, a share of them with the labels of others."""
        target = self.stage.model.target
        rows = self.learned.copy()
        chosen = rows.sample(frac=share, random_state=seed).index
        rows.loc[chosen, target] = unrelated(rows.loc[chosen, target], seed).to_numpy()
        return rows


def unrelated(labels: pd.Series, seed: int) -> pd.Series:
    """The same labels in an order that says as little of the old one as chance allows.

    An order taken at random still has some of the truth in it, and the fewer rows the more.
    """
    truth = labels.to_numpy()
    orders = [labels.sample(frac=1, random_state=seed * _ORDERS + n) for n in range(_ORDERS)]

    def left(order: pd.Series) -> float:
        if labels.dtype == object:
            chance = float((labels.value_counts(normalize=True) ** 2).sum())
            return abs(float((order.to_numpy() == truth).mean()) - chance)
        return abs(float(pd.Series(truth).corr(pd.Series(order.to_numpy()))))

    return min(orders, key=left)


def prove(stage: Stage, trained: Training) -> Iterator[Proof]:
    """Try every gate that a new model has to pass."""
    if trained.version is None:
        return
    checks: dict[str, Callable[[Stage, Training], Iterator[Proof]]] = {
        "thresholds": _thresholds,
        "champion: tie": _tie,
        "champion: worse": _worse,
        "champion: own rows": _own_rows,
        "leak": _leak,
        "copies": _copies,
        "slices": _slices,
    }
    for about, check in checks.items():
        yield from tried(check(stage, trained), GATE, about)


def _thresholds(stage: Stage, trained: Training) -> Iterator[Proof]:
    about, defect = "thresholds", "swapped labels: the target shuffled"
    bounds = {
        name: bound
        for name, bound in stage.model.evaluation.thresholds.items()
        if bound.minimum is not None or bound.maximum is not None
    }
    if not bounds:
        yield Proof(GATE, about, defect, OFF, "`evaluation.thresholds` bounds nothing")
        return
    for seed in _SEEDS:
        muddled = trained.muddled(seed)
        stopped, verdict = trained.attempt(f"labels-{seed}", muddled, trained.held_out)
        said = [text for text in verdict["problems"] if text.split(" is ")[0] in bounds]
        if stopped is None or not said:
            reached = ", ".join(f"{name} {verdict['metrics'][name]:.4f}" for name in bounds)
            said = [f"a model of shuffled labels reached {reached}: raise the thresholds"]
            yield Proof(GATE, about, defect, LET_THROUGH, said[0])
            return
    yield Proof(GATE, about, defect, CAUGHT, said[0])


def _tie(stage: Stage, trained: Training) -> Iterator[Proof]:
    about, defect = "champion", "a tied model: the champion trained again"
    margin = stage.model.evaluation.margin
    if margin < 0:
        yield Proof(GATE, about, defect, OFF, f"`evaluation.margin` is {margin}: a tie may win")
        return
    stopped, verdict = trained.attempt("tied", trained.learned, trained.held_out)
    yield _compared(about, defect, stopped, verdict)


def _worse(stage: Stage, trained: Training) -> Iterator[Proof]:
    about, defect = "champion", "a worse model: taught with wrong labels"
    margin = stage.model.evaluation.margin
    for share in (0.3, 0.6, 1.0):
        taught = trained.muddled(5, share)
        stopped, verdict = trained.attempt(
            f"worse-{share:g}", trained.learned, trained.held_out, taught=taught
        )
        against = verdict.get("champion") or {}
        loss = _loss(against)
        if loss is None or loss > max(0.0, -margin):
            yield _compared(about, defect, stopped, verdict)
            return
    yield Proof(GATE, about, defect, UNPROVEN, "wrong labels made the model no worse")


def _own_rows(stage: Stage, trained: Training) -> Iterator[Proof]:
    about, defect = "champion", "judged on rows the champion has learned from"
    if _alike(stage, trained):
        yield Proof(GATE, about, defect, UNPROVEN, "most rows of the data are alike anyway")
        return
    # The other way round: what the champion was trained on is held out now.
    stopped, verdict = trained.attempt("own-rows", trained.held_out, trained.learned)
    against = verdict.get("champion") or {}
    rows = against.get("rows")
    if stopped is not None and against.get("problems") and rows == 0:
        yield Proof(GATE, about, defect, CAUGHT, against["problems"][0])
        return
    said = "no champion was asked" if rows is None else f"it was compared on {rows} of its own rows"
    yield Proof(GATE, about, defect, LET_THROUGH, said)


def _leak(stage: Stage, trained: Training) -> Iterator[Proof]:
    model, defect = stage.model, "a leaked target: the answer as a feature"
    watched = [name for name in model.features if name not in model.evaluation.leaks_allowed]
    if not watched:
        said = "`evaluation.leaks_allowed` names every feature"
        yield Proof(GATE, "leaks", defect, OFF, said)
        return
    numbers = [name for name in watched if model.features[name] in ("integer", "number")]
    others = [name for name in watched if name not in numbers]
    chosen = numbers[:1] + (others[:1] if model.task == "classification" else [])
    if not chosen:
        said = "no feature could hold the number that is to be predicted"
        yield Proof(GATE, "leaks", defect, UNPROVEN, said)
    for name in chosen:
        parts = [
            _leaked(part, name, model, number=name in numbers)
            for part in (trained.learned, trained.held_out)
        ]
        stopped, verdict = trained.attempt(f"leak-{len(name)}-{chosen.index(name)}", *parts)
        said = next((text for text in verdict["problems"] if f"`{name}`" in text), "")
        if stopped is not None and said:
            yield Proof(GATE, f"leaks: {name}", defect, CAUGHT, said)
        else:
            said = f"nothing was said of `{name}`"
            yield Proof(GATE, f"leaks: {name}", defect, LET_THROUGH, said)


def _copies(stage: Stage, trained: Training) -> Iterator[Proof]:
    about, defect = "copies", "duplicated rows: each row three times"
    bound = stage.model.evaluation.copies
    if bound >= 1:
        yield Proof(GATE, about, defect, OFF, f"`evaluation.copies` is {bound:g}")
        return
    if _alike(stage, trained):
        yield Proof(GATE, about, defect, UNPROVEN, "most rows of the data are alike anyway")
        return
    raw = pd.read_parquet(stage.steps.local_path(trained.raw))
    run = stage.run("copies-split")
    pd.concat([raw] * 3, ignore_index=True).to_parquet(run.path("raw.parquet"))
    with quiet():
        stage.step("prepare")(run, data=run.uri("raw.parquet"))
    parts = (pd.read_parquet(run.path(f"{name}.parquet")) for name in ("train", "test"))
    stopped, verdict = trained.attempt("copies", *parts)
    said = next((text for text in verdict["problems"] if "copies" in text), "")
    if stopped is not None and said:
        yield Proof(GATE, about, defect, CAUGHT, said)
    else:
        yield Proof(GATE, about, defect, LET_THROUGH, "nothing was said of the copies")


def _slices(stage: Stage, trained: Training) -> Iterator[Proof]:
    about, defect = "slices", "a model that is worse for one group"
    named = stage.model.evaluation.slices
    if not named:
        yield Proof(GATE, about, defect, OFF, "`evaluation.slices` names no column")
        return
    stopped, verdict = trained.attempt(
        "slices", trained.learned, trained.held_out, taught=trained.muddled(7)
    )
    slices = verdict.get("slices") or []
    worse = [one for one in slices if one["worse"]]
    said = [text for text in verdict["problems"] if text.startswith("where ")]
    if stopped is not None and worse and said:
        yield Proof(GATE, about, defect, CAUGHT, said[0])
    elif slices and not any(one["judged"] for one in slices):
        rows = f"no slice has `evaluation.slice_rows` ({stage.model.evaluation.slice_rows}) rows"
        yield Proof(GATE, about, defect, UNPROVEN, rows)
    else:
        yield Proof(GATE, about, defect, LET_THROUGH, "no slice was called worse than allowed")


def _alike(stage: Stage, trained: Training) -> bool:
    """Whether most rows have their like: then one that was seen cannot be told from a new one."""
    rows = pd.read_parquet(stage.steps.local_path(trained.raw))[list(stage.model.columns)]
    return len(rows.drop_duplicates()) < _FEW_DIFFERENT * len(rows)


def _compared(about: str, defect: str, stopped: str | None, verdict: dict[str, Any]) -> Proof:
    against = verdict.get("champion")
    if not against:
        return Proof(GATE, about, defect, LET_THROUGH, "no champion was asked")
    if stopped is not None and against["problems"]:
        return Proof(GATE, about, defect, CAUGHT, against["problems"][0])
    numbers = f"{against['metric']} {against['challenger']} against {against['champion']}"
    return Proof(GATE, about, defect, LET_THROUGH, f"it won with {numbers}")


def _loss(against: dict[str, Any]) -> float | None:
    """By how much the new model is worse; None when it was not compared."""
    if against.get("challenger") is None or against.get("champion") is None:
        return None
    loss = float(against["champion"]) - float(against["challenger"])
    return -loss if against["metric"] in _LOWER_IS_BETTER else loss


def _leaked(rows: pd.DataFrame, name: str, model: Any, *, number: bool) -> pd.DataFrame:  # noqa: ANN401 -- the project's own type
    target = rows[model.target]
    if model.task == "regression":
        return rows.assign(**{name: target * 2.0 + 1.0})
    codes = {value: float(code) for code, value in enumerate(sorted(map(str, target.unique())))}
    answer = target.astype("str").map(codes) if number else "is " + target.astype("str")
    return rows.assign(**{name: answer.astype(rows[name].dtype)})
