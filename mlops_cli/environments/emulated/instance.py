"""Starts, finds and stops the emulated MWAA: an Airflow with the account around it beside it."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import UnavailableError, UnfinishedError, UsageError
from mlops_cli.environments.interpreters import DEFAULT_AIRFLOW
from mlops_cli.environments.local import instance as local
from mlops_cli.environments.local.leftovers import is_locked

from . import places

if TYPE_CHECKING:
    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.local.instance import Instance

_POLL_SECONDS: Final = 0.1
_READY_SECONDS: Final = 60.0
# Those it likes best: a page that was opened before is found again after a restart.
_PORTS: Final = {"aws": 8090, "mwaa": 8091}


def start(version: str = DEFAULT_AIRFLOW, *, progress: Progress, clock: Clock) -> Instance:
    """Start it, or find the one that runs, and wait until it can be deployed to.

    Raises:
        UsageError: `moto` is not installed.
        MlopsError: As `local.instance.start`.
    """
    if find_spec("moto") is None or find_spec("werkzeug") is None:
        raise UsageError(
            "Could not emulate MWAA: the package `moto`, which plays S3, is not installed",
            hint=f"Install it beside `mlops`: `{sys.executable} -m pip install 'moto[s3,server]'`",
        )
    home = places.emulated_home()
    if not is_locked(home):
        places.aws_config(home).unlink(missing_ok=True)
    companion = local.Companion(
        name=places.KIND,
        argv=(sys.executable, "-P", "-m", f"{__package__}.program", str(home.root)),
        ports=_PORTS,
        environment=places.shell_variables(home),
    )
    running = local.start(version, home=home, companion=companion, progress=progress, clock=clock)
    with progress.step("Waiting for the emulated MWAA"):
        _wait_until_ready(running, clock=clock)
    return running


def find_running() -> Instance | None:
    """The one that runs or starts now, or None."""
    return local.find_running(places.emulated_home())


def stop(*, clock: Clock) -> tuple[bool, int]:
    """Stop it with everything it started; what is in its bucket is kept.

    Returns:
        Whether it was running, and how many processes had to be killed.

    Raises:
        UnfinishedError: Some of its processes could not be killed.
    """
    home = places.emulated_home()
    found = local.stop(home=home, clock=clock)
    places.aws_config(home).unlink(missing_ok=True)
    return found


def is_ready(running: Instance) -> bool:
    """Whether the account around Airflow answers."""
    return places.aws_config(running.home).is_file()


def _wait_until_ready(running: Instance, *, clock: Clock) -> None:
    deadline = clock.monotonic() + _READY_SECONDS
    while not is_ready(running):
        if not is_locked(running.home):
            raise UnavailableError(
                "Could not start the emulated MWAA: it ended while starting",
                hint=f"Read why in `{running.home.logs / 'mwaa.log'}`",
            )
        if clock.monotonic() > deadline:
            raise UnfinishedError(
                f"Could not see the emulated MWAA ready within {_READY_SECONDS:.0f} s",
                hint=f"Read why in `{running.home.logs / 'mwaa.log'}`",
                state="It goes on starting",
            )
        clock.sleep(_POLL_SECONDS)
