"""Errors as text: what failed, where, what is live now, what to type next; and crash reports."""

from __future__ import annotations

import platform
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_cli import __version__
from mlops_cli.core.diagnostics import Severity
from mlops_cli.core.files import write_atomic
from mlops_cli.core.redact import printable, redact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from mlops_cli.core.diagnostics import Diagnostic
    from mlops_cli.core.errors import MlopsError

COLOURS: Final = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def render(error: MlopsError, console: Console) -> None:
    """Print an error on the given console."""
    _line(console, "error:", error.message, "bold red")
    if error.at:
        _plain(console, f"  at {error.at}")
    for diagnostic in error.diagnostics:
        render_diagnostic(diagnostic, console)
    if error.state:
        _plain(console, f"  now: {error.state}")
    if error.hint:
        console.print()
        _line(console, "hint:", error.hint, "bold cyan")


def render_diagnostic(diagnostic: Diagnostic, console: Console) -> None:
    """Print one finding: severity, code, summary, place, detail, hint."""
    label = f"{diagnostic.severity}[{diagnostic.code}]:"
    _line(console, label, diagnostic.summary, COLOURS[diagnostic.severity])
    if diagnostic.at:
        _plain(console, f"  at {diagnostic.at}")
    for line in (diagnostic.detail or "").splitlines():
        _plain(console, f"  | {line}")
    if diagnostic.hint:
        _plain(console, f"  hint: {diagnostic.hint}")


def _line(console: Console, label: str, text: str, style: str) -> None:
    from rich.text import Text

    console.print(Text(label, style).append(f" {_clean(text)}", "default"), soft_wrap=True)


def _plain(console: Console, text: str) -> None:
    console.print(_clean(text), markup=False, highlight=False, soft_wrap=True)


def _clean(text: str) -> str:
    return printable(redact(text))


def write_report(error: BaseException, argv: Sequence[str]) -> Path | None:
    """Write what a bug report needs, for the user's eyes only; None when even that fails."""
    from .output import report_folder

    now = datetime.now(UTC)
    lines = [
        f"mlops {__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"at {now.isoformat()}",
        f"command: mlops {' '.join(argv)}",
        "",
        "".join(traceback.format_exception(error)),
    ]
    name = f"{now:%Y%m%dT%H%M%S}-{type(error).__name__}.txt"
    # The temporary folder is for a home that cannot be written, which may be what went wrong.
    for folder in (report_folder(), Path(tempfile.gettempdir())):
        path = folder / f"mlops-{name}"
        try:
            text = redact("\n".join(lines))
            # A file name that is no Unicode may be what it is about.
            write_atomic(path, text.encode("utf-8", "backslashreplace"), mode=0o600)
        except OSError:
            continue
        return path
    return None


def crash_text(error: BaseException, report: Path | None) -> str:
    """The one line a user sees of a bug of ours."""
    where = f"; the report is in {report}" if report else ""
    return f"error: mlops crashed ({type(error).__name__}): this is a bug of ours{where}"
