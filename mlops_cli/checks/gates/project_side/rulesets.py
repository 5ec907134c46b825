"""The ruleset gates: each rule is given, through the project's own gate, what it must stop."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from .derive import Claim, claims
from .stage import BROKEN, CAUGHT, LET_THROUGH, OFF, UNPROVEN, VOID, Proof, quiet, why

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd  # type: ignore[import-untyped, unused-ignore]

    from .defects import Defect
    from .stage import Stage

GATES: Final = ("raw", "features", "input", "predictions")
_EARLIER: Final = 10
"""Earlier results that rules such as `RowCount > avg(last(5))` look back on."""


@dataclass(eq=False)
class Open:
    """A claim of a rule that nothing has proved yet."""

    number: int
    rule: str
    claim: Claim
    tried: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    """What was tried and the rule found good."""


def prove(stage: Stage, gate: str, rows: pd.DataFrame, *, real: bool) -> Iterator[Proof]:
    """Try every rule of a gate.

    Args:
        stage: The project.
        gate: The gate's name.
        rows: Good data, as it comes to that gate.
        real: They are the project's. What is far from made-up rows may be fine for real ones, so
            a rule that nothing breaks then proves nothing.
    """
    ruleset = stage.model.quality.get(gate)
    if ruleset is None:
        yield Proof(gate, "the gate", "any bad data", OFF, f"`model.quality` names no `{gate}`")
        return
    trial = _Trial(stage, gate)
    stopped, results = trial.ask(rows)
    if stopped is not None:
        yield Proof(gate, ruleset, "good data", VOID, stopped)
        return
    if len(results) != len(trial.rules):
        said = f"it judged {len(results)} of its {len(trial.rules)} rules"
        yield Proof(gate, ruleset, "good data", LET_THROUGH, said)
        return
    if trial.looks_back:
        for _ in range(_EARLIER):
            trial.ask(rows, keep=True)
    found: list[tuple[int, Proof]] = []
    waiting = []
    for number, (rule, result) in enumerate(zip(trial.rules, results, strict=True)):
        written = str(result["Description"])
        claimed = [one for one in claims(rule, rows, trial.leaves_of) if one.forms]
        waiting += [Open(number, written, claim) for claim in claimed]
        if not claimed:
            said = "no defect could be derived from it"
            found.append((number, Proof(gate, written, "–", UNPROVEN, said)))
    while waiting:
        judged = trial.judge(rows, _batch(waiting))
        found += [(one.number, proof) for one, proof in judged]
        done = [one for one, _ in judged]
        spent = [one for one in waiting if len(one.tried) == len(one.claim.forms)]
        found += [(one.number, _unproved(gate, one, real)) for one in spent if one not in done]
        waiting = [one for one in waiting if one not in done and one not in spent]
    yield from (proof for _, proof in sorted(found, key=lambda each: each[0]))


def _unproved(gate: str, one: Open, real: bool) -> Proof:  # noqa: FBT001 -- one of many facts
    tried = ", ".join(one.tried[:4]) + (" …" if len(one.tried) > 4 else "")
    if real and one.claim.certain and one.passed:
        return Proof(gate, one.rule, one.claim.kind, LET_THROUGH, f"tried: {tried}")
    return Proof(gate, one.rule, one.claim.kind, UNPROVEN, f"nothing broke it; tried: {tried}")


def _batch(waiting: list[Open]) -> list[tuple[Open, Defect]]:
    """Defects that can stand in one table: no two change the same column in different ways."""
    chosen: list[tuple[Open, Defect]] = []
    taken: dict[str, str] = {}
    whole = ""
    for one in waiting:
        form = one.claim.forms[len(one.tried)]
        if not form.columns:
            if not chosen or whole == form.name:
                whole = form.name
                chosen.append((one, form))
        elif not whole and all(taken.get(name, form.name) == form.name for name in form.columns):
            taken |= dict.fromkeys(form.columns, form.name)
            chosen.append((one, form))
    return chosen


class _Trial:
    """The project's own gate, asked again and again."""

    def __init__(self, stage: Stage, gate: str) -> None:
        self._stage, self._gate = stage, gate
        self._run = stage.run(f"gate-{gate}")
        self._gates = stage.module("_mlops.runtime.gate")
        quality = stage.module("_mlops.quality")
        text = (stage.root / stage.model.quality[gate]).read_text(encoding="utf-8")
        self.rules = quality.parse(text).rules
        self.leaves_of = stage.module("_mlops.quality.language.model").leaves_of
        self.looks_back = "last(" in text or "DetectAnomalies" in text

    def ask(self, rows: pd.DataFrame, *, keep: bool = False) -> tuple[str | None, list[Any]]:
        """What the gate says of the rows: why it stops them, and each rule's result."""
        data = self._run.path(f"{self._gate}.parquet")
        rows.to_parquet(data, index=False)
        verdict = self._run.path(f"quality/{self._gate}.json")
        verdict.unlink(missing_ok=True)
        history = self._stage.folder / "runs" / ".quality" / f"{self._gate}.jsonl"
        before = history.read_bytes() if history.is_file() else None
        stopped = None
        try:
            with quiet():
                self._gates.gate(self._run, name=self._gate, data=data.as_uri())
        except self._stage.refused as refusal:
            stopped = str(refusal)
        if self.looks_back and not keep and before is not None:
            history.write_bytes(before)
        results = []
        if verdict.is_file():
            results = json.loads(verdict.read_text(encoding="utf-8")).get("RuleResults", [])
        return stopped, results

    def judge(
        self, rows: pd.DataFrame, batch: list[tuple[Open, Defect]]
    ) -> list[tuple[Open, Proof]]:
        """Spoil the rows in every way of the batch and see which rules say no."""
        spoiled = rows
        try:
            for form in {form.name: form for _, form in batch}.values():
                spoiled = form.apply(spoiled)
            stopped, results = self.ask(spoiled)
        except Exception as error:  # noqa: BLE001 -- a defect that these columns cannot take
            if len(batch) > 1:
                return [proof for single in batch for proof in self.judge(rows, [single])]
            one, form = batch[0]
            one.tried.append(f"{form.name} ({why(error)})")
            return []
        found = []
        for one, form in batch:
            one.tried.append(form.name)
            failed = len(results) > one.number and results[one.number]["Result"] != "PASS"
            if stopped is not None and (failed or not results):
                said = results[one.number]["EvaluationMessage"] if results else stopped
                found.append((one, Proof(self._gate, one.rule, form.name, CAUGHT, said)))
            elif failed:
                said = "the rule failed, and the gate let the data through"
                found.append((one, Proof(self._gate, one.rule, form.name, LET_THROUGH, said)))
            else:
                one.passed.append(form.name)
        return found


def broken(gate: str, error: BaseException) -> Proof:
    """A gate that could not be tried."""
    return Proof(gate, "the gate", "–", BROKEN, why(error))
