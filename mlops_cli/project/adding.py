"""Adds an environment to `mlops.yaml`: nothing else in the file changes, not even a space."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.errors import (
    ConflictError,
    NotAllowedError,
    ProjectError,
    UsageError,
)
from mlops_cli.core.files import write_atomic

from .loader import examine_text, is_about_secret, load, written_at
from .paths import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from .model import Project

KINDS: Final = ("local", "airflow", "mwaa")

_WORDS: Final = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class Question:
    """What has to be known of an environment."""

    key: str
    text: str
    default: str | None = None
    """None: there has to be an answer; an empty one: the key is left out."""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AddedEnvironment:
    """An environment that stands in `mlops.yaml` now."""

    name: str
    kind: str
    file: str
    line: int
    text: str


def add_environment(
    folder: Path,
    name: str,
    *,
    kind: str | None,
    settings: Sequence[str],
    ask: Callable[[Question], str] | None,
) -> AddedEnvironment:
    """Write an environment into the project's `mlops.yaml`.

    Args:
        folder: In the project.
        name: The environment's.
        kind: `local`, `airflow` or `mwaa`; asked for without it.
        settings: `key.key=value`, for keys of it.
        ask: Asks a person for what `settings` leaves open; None where nobody is there.

    Raises:
        ConflictError: There is one of that name.
        UsageError: Something is missing, and nobody can be asked.
        ProjectError: It cannot be so; the file is as it was.
        NotAllowedError: A secret is given where only the place of one may stand.
    """
    project = load(folder)
    if name in project.environments:
        at = written_at(project.root)["environments", name]
        raise ConflictError(
            f"Could not add the environment `{name}`: there is one",
            at=at,
            hint=f"See it: `mlops env show {name}`",
        )
    given = dict(_setting(text) for text in settings)
    kind = (
        kind
        if kind is not None
        else _answer(Question("kind", "Which Airflow is it?", None, KINDS), ask)
    )
    if kind not in KINDS:
        raise UsageError(
            f"There is no kind `{kind}`", hint="Choose `--kind local`, `airflow` or `mwaa`"
        )
    _complete(given, name, kind, ask)
    text = _text(name, {"kind": kind, **_nested(given)})
    line = _write(project, name, text)
    return AddedEnvironment(name, kind, str(project.root / MANIFEST), line, text)


def _complete(
    given: dict[str, str], name: str, kind: str, ask: Callable[[Question], str] | None
) -> None:
    """Ask for everything that is needed and not given; what is asked depends on the answers."""
    while (question := _next(given, name, kind)) is not None:
        if question.default is not None and ask is None:
            given[question.key] = question.default
        else:
            given[question.key] = _answer(question, ask)


def _next(given: Mapping[str, str], name: str, kind: str) -> Question | None:
    return next((item for item in _questions(given, name, kind) if item.key not in given), None)


def _questions(given: Mapping[str, str], name: str, kind: str) -> list[Question]:
    asked: list[Question] = []
    if kind == "mwaa":
        asked = [
            Question("environment_name", "What is it called in MWAA?"),
            Question("account", "Which AWS account is it in (12 digits)?"),
            Question("region", "In which region?"),
            Question("profile", "Which AWS profile reaches it (empty: what the shell says)?", ""),
        ]
    elif kind == "airflow":
        asked = [
            Question("url", "Where is its web interface?"),
            *_auth_questions(given, name),
            *_store_questions(given, name),
        ]
    if kind != "local":
        usual = "yes" if name.startswith("prod") else "no"
        asked.append(Question("protected", "Does a person approve each change?", usual))
    return asked


def _auth_questions(given: Mapping[str, str], name: str) -> list[Question]:
    how = given.get("auth.kind")
    asked = [
        Question(
            "auth.kind", "How do you log in?", "password", ("password", "token", "basic", "none")
        )
    ]
    if how in ("password", "basic"):
        asked.append(Question("auth.username", "As whom?"))
    if how in ("password", "basic", "token"):
        key = "token" if how == "token" else "password"
        usual = f"env:{name.upper().replace('-', '_')}_AIRFLOW_{key.upper()}"
        asked.append(
            Question(f"auth.{key}", f"Where is the {key} (never the {key} itself)?", usual)
        )
    return asked


def _store_questions(given: Mapping[str, str], name: str) -> list[Question]:
    where = given.get("store.kind")
    asked = [Question("store.kind", "Where does it read DAGs from?", None, ("folder", "s3", "git"))]
    if where == "folder":
        asked.append(Question("store.path", "In which folder?"))
    elif where == "s3":
        asked += [
            Question("store.bucket", "In which bucket?"),
            Question("store.prefix", "In which folder of it?", "dags"),
            Question("account", "Which AWS account owns it (empty: not checked)?", ""),
            Question("region", "In which region is it (empty: what the shell says)?", ""),
        ]
    elif where == "git":
        asked += [
            Question("store.repository", "In which repository?"),
            Question("store.branch", "On which branch?", f"deploy/{name}"),
        ]
    return asked


def _answer(question: Question, ask: Callable[[Question], str] | None) -> str:
    if ask is None:
        option = "--kind" if question.key == "kind" else f"--set {question.key}=…"
        choices = f": {', '.join(question.choices)}" if question.choices else ""
        raise UsageError(
            f"Could not add the environment: `{option}` is missing{choices}",
            hint="Give it, or run the command on a terminal and be asked",
        )
    while True:
        answer = ask(question) or question.default
        if answer is not None and (not question.choices or answer in question.choices):
            return answer


def _setting(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not all(key.split(".")):
        raise UsageError(
            "Could not use what stands behind `--set`: it has no key",
            hint="Write `--set KEY=VALUE`, such as `--set store.bucket=my-bucket`",
        )
    return key, value


def _nested(given: Mapping[str, str]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in given.items():
        if value == "" or (key, value) == ("protected", "no"):
            continue
        *above, last = key.split(".")
        place = made
        for part in above:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise UsageError(f"Could not use `--set {key}=…`: `{part}` has a value already")
        place[last] = _typed(key, value)
    return made


def _typed(key: str, value: str) -> object:
    if value.lower() in _WORDS:
        return _WORDS[value.lower()]
    # Only Glue's settings are numbers; an account is a text of digits.
    return int(value) if key.startswith("glue.") and value.isdigit() else value


def _text(name: str, body: Mapping[str, Any]) -> str:
    from ruamel.yaml import YAML

    stream = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # says None
    yaml.width = 4096
    yaml.dump({name: dict(body)}, stream)
    return stream.getvalue()


def _write(project: Project, name: str, text: str) -> int:
    path = project.root / MANIFEST
    before = path.read_bytes()
    after, line = _insert(before, text)
    examined, problems = examine_text(project.root, after)
    if examined is None or set(examined.environments) != {*project.environments, name}:
        about_secret = any(is_about_secret(problem) for problem in problems)
        wrong = NotAllowedError if about_secret else ProjectError
        raise wrong(
            f"Could not add the environment `{name}`: it would not be valid",
            diagnostics=problems,
            state=f"`{MANIFEST}` is as it was",
        )
    write_atomic(path, after, mode=path.stat().st_mode & 0o777)
    return line


def _insert(data: bytes, text: str) -> tuple[bytes, int]:
    """The file with the new lines behind the last environment, and where they begin."""
    from ruamel.yaml import YAML

    whole = data.decode("utf-8-sig")
    root = YAML(typ="safe", pure=True).compose(whole)
    node = next(value for key, value in root.value if key.value == "environments")
    if node.flow_style:
        raise ProjectError(
            f"Could not add to `environments` in `{MANIFEST}`: it stands in braces",
            hint=f"Write it yourself:\n{text}",
        )
    lines = whole.splitlines(keepends=True)
    last = min(node.end_mark.line + bool(node.end_mark.column), len(lines))
    # Behind the last environment come blank lines, and comments about what follows.
    indent = node.start_mark.column
    while last and _is_between(lines[last - 1], indent):
        last -= 1
    newline = "\r\n" if "\r\n" in whole else "\n"
    if not lines[last - 1].endswith(("\n", "\r")):
        lines[last - 1] += newline
    new = [f"{' ' * indent}{line}{newline}" for line in text.splitlines()]
    made = "".join([*lines[:last], newline, *new, *lines[last:]])
    mark = b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") else b""
    return mark + made.encode(), last + 2


def _is_between(line: str, indent: int) -> bool:
    plain = line.strip()
    own = len(line) - len(line.lstrip()) >= indent
    return not plain or (plain.startswith("#") and not own)
