"""Steps on the worker itself: a process in the project's own environment, never in Airflow's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from airflow.sdk import Asset, BaseOperator, Context, XComArg
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
)

from .._mlops.runtime.settings import load
from .._mlops.runtime.steps import REFUSED, SKIPPED, Run, slug

ROOT = Path(__file__).resolve().parents[2]


class StepOperator(BaseOperator):
    """Runs `python -m PACKAGE STEP` and returns what the step returns.

    A step that refuses (a gate said no) fails the task without a retry; one that has nothing to
    do skips it and what comes after; one that breaks is retried as the DAG says.

    Args:
        step: The step's name.
        inputs: Its arguments; values of tasks before it are put in when it runs.
    """

    template_fields: Sequence[str] = ("inputs",)
    template_fields_renderers = {"inputs": "json"}  # noqa: RUF012 -- Airflow's own form

    def __init__(self, *, step: str, inputs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Take the step, its inputs and what every operator takes."""
        super().__init__(**kwargs)
        self.step = step
        self.inputs = inputs or {}
        self.answer: Any = None

    def execute(self, context: Context) -> Any:
        """Run the step to its end, its output going to the task's log."""
        with tempfile.TemporaryDirectory() as scratch:
            given, result = (Path(scratch) / name for name in ("inputs.json", "result.json"))
            given.touch(mode=0o600)
            given.write_text(json.dumps(self.inputs, default=list), encoding="utf-8")
            code, last = self._run(self._command(context, given, result))
            answer = json.loads(result.read_text()) if result.exists() else {}
        if code == REFUSED and "refused" in answer:
            raise AirflowFailException(answer["refused"])
        if code == SKIPPED and "skipped" in answer:
            raise AirflowSkipException(answer["skipped"])
        if code != 0:
            raise AirflowException(f"step {self.step} {ending(code)}: {last}")
        self.answer = answer["value"]  # for who is told that the task has succeeded
        for asset in self.outlets:
            # What an asset's consumers are told: the version and where it is.
            context["outlet_events"][asset].extra = answer["value"]
        return answer["value"]

    def _command(self, context: Context, given: Path, result: Path) -> list[str]:
        run = run_of(context)
        assert run.settings.paths is not None
        command = [run.settings.paths.python, "-m", run.settings.package, self.step]
        command += [f"--run={run.folder}", f"--run-id={run.id}"]
        # All that grows with the data goes into a file: Linux limits each argument of a command.
        return [*command, f"--inputs={given}", f"--result={result}"]

    def _run(self, command: list[str]) -> tuple[int, str]:
        unwanted = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
        environment = {k: v for k, v in os.environ.items() if k not in unwanted}
        environment |= {
            "PYTHONUNBUFFERED": "1",
            # Candidates run side by side; each taking every core would only slow all of them.
            "OMP_NUM_THREADS": environment.get("OMP_NUM_THREADS", "1"),
        }
        last = ""
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as child:
            self._child = child.pid
            assert child.stdout is not None
            try:
                for line in child.stdout:
                    last = line.rstrip() or last
                    self.log.info("%s", line.rstrip())
            except BaseException:
                # The task's time is up. Leaving this block waits for the step, so end it first.
                self.on_kill()
                raise
        return child.returncode, last

    def on_kill(self) -> None:
        """Stop the step, and all that it started, when the task is stopped."""
        if child := getattr(self, "_child", None):
            with suppress(ProcessLookupError):  # it has just ended by itself
                os.killpg(child, signal.SIGTERM)


def ending(code: int) -> str:
    """How a process ended that did not succeed."""
    if code >= 0:
        return f"ended with code {code}"
    killed = f"was killed by {signal.Signals(-code).name}"
    return f"{killed}, as when memory runs out" if code == -signal.SIGKILL else killed


def run_of(context: Context) -> Run:
    """The pipeline run a task belongs to."""
    settings = load(ROOT)
    if settings.paths is None:
        raise AirflowFailException("this is a checkout; only a release knows where it runs")
    run_id = str(context["run_id"])
    folder = Path(settings.paths.runs) / slug(run_id)
    return Run(settings, ROOT, run_id, folder.as_uri())


def step(
    step_name: str,
    /,
    *,
    task_id: str = "",
    outlets: Sequence[Asset] = (),
    trigger_rule: str = "all_success",
    **inputs: Any,
) -> XComArg:
    """A task that runs a step of the model's package; what it returns is the step's result."""
    return StepOperator(
        task_id=task_id or step_name,
        step=step_name,
        inputs=inputs,
        outlets=outlets,
        trigger_rule=trigger_rule,
    ).output


def gate(name: str, *, data: Any) -> XComArg:
    """A task that lets data through when it passes the ruleset, and stops the run otherwise."""
    return step("gate", task_id=f"gate_{name}", name=name, data=data)


def asked(name: str) -> str:
    """What a run was asked for: by the newest asset event that started it, else by a parameter.

    A template, filled in when the task runs.
    """
    return (
        f"{{% set asked = namespace(value=params.{name}) %}}"
        "{% for events in triggering_asset_events.values() %}"
        "{% for event in events | sort(attribute='timestamp') "
        f"if event.extra.get('{name}') %}}"
        f"{{% set asked.value = event.extra['{name}'] %}}"
        "{% endfor %}{% endfor %}{{ asked.value }}"
    )


def in_flight(dag_id: str) -> str:
    """How many runs of a DAG are under way, one that waits for a person included; a template."""
    return f"{{{{ ti.get_dr_count(dag_id='{dag_id}', states=['queued', 'running']) }}}}"


def mapped(name: str, inputs: XComArg) -> XComArg:
    """One task for each mapping in `inputs`, side by side; the list of their results."""
    return StepOperator.partial(task_id=name, step=name).expand(inputs=inputs).output
