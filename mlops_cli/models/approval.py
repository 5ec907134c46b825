"""A person's answer to a training run that waits for approval, given from the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_cli.core.creator import creator
from mlops_cli.core.errors import (
    ConflictError,
    FailedError,
    MlopsError,
    UnavailableError,
    UnfinishedError,
)
from mlops_cli.core.exits import Exit
from mlops_cli.environments.apis.transport import PathTooLongError
from mlops_cli.environments.open import open_environment
from mlops_cli.runs.target import Target, dag_of, deployed
from mlops_cli.runs.trigger import to_its_end

from .naming import own_model

if TYPE_CHECKING:
    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.port import AirflowApi, Question
    from mlops_cli.project.model import Project
    from mlops_cli.runs.follow import Listener
    from mlops_cli.runs.outcome import RunOutcome

PIPELINE: Final = "training"
APPROVE: Final = "Approve"
REJECT: Final = "Reject"

_TASK: Final = "approval"
_REGISTERED_BY: Final = "register"
# An answer may come before Airflow's scheduler has heard that the task waits. Then it takes the
# task for one that failed, runs it again, and the answer is lost (seen in 3.3); a round of it is
# shorter than this.
_SETTLED_SECONDS: Final = 3.0
_OVER: Final = frozenset({"success", "failed", "skipped", "upstream_failed", "removed", None})


@dataclass(frozen=True, slots=True)
class ApprovalAnswer:
    """What a waiting run was told about a version."""

    environment: str
    model: str
    version: int
    approved: bool
    reason: str
    by: str
    run_id: str
    url: str
    run: RunOutcome | None
    """How the run went on, when it was followed."""

    @property
    def exit_code(self) -> Exit:
        """An approved version's run has to succeed; a rejected one's fails, as it should."""
        if self.run is None or not self.approved:
            return Exit.DONE
        return self.run.exit_code


def answer(
    project: Project,
    name: str,
    version: int,
    environment: str,
    *,
    approved: bool,
    reason: str,
    listener: Listener | None,
    timeout_seconds: float | None,
    progress: Progress,
    clock: Clock,
) -> ApprovalAnswer:
    """Answer the training run that waits for a word on a version.

    Args:
        project: Whose model.
        name: The model.
        version: The version's number.
        environment: Where the run waits.
        approved: Let it serve, or reject it.
        reason: Why; it is kept with the version.
        listener: Shown how the run goes on; None does not wait for it.
        timeout_seconds: How long to follow.
        progress: Told what happens.
        clock: For waiting.

    Raises:
        UsageError: The model is not the project's.
        ConflictError: It was answered before; the message says by whom.
        FailedError: No run waits for an answer about that version.
        UnavailableError: The way to this Airflow takes no answers.
        UnfinishedError: It is unknown whether the answer was taken.
    """
    project = project.within(environment)
    own_model(project, name)
    dag_id = dag_of(project, PIPELINE)
    opened = open_environment(project, environment, start=True, progress=progress, clock=clock)
    dag = deployed(opened, project, PIPELINE)
    api = opened.airflow
    verb = "approve" if approved else "reject"
    question = _find(api, dag_id, version, what=f"{verb} `{name}` version {version}")
    _let_settle(question, clock=clock)
    _give(api, question, approved=approved, reason=reason)
    progress.note(f"Run {question.run_id} of {dag_id} goes on")
    followed = None
    run = api.run(dag_id, question.run_id) if listener else None
    if run is not None:
        target = Target(project, PIPELINE, opened, dag, ())
        followed = to_its_end(
            target,
            run,
            listener=listener,
            timeout_seconds=timeout_seconds,
            progress=progress,
            clock=clock,
        )
    return ApprovalAnswer(
        environment=environment,
        model=name,
        version=version,
        approved=approved,
        reason=reason,
        by=creator(),
        run_id=question.run_id,
        url=api.run_url(dag_id, question.run_id),
        run=followed,
    )


def _find(api: AirflowApi, dag_id: str, version: int, *, what: str) -> Question:
    """The question about a version that is still open."""
    asked = [one for one in api.questions(dag_id) if one.task_id == _TASK]
    unanswered = [one for one in asked if one.answered is None and one.state not in _OVER]
    waiting = {_version(api, one): one for one in reversed(unanswered)}
    if found := waiting.get(str(version)):
        return found
    for one in asked:
        if one.answered is not None and _version(api, one) == str(version):
            raise ConflictError(f"Could not {what}: {_told(one)}")
    hint = "Who decides, `model.approval.policy` in `mlops.yaml` says; `person` asks in Airflow"
    if others := [one for one in waiting if one is not None]:
        hint = f"Waiting: version {', '.join(sorted(others))}"
    raise FailedError(f"Could not {what}: no run waits for an answer about it", hint=hint)


def _version(api: AirflowApi, question: Question) -> str | None:
    """Which version a question is about: what the run registered."""
    try:
        found = api.xcom(question.dag_id, question.run_id, _REGISTERED_BY)
    except PathTooLongError as error:
        raise _in_the_browser(api, question) from error
    return None if found is None else str(found)


def _let_settle(question: Question, *, clock: Clock) -> None:
    """Wait until the question is old enough to be answered; Airflow's clock may be another."""
    age = (clock.now() - question.asked).total_seconds() if question.asked else 0.0
    if (left := min(_SETTLED_SECONDS, _SETTLED_SECONDS - age)) > 0:
        clock.sleep(left)


def _give(api: AirflowApi, question: Question, *, approved: bool, reason: str) -> None:
    chosen = APPROVE if approved else REJECT
    given = {"reason": reason, "by": creator()}
    try:
        api.answer(question, chosen, given)
    except PathTooLongError as error:
        raise _in_the_browser(api, question) from error
    except ConflictError as error:
        now = _again(api, question)
        raise ConflictError(
            f"Could not answer for run `{question.run_id}`: {_told(now)}" if now else error.message
        ) from error
    except UnfinishedError as error:
        now = _again(api, question)
        if now is None or dict(now.given) != given or now.chosen != (chosen,):
            error.hint = "Run the same command again: it says so if the answer was taken"
            raise


def _again(api: AirflowApi, question: Question) -> Question | None:
    """The question as Airflow has it now, when it is answered and Airflow says so."""
    try:
        found = api.questions(question.dag_id)
    except MlopsError:
        return None
    same = (question.run_id, question.task_id, question.map_index)
    return next(
        (
            one
            for one in found
            if (one.run_id, one.task_id, one.map_index) == same and one.answered is not None
        ),
        None,
    )


def _told(question: Question) -> str:
    """Who answered, what, when and why."""
    at = f" at {question.answered:%Y-%m-%d %H:%M:%S} UTC" if question.answered else ""
    if question.by is None:
        return f"nobody answered in time, so it was rejected{at}"
    chosen = "approved" if APPROVE in question.chosen else "rejected"
    who = str(question.given.get("by") or question.by)
    reason = f": {question.given['reason']}" if question.given.get("reason") else ""
    return f"it was {chosen} by {who}{at}{reason}"


def _in_the_browser(api: AirflowApi, question: Question) -> UnavailableError:
    return UnavailableError(
        f"Could not answer from here: the way to Airflow at `{api.name}` takes no path that long",
        hint=f"Answer it in the browser: {api.question_url(question)}",
        state=f"Run `{question.run_id}` still waits",
    )
