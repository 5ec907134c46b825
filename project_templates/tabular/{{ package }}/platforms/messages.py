"""What people are told: a line that says it, why, and where it happened.

A message holds no value of the data and no output of a step: it leaves for where others read it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import quote

from airflow.sdk import Context
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowFailException

from .._mlops.runtime.settings import load
from .local import ROOT, run_of

SETTINGS = load(ROOT)
REASONS = 5
LENGTH = 300
SUBJECT = 100  # the longest that SNS takes


@dataclass(frozen=True)
class Message:
    """Something worth telling, and those it concerns: whoever asked for one of the occasions."""

    occasions: tuple[str, ...]
    headline: str
    reasons: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    link: str = ""

    @property
    def subject(self) -> str:
        """One line in ASCII, which is all that some channels take."""
        plain = self.headline.encode("ascii", "replace").decode()
        return plain if len(plain) <= SUBJECT else f"{plain[: SUBJECT - 3]}..."

    @property
    def text(self) -> str:
        """All of it, a line each."""
        lines = [self.headline, *(f"- {reason}" for reason in self.reasons)]
        lines += [f"{name}: {value}" for name, value in self.facts]
        return "\n".join([*lines, self.link] if self.link else lines)

    @property
    def html(self) -> str:
        """The same for e-mail."""
        lines = [f"<p><b>{escape(self.headline)}</b></p>"]
        if self.reasons:
            items = "".join(f"<li>{escape(reason)}</li>" for reason in self.reasons)
            lines.append(f"<ul>{items}</ul>")
        facts = "<br>".join(f"{escape(name)}: {escape(value)}" for name, value in self.facts)
        lines.append(f"<p>{facts}</p>")
        if self.link:
            lines.append(f'<p><a href="{escape(self.link)}">{escape(self.link)}</a></p>')
        return "".join(lines)


def failed(context: Context) -> Message:
    """A task failed: it refused what it was given, or it broke."""
    ti, error = context["ti"], context.get("exception")
    task = f"`{ti.task_id}`"
    if isinstance(error, AirflowFailException):
        return _of(
            context,
            ("gate_failed", "run_failed"),
            f"{_pipeline(ti.dag_id)} was stopped by {task}",
            (_first_line(error), *_broken_rules(context)),
        )
    reason = type(error).__name__ if error is not None else "its process was lost"
    # A step's last words may quote the data: they are in the log, and stay there.
    if ending := re.match(r"step \S+ (ended with code \d+|was killed by \w+)", str(error)):
        reason = ending.group()
    return _of(context, ("run_failed",), f"{_pipeline(ti.dag_id)} failed at {task}", (reason,))


def succeeded(context: Context) -> Message | None:
    """A task succeeded, which is worth telling when it promoted a version or found drift."""
    task = context["ti"].task
    step, answer = getattr(task, "step", None), getattr(task, "answer", None)
    if not isinstance(answer, dict):
        return None
    if step == "promote":
        promoted = f"version {answer['version']} of {answer['name']} is the champion"
        return _of(context, ("promoted",), f"{SETTINGS.project}: {promoted}")
    if step == "measure" and answer.get("broke"):
        broke = answer["broke"]
        windows = f"{len(broke)} windows broke, the newest" if len(broke) > 1 else "a window broke:"
        headline = f"{SETTINGS.project}: {windows} {answer['partition']}"
        return _of(context, ("drift",), headline, tuple(answer["reasons"]))
    return None


def waits(context: Context) -> Message:
    """A version waits for a person's answer."""
    subject = str(getattr(context["ti"].task, "subject", "") or "a version waits for approval")
    return _of(
        context,
        ("approval_waiting",),
        f"{SETTINGS.project}: {_cut(subject)}",
        (f"Answer in Airflow, or with `mlops models approve {SETTINGS.project} VERSION`",),
    )


def late(pipeline: str, minutes: float) -> Message:
    """A run has not ended in time; Airflow fills in which when it is so."""
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    run = "{{ dag_run.dag_run_id }}"
    link = f"{base}/dags/{SETTINGS.dag_ids[pipeline]}/runs/{{{{ dag_run.dag_run_id | urlencode }}}}"
    return Message(
        ("deadline_missed",),
        f"{SETTINGS.project} {pipeline} has not ended within {minutes:g} minutes",
        (),
        (*_place(), ("Run", run)),
        link if base else "",
    )


def sample(occasion: str) -> Message:
    """What a message about an occasion looks like; says that it is a test."""
    return Message(
        (occasion,),
        f"{SETTINGS.project}: a test of the notification {occasion}",
        ("Nothing has happened; `mlops notify test` sent this",),
        (("Environment", SETTINGS.environment),),
    )


def _of(
    context: Context, occasions: tuple[str, ...], headline: str, reasons: tuple[str, ...] = ()
) -> Message:
    ti = context["ti"]
    shown = tuple(_cut(reason) for reason in reasons[: REASONS + 1])
    facts = (*_place(), ("Run", ti.run_id), ("Task", ti.task_id))
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    link = f"{base}/dags/{ti.dag_id}/runs/{quote(ti.run_id)}" if base else ""
    return Message(occasions, headline, shown, facts, link)


def _place() -> tuple[tuple[str, str], ...]:
    return (("Environment", SETTINGS.environment), ("Release", SETTINGS.release))


def _pipeline(dag_id: str) -> str:
    names = {known: pipeline for pipeline, known in SETTINGS.dag_ids.items()}
    return f"{SETTINGS.project} {names.get(dag_id, dag_id)}"


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LENGTH else f"{text[: LENGTH - 1]}…"


def _broken_rules(context: Context) -> tuple[str, ...]:
    """The rules a gate's data did not pass, without what was found there."""
    gate = re.match(r"gate_(\w+)", context["ti"].task_id)
    if gate is None or gate.group(1) not in SETTINGS.model.quality:
        return ()
    try:
        result: dict[str, Any] = json.loads(
            run_of(context).path(f"quality/{gate.group(1)}.json").read_text(encoding="utf-8")
        )
    except (OSError, ValueError):
        return ()
    rules = [rule for rule in result.get("RuleResults", ()) if rule.get("Result") != "PASS"]
    named = [str(rule.get("Description")) for rule in rules[: REASONS - 1]]
    return (*named, f"and {len(rules) - len(named)} more") if len(rules) > len(named) else (*named,)
