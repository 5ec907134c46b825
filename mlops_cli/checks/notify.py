"""Tries a project's notifications: a real message by each way, as its Airflow would send it."""

from __future__ import annotations

import json
import os
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.clock import SystemClock
from mlops_cli.core.errors import MlopsError, ProjectError, UsageError
from mlops_cli.core.exits import Exit
from mlops_cli.core.processes import run
from mlops_cli.project.environments import LocalEnvironment
from mlops_cli.project.loader import environment as environment_of
from mlops_cli.project.paths import MANIFEST

from .airflow_side import send_messages
from .importing import airflow_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_cli.core.progress import Progress
    from mlops_cli.project.model import Project
    from mlops_cli.runtime.notifications import Notification

_TIMEOUT_SECONDS: Final = 300
_SHOWN_LINES: Final = 10
# No step runs: only the messages are made and sent.
_NO_INTERPRETER: Final = Path("python")
_CODES: Final = {"denied": Exit.NOT_ALLOWED, "unreachable": Exit.UNAVAILABLE}


@dataclass(frozen=True, slots=True)
class TriedMessage:
    """One message, and what became of it."""

    to: str
    connection: str
    occasion: str
    outcome: str
    """`sent`, `shown` (nothing was sent), `unknown` (there is no such connection), `denied`,
    `unreachable` or `failed`."""
    reason: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class NotificationTest:
    """Every message that was tried."""

    project: str
    environment: str
    messages: tuple[TriedMessage, ...]
    seconds: float

    @property
    def exit_code(self) -> Exit:
        """Done when each was sent; why not, where all that failed did so for one reason."""
        codes = {
            _CODES.get(message.outcome, Exit.NO)
            for message in self.messages
            if message.outcome not in {"sent", "shown"}
        }
        return codes.pop() if len(codes) == 1 else Exit.NO if codes else Exit.DONE


def try_notifications(
    project: Project,
    environment: str,
    *,
    to: str | None = None,
    occasion: str | None = None,
    dry_run: bool = False,
    progress: Progress,
) -> NotificationTest:
    """Send a test message by each way of `notifications:` in `mlops.yaml`.

    Args:
        project: The project.
        environment: One of its environments.
        to: Only by this way.
        occasion: Only to those who are told of this; by default the first each is told of.
        dry_run: Make the messages, send nothing.
        progress: Told what is done.

    Raises:
        UsageError: Nobody is told of that by that way, or the environment's connections are not
            on this machine.
        ProjectError: Nobody is told of anything.
        UnavailableError: Airflow's interpreter could not be built.
        MlopsError: The messages could not be made.
    """
    clock = SystemClock()
    began = clock.monotonic()
    spec = environment_of(project, environment)
    chosen = _chosen(project, to, occasion)
    if not dry_run and not isinstance(spec, LocalEnvironment):
        raise UsageError(
            f"Could not test the notifications of `{environment}`: only its own Airflow has the "
            "connections they go out through",
            hint=f"`mlops doctor --env {shlex.quote(environment)}` says whether they are there; "
            "`--dry-run` shows the messages",
        )
    with tempfile.TemporaryDirectory(prefix="mlops-notify-") as scratch:
        answers = _ask(
            project,
            environment,
            Path(scratch).resolve(),
            messages=[(index, about) for index, _, about in chosen],
            dry_run=dry_run,
            progress=progress,
        )
    tried = tuple(
        TriedMessage(
            to=one.to,
            connection=one.connection_id,
            occasion=about,
            outcome=answer["outcome"],
            reason=answer.get("reason", ""),
            subject=answer["subject"],
            text=answer["text"],
        )
        for (_, one, about), answer in zip(chosen, answers, strict=True)
    )
    return NotificationTest(project.name, environment, tried, clock.monotonic() - began)


def _chosen(
    project: Project, to: str | None, occasion: str | None
) -> Sequence[tuple[int, Notification, str]]:
    sent = project.notifications.send
    if not sent:
        raise ProjectError(
            f"Nobody is told of anything: `notifications.send` in `{MANIFEST}` is empty",
            hint="Add to it, for example `- {to: slack-webhook, on: [gate_failed, run_failed]}`",
        )
    chosen = [
        (index, one, occasion or one.on[0])
        for index, one in enumerate(sent)
        if to in (None, one.to) and (occasion is None or occasion in one.on)
    ]
    if not chosen:
        asked = " by ".join(f"`{word}`" for word in (occasion, to) if word)
        known = "; ".join(f"`{one.to}` of {', '.join(one.on)}" for one in sent)
        raise UsageError(f"Nobody is told of {asked} in `{MANIFEST}`", hint=f"There is {known}")
    return chosen


def _ask(
    project: Project,
    environment: str,
    scratch: Path,
    *,
    messages: list[tuple[int, str]],
    dry_run: bool,
    progress: Progress,
) -> list[dict[str, Any]]:
    from mlops_cli.environments.interpreters import airflow_interpreter
    from mlops_cli.environments.release.build import build

    python = airflow_interpreter(project.airflow, progress=progress)
    clock = SystemClock()
    release = build(project, environment, scratch / "r", python=_NO_INTERPRETER, clock=clock)
    if not (release.root / release.manifest.package / "platforms" / "notifications.py").is_file():
        raise ProjectError(
            f"Could not test the notifications: `{project.name}` was made before there were any",
            hint="Write a new project beside it (`mlops new … --into DIR`), and take its `dags/`, "
            "`platforms/` and `_mlops/`",
        )
    request, result = scratch / "request.json", scratch / "result.json"
    body = {
        "root": str(release.root),
        "package": release.manifest.package,
        "messages": messages,
        "send": not dry_run,
        "result": str(result),
    }
    request.write_text(json.dumps(body), encoding="utf-8")
    with progress.step("Making the messages" if dry_run else f"Sending {len(messages)} message(s)"):
        ended = run(
            [python, send_messages.__file__, request],
            timeout_seconds=_TIMEOUT_SECONDS,
            cwd=scratch,
            env=_environment(scratch, python, dry_run=dry_run),
        )
    if not result.is_file():
        said = "\n".join(ended.output.splitlines()[-_SHOWN_LINES:])
        late = f"nothing came of it within {_TIMEOUT_SECONDS} s"
        raise MlopsError(
            "Could not test the notifications: "
            + (late if ended.timed_out else "Airflow's interpreter ended before it was done"),
            state=f"It said:\n{said}" if said else None,
        )
    answers: list[dict[str, Any]] = json.loads(result.read_text(encoding="utf-8"))
    return answers


def _environment(scratch: Path, python: Path, *, dry_run: bool) -> dict[str, str]:
    """What the local Airflow runs in, so that it finds the very connections its tasks find."""
    from mlops_cli.environments.local.configuration import local_home
    from mlops_cli.environments.local.instance import surroundings

    if dry_run:
        return airflow_environment(scratch)
    home = local_home()
    own = surroundings(home, python) | {"PYTHONDONTWRITEBYTECODE": "1"}
    if home.configuration.is_file():
        return own | {"_AIRFLOW_PROCESS_CONTEXT": "server"}  # it may look into the database
    return own | {"AIRFLOW_HOME": str(scratch), "AIRFLOW_CONFIG": os.devnull}
