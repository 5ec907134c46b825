"""What a user may answer, from a file and from options; checked before anything is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.diagnostics import Diagnostic, Location, Severity, problem_count
from mlops_cli.core.errors import ProjectError
from mlops_cli.core.redact import redact

from .catalog import questions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_LIMIT_BYTES: Final = 256 * 1024
_TEXT_LENGTH: Final = 500
_DEPTH: Final = 20
# Given by the command itself, or following from what it was given.
_RESERVED: Final = ("template", "name", "package")
_KINDS: Final[dict[str, tuple[type | tuple[type, ...], str]]] = {
    "str": (str, "text"),
    "int": (int, "a whole number"),
    "float": ((int, float), "a number"),
    "bool": (bool, "true or false"),
    "yaml": (dict, "a mapping of names to values"),
}


def gather(
    *, file: Path | None, settings: Sequence[str], flags: Mapping[str, str | None]
) -> dict[str, Any]:
    """The answers given by a user; a flag wins over `--set`, and that over the file.

    Args:
        file: YAML or JSON, a mapping of question to answer.
        settings: `question=value`, the value written as in YAML.
        flags: Question to answer; None was not given.

    Raises:
        ProjectError: The file cannot be read, or an answer cannot be used; all are named.
    """
    answers = _read_file(file) if file else {}
    problems: list[Diagnostic] = []
    for setting in settings:
        name, separator, text = setting.partition("=")
        if separator:
            answers[name.strip()] = _read_text(text, f"--set {name}")
        else:
            problems.append(_problem(f"`--set {setting}` is not of the form `question=value`"))
    answers |= {name: value for name, value in flags.items() if value is not None}
    problems += check(answers, at=Location(file) if file else None)
    if problems:
        count = problem_count(problems)
        raise ProjectError(f"Could not use the answers: {count}", diagnostics=problems)
    return answers


def check(answers: Mapping[str, Any], *, at: Location | None = None) -> list[Diagnostic]:
    """Everything that is wrong with the answers, each on its own."""
    import difflib

    known = questions()
    problems = []
    for name, value in answers.items():
        if name in _RESERVED:
            problems.append(_problem(f"`{name}` follows from the command and is no answer", at))
        elif name not in known:
            near = difflib.get_close_matches(str(name), known, n=3)
            hint = f"Did you mean {', '.join(f'`{n}`' for n in near)}?" if near else None
            problems.append(_problem(f"There is no question `{name}`", at, hint))
        elif reason := _reason(known[name].kind, known[name].choices, value):
            problems.append(_problem(f"`{name}` {reason}", at))
    return problems


def _reason(kind: str, choices: Sequence[str], value: Any) -> str | None:  # noqa: ANN401
    types, expected = _KINDS[kind]
    if not isinstance(value, types) or (isinstance(value, bool) and kind != "bool"):
        hint = f"; put it in quotes: '\"{value}\"'" if kind == "str" else ""
        return f"must be {expected}, and `{value}` is not{hint}"
    if choices and value not in choices:
        return f"must be one of {', '.join(f'`{choice}`' for choice in choices)}"
    if isinstance(value, str):
        if not value.strip():
            return "is empty"
        if len(value) > _TEXT_LENGTH:
            return f"has {len(value)} characters, and {_TEXT_LENGTH} are the most"
        if not value.isprintable():
            return "holds a line break or another control character"
        if redact(value) != value:
            return "looks like a secret, and answers are written into files; keep it out of them"
        # The text goes into Python, TOML, YAML and DQDL; none of them must end early because of it.
        if '"' in value or "\\" in value:
            return "holds a double quote or a backslash; use ' instead"
    return None


def _read_file(path: Path) -> dict[str, Any]:
    try:
        # Not by its size: a device has none, and never ends.
        with path.open("rb") as opened:
            data = opened.read(_LIMIT_BYTES + 1)
        if len(data) > _LIMIT_BYTES:
            raise ProjectError(
                f"Could not read `{path}`: it has more than {_LIMIT_BYTES} bytes", at=Location(path)
            )
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise ProjectError(f"Could not read `{path}`: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ProjectError(
            f"Could not read `{path}`: it is not UTF-8 text", at=Location(path)
        ) from error
    answers = _read_json(text, path) if path.suffix == ".json" else _read_text(text, str(path))
    if not isinstance(answers, dict):
        raise ProjectError(
            f"Could not read `{path}`: it must be a mapping of questions to answers",
            at=Location(path),
        )
    return answers


def _read_json(text: str, path: Path) -> Any:  # noqa: ANN401 -- JSON comes in every type
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = Location(path, error.lineno, error.colno)
        raise ProjectError(f"Could not read `{path}`: {error.msg}", at=place) from error
    except RecursionError as error:
        raise ProjectError(f"Could not read `{path}`: it is nested too deeply") from error


def _read_text(text: str, where: str) -> Any:  # noqa: ANN401 -- YAML comes in every type
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        _refuse_bombs(YAML(pure=True).parse(text), where)
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        reason = " ".join(str(getattr(error, "problem", None) or error).split())
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise ProjectError(f"Could not read `{where}`: {reason}{place}") from error
    except RecursionError as error:
        raise ProjectError(f"Could not read `{where}`: it is nested too deeply") from error


def _refuse_bombs(events: Iterable[object], where: str) -> None:
    depth = 0
    for event in events:
        # An alias can stand for a billion values in a few hundred bytes.
        if getattr(event, "anchor", None):
            raise ProjectError(f"Could not read `{where}`: anchors and aliases are not allowed")
        kind = type(event).__name__
        depth += kind.endswith("StartEvent") - kind.endswith("EndEvent")
        # Each level makes the reader of the next one slower, long before Python gives up.
        if depth > _DEPTH:
            raise ProjectError(f"Could not read `{where}`: it is nested too deeply")


def _problem(summary: str, at: Location | None = None, hint: str | None = None) -> Diagnostic:
    return Diagnostic("MLP901", Severity.ERROR, summary, at, hint=hint)
