"""The root command and the one boundary where errors become text and exit codes."""

from __future__ import annotations

import signal
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer
from typer.exceptions import TyperException

from mlops_cli import __version__, presentation
from mlops_cli.core.errors import MlopsError, UsageError, from_os_error
from mlops_cli.core.exits import Exit
from mlops_cli.runtime.imports import lasting_imports

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

app = typer.Typer(
    name="mlops",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    epilog=(
        "Common workflow: `mlops new churn` → `cd churn` → `mlops validate` → `mlops test` → "
        "`mlops deploy --env local` → `mlops trigger training --follow`.\n\n"
        "Exit codes: 0 done · 1 the answer is no · 2 usage · 3 project invalid · 4 not allowed · "
        "5 conflict · 6 unavailable, nothing changed · 7 unfinished, run again · 70 our bug · "
        "130 interrupted."
    ),
)


def _version(*, value: bool) -> None:
    if value:
        typer.echo(f"mlops {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda value: _version(value=value),
            is_eager=True,
            help="Show it.",
        ),
    ] = False,
) -> None:
    """Model projects on Apache Airflow: generate, prove, deploy, run and govern them."""


@cache
def _register() -> None:
    # Each module adds its commands to `app`; none of them imports anything heavy.
    with lasting_imports():
        for name in (
            "new", "validate", "test", "quality", "deploy", "runs", "models", "env", "doctor",
            "notify", "report", "airflow", "schema",
        ):  # fmt: skip
            import_module(f"{__package__}.{name}").register(app)


def main(argv: Sequence[str]) -> int:
    """Run a command line and return its exit code; nothing gets past this function."""
    presentation.configure(json="--json" in argv, debug="--debug" in argv)
    for number in (signal.SIGTERM, signal.SIGHUP):
        # `nohup` has chosen that a closed terminal does not end it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stopped)
    presentation.prepare_streams()
    try:
        code = _run(argv)
    except MlopsError as error:
        presentation.show_error(error)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = Exit.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone (`| head`); nobody is left to tell.
        presentation.nobody_reads()
        return Exit.DONE
    except Exception as error:  # noqa: BLE001 -- the last boundary
        # DuckDB swallows the KeyboardInterrupt that stops a query, and raises this in its place.
        if str(error) != "Query interrupted":
            return _unexpected(error, argv)
        code = Exit.INTERRUPTED
    if code in (Exit.INTERRUPTED, Exit.TERMINATED, Exit.HANGUP):
        _end_at_once_when_asked_again()
        presentation.interrupted(code)
    return code


def _end_at_once_when_asked_again() -> None:
    """Only the last words are left to say; who is still not satisfied may end the process."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def _run(argv: Sequence[str]) -> int:
    try:
        _register()
        # Not standalone: there, Typer prints wrong usage itself, as text also with `--json`.
        code = app(args=list(argv), prog_name="mlops", standalone_mode=False)
    except SystemExit as ended:
        code = ended.code
    except TyperException as wrong:
        if wrong.exit_code != Exit.USAGE:
            raise
        return _refuse(wrong, json="--json" in argv)
    return code if isinstance(code, int) else Exit.DONE


def _refuse(wrong: TyperException, *, json: bool) -> int:
    context = getattr(wrong, "ctx", None)
    path = context.command_path if context else "mlops"
    said = wrong.format_message()
    if context and said == context.get_help():
        if not json:
            typer.echo(said, err=True)
            return Exit.USAGE
        said = "No command is given"
    raise UsageError(said.rstrip("."), hint=f"See `{path} --help`") from wrong


def _unexpected(error: Exception, argv: Sequence[str]) -> int:
    from mlops_cli.core.errors import ProjectError
    from mlops_cli.quality.errors import QualityError

    told: MlopsError | None = None
    if isinstance(error, QualityError):
        told = ProjectError(error.message, hint=error.hint)
    elif isinstance(error, OSError):
        told = from_os_error(error)
    if told is None:
        presentation.show_crash(error, argv)
        return Exit.BUG
    told.__cause__ = error
    presentation.show_error(told)
    return told.exit_code


def _stopped(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 -- signal's signature
    raise SystemExit(128 + number)
