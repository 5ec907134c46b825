"""Reads rulesets and data files as a user names them on the command line."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final, Literal

from mlops_cli.core.diagnostics import Diagnostic, Location, Severity
from mlops_cli.core.errors import ProjectError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from mlops_cli.quality import DqdlSyntaxError, Ruleset, Source

# `mlops validate` finds the same thing under the same code.
SYNTAX: Final = "MLP402"

# Glue takes 65,536 characters; what is so much larger is a data file in the wrong place.
_LARGEST: Final = 4 * 1024 * 1024


def read_ruleset(
    path: Path, data: Sequence[str], *, profile: Literal["aws", "deequ"] = "aws"
) -> Ruleset:
    """Read and parse a ruleset.

    Args:
        path: Where it is.
        data: What is to be checked with it, for a hint when the two were exchanged.
        profile: Whose rule types there are: Deequ has some that AWS does not document.

    Raises:
        ProjectError: It cannot be read, or it is no DQDL.
    """
    from mlops_cli.quality import DqdlErrors, parse

    # As the gates read it: every end of line is the same.
    text = ruleset_text(path, data).replace("\r\n", "\n").replace("\r", "\n")
    try:
        return parse(text, profile=profile)
    except DqdlErrors as errors:
        count = len(errors.errors)
        raise ProjectError(
            f"Could not read the ruleset `{path}`: it has {count} error{'' if count == 1 else 's'}",
            diagnostics=syntax_errors(errors.errors, path),
            hint=_exchanged(path, data),
        ) from errors


def syntax_errors(errors: Iterable[DqdlSyntaxError], path: Path) -> tuple[Diagnostic, ...]:
    """Each error with its place, the line and a caret."""
    return tuple(
        Diagnostic(
            SYNTAX,
            Severity.ERROR,
            error.message,
            at=Location(path, error.line, error.column),
            detail=error.excerpt,
            hint=error.hint,
        )
        for error in errors
    )


def public_name(data: str) -> str:
    """Name data as reports may: a URI without a password or a signature in its query."""
    if "://" not in data or data.lower().startswith("file://"):
        return data
    from mlops_cli.quality.data.remote import public

    return public(data)


def open_data(data: str, *, delimiter: str | None) -> Source:
    """Open a data file.

    Raises:
        DataReadError: It is missing, broken, or could be read only by guessing.
    """
    from mlops_cli.quality import DataReadError, open_source

    if not data.isascii() and data != (shown := data.encode(errors="backslashreplace").decode()):
        # DuckDB takes names as UTF-8, and ends in a failed cast with any other.
        raise DataReadError(
            f"Could not read `{shown}`: its name is not UTF-8 text",
            hint="Rename it, or make a link to it that has a plain name",
        )
    return open_source(data, delimiter=delimiter)


def named_datasets(given: Sequence[str]) -> dict[str, str]:
    """Take the data sets that rules compare with, each given as `NAME=FILE`.

    Raises:
        UsageError: One is not of this form, or a name comes twice.
    """
    found: dict[str, str] = {}
    for one in given:
        name, equals, location = one.partition("=")
        if not (name and equals and location):
            raise UsageError(
                f"Could not read `--dataset {one}`: it is not of the form `NAME=FILE`",
                hint="NAME is what the ruleset calls it: `--dataset reference=reference.csv`",
            )
        if name in found:
            raise UsageError(f"Could not read `--dataset {one}`: there is a `{name}` already")
        found[name] = location
    return found


def ruleset_text(path: Path, data: Sequence[str] = ()) -> str:
    """Read a ruleset as it is stored, with its own ends of line.

    Raises:
        ProjectError: It cannot be read, is no text, or far too large.
    """
    reason = None
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        reason = "it is not UTF-8 text"
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
    else:
        if len(content) <= _LARGEST:
            return text
        reason = "it is larger than 4 MiB, which no ruleset is"
    raise ProjectError(
        f"Could not read the ruleset `{path}`: {reason}", hint=_exchanged(path, data)
    )


def _exchanged(path: Path, data: Sequence[str]) -> str | None:
    """The command that was meant when the data was named before the ruleset."""
    if path.suffix == ".dqdl" or not data or not data[0].endswith(".dqdl"):
        return None
    return f"The ruleset comes first: `mlops quality check {shlex.join([data[0], str(path)])}`"
