"""The retraining rule: from what is known to a decision, with its numbers and its sentence."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .._mlops.runtime.settings import Retrain
from .._mlops.runtime.steps import Run, slug

# What a training writes into the passport, whatever comes of it.
ANSWERS = ("registered", "refused", "rejected", "promoted")
# Airflow starts what was asked for within seconds, and from then on it is in flight. A training
# that by then is neither in flight nor in the passport has crashed, and stands in nobody's way.
UNANSWERED = timedelta(hours=1)


@dataclass(frozen=True)
class Evidence:
    """What is known when a decision is made."""

    version: str | None
    """The champion."""
    windows: Sequence[dict[str, Any]]
    """The champion's windows that have rows enough to tell, the oldest first."""
    labelled: int
    """Rows of the newest labelled partitions: what a training could learn from."""
    in_flight: int
    now: datetime


def decided(
    run: Run,
    rule: Retrain,
    evidence: Evidence,
    earlier: Sequence[dict[str, Any]],
    passport_entries: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """The decision from what is known, with its numbers and its sentence."""
    shown = _series(run, rule, evidence.windows)
    newest = evidence.windows[-1] if evidence.windows else None
    asked = [entry for entry in earlier if entry["retrain"]]
    day = newest["day"] if newest else None
    numbers = {
        "broken": sum(window["broke"] for window in shown),
        "windows": len(shown),
        "needed": rule.broken,
        "since_last_days": _since(asked, day, evidence.now),
        "cooldown_days": rule.cooldown_days,
        "in_flight": evidence.in_flight,
        "asked_this_month": _this_month(asked, day, evidence.now),
        "budget": rule.budget_per_month,
        "labelled": evidence.labelled,
    }
    no = _evidence_missing(rule, evidence, shown, asked) or _held_back(
        run, evidence, numbers, asked, passport_entries
    )
    partition = newest["partition"] if newest else None
    request = None if no else f"{slug(str(partition))}-{_digest(run.id, partition)}"
    yes = (
        f"{numbers['broken']} of the last {numbers['windows']} windows of version "
        f"{evidence.version} broke; {shown[-1]['partition']}: {'; '.join(shown[-1]['reasons'])}"
        if not no
        else ""
    )
    return {
        "at": evidence.now.isoformat(timespec="milliseconds"),
        "run": run.id,
        "partition": partition,
        "day": day,
        "version": evidence.version,
        "retrain": not no,
        "reason": no or yes,
        "numbers": numbers,
        "judged": shown[-1]["partition"] if shown else None,
        "request": request,
        "source": run.kept(f"training/{request}.parquet").as_uri() if request else None,
    }


def _series(run: Run, rule: Retrain, found: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """The windows the rule looks at: the newest ones, or the newest whose labels have come.

    Labels come late. If only the newest windows counted, a model that got worse on rows that look
    as they always did would never be noticed.
    """
    least = run.settings.monitoring.drift.rows
    labelled = [window for window in found if window["labelled"] >= least]
    candidates = [found[-rule.windows :], labelled[-rule.windows :]]
    for windows_ in candidates:
        if windows_ and windows_[-1]["broke"] and _broken(windows_) >= rule.broken:
            return windows_
    return candidates[0]


def _broken(found: Sequence[dict[str, Any]]) -> int:
    return sum(window["broke"] for window in found)


def _evidence_missing(
    rule: Retrain,
    evidence: Evidence,
    shown: Sequence[dict[str, Any]],
    asked: Sequence[dict[str, Any]],
) -> str:
    """Why the windows give no reason to train again; empty when they do."""
    if evidence.version is None:
        return "no version is champion yet"
    if not shown:
        return f"no window of version {evidence.version} has rows enough to tell anything"
    newest = shown[-1]["partition"]
    if not shown[-1]["broke"]:
        return f"the newest window, {newest}, did not break"
    if _broken(shown) < rule.broken:
        return (
            f"{_broken(shown)} of the last {len(shown)} windows of version {evidence.version} "
            f"broke, and {rule.broken} are needed"
        )
    if asked and (asked[-1]["version"], asked[-1]["judged"]) == (evidence.version, newest):
        return f"training was asked for because of {newest} already, and no window has come since"
    return ""


def _held_back(
    run: Run,
    evidence: Evidence,
    numbers: dict[str, Any],
    asked: Sequence[dict[str, Any]],
    passport_entries: Sequence[dict[str, Any]],
) -> str:
    """Why the model is not trained now although it should be; empty when nothing is in the way."""
    least = run.settings.monitoring.drift.rows
    if not numbers["budget"]:
        return "retraining is turned off: `budget_per_month` is 0"
    if evidence.in_flight:
        return "a training is under way"
    if asked and _open(asked[-1], passport_entries, evidence.now):
        moment = asked[-1]["at"][:16].replace("T", " ")
        return f"the training asked for at {moment} UTC has not answered yet"
    since = numbers["since_last_days"]
    if since is not None and since < numbers["cooldown_days"]:
        return (
            f"the last training was asked for {since:g} days ago, and the cool-down is "
            f"{numbers['cooldown_days']:g} days"
        )
    if numbers["asked_this_month"] >= numbers["budget"]:
        return (
            f"{numbers['asked_this_month']} trainings were asked for this month, and the budget "
            f"is {numbers['budget']}"
        )
    if evidence.labelled < least:
        return (
            f"there are {evidence.labelled} labelled rows to learn from, and {least} are needed: "
            "put the labels of partitions where `monitoring.labels` says"
        )
    return ""


def _open(
    request: dict[str, Any], passport_entries: Sequence[dict[str, Any]], now: datetime
) -> bool:
    """Whether no training has answered a request yet."""
    if now - datetime.fromisoformat(request["at"]) > UNANSWERED:
        return False
    return not any(
        entry["event"] in ANSWERS and entry["at"] > request["at"] for entry in passport_entries
    )


def _since(asked: Sequence[dict[str, Any]], day: str | None, now: datetime) -> float | None:
    """Days since the last request; None before the first."""
    if not asked:
        return None
    then, today = _then_and_today(asked[-1], day, now)
    return round((today - then) / timedelta(days=1), 3)


def _this_month(asked: Sequence[dict[str, Any]], day: str | None, now: datetime) -> int:
    times = [_then_and_today(request, day, now) for request in asked]
    return sum((then.year, then.month) == (today.year, today.month) for then, today in times)


def _then_and_today(
    request: dict[str, Any], day: str | None, now: datetime
) -> tuple[datetime, datetime]:
    """When it was made, and now: by the windows' own days if both have one, else by the clock."""
    if day and request["day"]:
        return datetime.fromisoformat(request["day"]), datetime.fromisoformat(day)
    return datetime.fromisoformat(request["at"]), now


def _digest(run_id: str, partition: str | None) -> str:
    return hashlib.sha256(f"{run_id} {partition}".encode()).hexdigest()[:8]
