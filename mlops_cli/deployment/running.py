"""What a deploy does about runs in flight: their later tasks would run the new code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import ConflictError

from .plan import running_runs

if TYPE_CHECKING:
    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.open import Environment

WAIT_SECONDS: Final = 6 * 60 * 60.0
_POLL_SECONDS: Final = 5.0
_SHOWN: Final = 5


def let_end(
    environment: Environment,
    dag_ids: tuple[str, ...],
    policy: str,
    *,
    progress: Progress,
    clock: Clock,
    limit_seconds: float = WAIT_SECONDS,
) -> None:
    """Before anything is written: refuse while runs are in flight, or wait for their end.

    Args:
        environment: Where they run.
        dag_ids: The DAGs that will change.
        policy: `fail`, `wait` or `allow`.
        progress: Told what is waited for.
        clock: For waiting.
        limit_seconds: How long at most.

    Raises:
        ConflictError: They are in flight, or still are.
    """
    if policy == "allow" or environment.api is None:
        return
    running = running_runs(environment.api, dag_ids)
    if running and policy == "wait":
        began = clock.monotonic()
        with progress.step(f"Waiting for {_named(running)} to end"):
            while running and clock.monotonic() - began < limit_seconds:
                clock.sleep(_POLL_SECONDS)
                running = running_runs(environment.api, dag_ids)
    if running:
        raise ConflictError(
            f"Could not deploy to `{environment.name}` while runs are in flight: {_named(running)}",
            hint="Have it wait for their end with `--when-running wait`, "
            "or let them go on with the new code: `--when-running allow`",
            state="Nothing was changed",
        )


def _named(running: tuple[str, ...]) -> str:
    more = len(running) - _SHOWN
    shown = ", ".join(f"`{run}`" for run in running[:_SHOWN])
    return shown + (f" and {more} more" if more > 0 else "")
