"""Reads `mlops.yaml`: everything that is wrong at once, each with its line and column."""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.diagnostics import Diagnostic, Location, Severity, problem_count
from mlops_cli.core.errors import NotAllowedError, ProjectError, UsageError
from mlops_cli.core.redact import MASK, Secret, mask_values, printable

from .paths import MANIFEST, find_project

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pydantic_core import ErrorDetails
    from ruamel.yaml.nodes import MappingNode, Node

    from .model import EnvironmentSpec, Project

_LIMIT_BYTES: Final = 256 * 1024
_DEPTH: Final = 40
_SCALARS: Final[dict[str, Callable[[str], Any]]] = {
    "tag:yaml.org,2002:str": str,
    "tag:yaml.org,2002:null": lambda _: None,
    "tag:yaml.org,2002:bool": lambda text: text.lower() == "true",
    "tag:yaml.org,2002:int": lambda text: int(text.replace("_", ""), 0),
    "tag:yaml.org,2002:float": float,
}
_SECRETIVE: Final = re.compile(r"(?i)passw(or)?d|secret|token|api_?key|access_?key|private_?key")
_REFERENCE_HINT: Final = (
    "Write where the secret is: `env:NAME`, `keyring:SERVICE/USER`, `file:PATH` or "
    "`aws-secretsmanager:ID#KEY`; replace the one that stood here, as the file's history keeps it"
)
# A Diagnostic has no room for more than what is shown: this says that it is about a secret.
_WRITTEN_OUT: Final = "whoever reads the file, or its history, has it"
_SHOWN: Final = 60
Keys = tuple[str | int, ...]


def load(folder: Path) -> Project:
    """The project at or above `folder`.

    Raises:
        ProjectError: There is none, or its file is wrong; all problems are in `diagnostics`.
        NotAllowedError: A secret stands in its file.
    """
    root = find_project(folder)
    project, problems = examine(root)
    if project is None:
        count = problem_count(problems)
        wrong = NotAllowedError if any(map(is_about_secret, problems)) else ProjectError
        raise wrong(f"Could not read `{MANIFEST}`: {count}", diagnostics=problems)
    return project


def is_about_secret(problem: Diagnostic) -> bool:
    """A secret stands in the file itself."""
    return problem.detail == _WRITTEN_OUT


def examine(root: Path) -> tuple[Project | None, tuple[Diagnostic, ...]]:
    """The project in `root`, or None and everything that is wrong with its `mlops.yaml`."""
    path = root / MANIFEST
    try:
        data = path.read_bytes()
    except OSError as error:
        return None, (_problem(f"Could not read `{path}`: {error.strerror}", Location(path)),)
    return examine_text(root, data)


def examine_text(root: Path, text: bytes) -> tuple[Project | None, tuple[Diagnostic, ...]]:
    """The same of a text that may become the `mlops.yaml` of `root`."""
    from pydantic import ValidationError

    from .model import Project
    from .names import project_name

    reader = _Reader(root / MANIFEST)
    data = reader.read(text)
    if reader.problems or not isinstance(data, dict):
        return None, tuple(reader.problems)
    problems: list[Diagnostic] = []
    try:
        if isinstance(data.get("name"), str):
            project_name(data["name"])
    except ProjectError as error:
        problems.append(_problem(error.message, reader.at(("name",)), hint=error.hint))
    try:
        project = Project.model_validate_json(json.dumps(data | {"root": str(root)}))
    except ValidationError as error:
        problems += [_translate(detail, reader) for detail in error.errors()]
        return None, tuple(problems)
    return (None if problems else project), tuple(problems)


def written_at(root: Path) -> Mapping[Keys, Location]:
    """Where each key of the project's `mlops.yaml` stands."""
    reader = _Reader(root / MANIFEST)
    reader.read(reader.path.read_bytes())
    return reader.places


def environment(project: Project, name: str) -> EnvironmentSpec:
    """One of the project's environments.

    Raises:
        UsageError: It has none of that name.
    """
    if name in project.environments:
        return project.environments[name]
    near = difflib.get_close_matches(name, project.environments, n=3)
    known = ", ".join(f"`{known}`" for known in project.environments)
    hint = f"Did you mean `--env {near[0]}`?" if near else f"The project has {known}"
    raise UsageError(f"There is no environment `{name}` in `{MANIFEST}`", hint=hint)


class _Reader:
    """YAML to plain values that remembers where each stood, and refuses what YAML hides."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[Diagnostic] = []
        self._places: dict[Keys, tuple[int, int]] = {}
        self._written: dict[Keys, str] = {}

    @property
    def places(self) -> dict[Keys, Location]:
        """Where every key stands."""
        return {path: self.at(path) for path in self._places if path}

    def written(self, path: Keys) -> str:
        """A value as it stands in the file: `3.10`, which as a number would be 3.1."""
        return self._written.get(path, "")

    def at(self, path: Keys) -> Location:
        """Where a key stands, or the nearest one above it."""
        subject = ".".join(str(part) for part in path) or None
        while path not in self._places and path:
            path = path[:-1]
        line, column = self._places.get(path, (1, 1))
        return Location(self.path, line, column, subject)

    def read(self, text: bytes) -> Any:  # noqa: ANN401 -- YAML comes in every type
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError, YAMLError
        from ruamel.yaml.nodes import MappingNode

        if len(text) > _LIMIT_BYTES:
            self._refuse(f"it has {len(text)} bytes, and {_LIMIT_BYTES} are the most", None)
            return None
        try:
            node = YAML(typ="safe", pure=True).compose(text.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            self._refuse(
                f"it is not UTF-8 text (byte {error.start})", None, "Save it in the encoding UTF-8"
            )
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = (mark.line + 1, mark.column + 1) if mark else None
            reason = str(error.problem or error.context)
            if reason == "but found another document":
                reason = "a second document begins here, and one is the most"
            self._refuse(reason, place, "Indent with spaces" if r"'\t'" in reason else None)
        except (YAMLError, RecursionError, ValueError) as error:
            self._refuse("it is nested too deeply" if isinstance(error, RecursionError)
                         else str(error).splitlines()[0], None)  # fmt: skip
        else:
            if not isinstance(node, MappingNode):
                self._refuse("it must be a mapping of keys to values", None)
                return None
            return self._value(node, ())
        return None

    def _refuse(self, reason: str, place: tuple[int, int] | None, hint: str | None = None) -> None:
        at = Location(self.path, *(place or (1, 1)))
        self.problems.append(_problem(f"Could not read `{MANIFEST}`: {reason}", at, hint=hint))

    def _refuse_secret(self, path: Keys, value: str, place: tuple[int, int]) -> None:
        Secret(value)
        at = Location(self.path, *place)
        self.problems.append(_secret_problem(path, at))

    def _value(self, node: Node, path: Keys) -> Any:  # noqa: ANN401 -- see read
        from ruamel.yaml.nodes import MappingNode, SequenceNode

        place = (node.start_mark.line + 1, node.start_mark.column + 1)
        self._places.setdefault(path, place)
        if len(path) > _DEPTH:
            self._refuse("it is nested too deeply", place)
            return None
        if node.anchor:
            self._refuse(f"anchors and aliases (`&{node.anchor}`) are not allowed here", place)
            return None
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self._value(item, (*path, n)) for n, item in enumerate(node.value)]
        return self._scalar(node, path, place)

    def _mapping(self, node: MappingNode, path: Keys) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, item in node.value:
            place = (key.start_mark.line + 1, key.start_mark.column + 1)
            if not str(key.tag).endswith(":str") or printable(key.value) != key.value:
                self._refuse(f"the key `{key.value}` must be a word; put it in quotes", place)
                continue
            if key.value in values:
                self._refuse(f"the key `{key.value}` stands there twice", place)
                continue
            self._places[(*path, key.value)] = place
            values[key.value] = self._value(item, (*path, key.value))
        return values

    def _scalar(self, node: Node, path: Keys, place: tuple[int, int]) -> Any:  # noqa: ANN401 -- see read
        convert = _SCALARS.get(str(node.tag))
        shown = node.value if len(node.value) <= _SHOWN else f"{node.value[:_SHOWN]}…"
        if is_secretive(path):
            shown = MASK
        elif MASK in mask_values(node.value) and "://" not in node.value:
            self._refuse_secret(path, node.value, place)
            return None
        if printable(node.value) != node.value:
            self._refuse(f"`{shown}` holds a character that cannot be seen", place)
            return None
        self._written[path] = shown
        if path[:1] == ("environments",) and re.search(r"\$[{(]", node.value):
            what = "nothing is put in for variables and commands here; write the value itself"
            self._refuse(f"`{shown}`: {what}", place)
            return None
        if convert is None:
            hint = "Put it in quotes" if str(node.tag).startswith("tag:yaml.org") else None
            self._refuse(f"`{shown}` ({node.tag}) is not a plain value", place, hint)
            return None
        try:
            return convert(node.value)
        except ValueError:
            self._refuse(f"`{shown}` is not a plain value; put it in quotes", place)
            return None


def is_secretive(path: Keys) -> bool:
    """A key whose value nobody should see."""
    return bool(path) and _SECRETIVE.search(str(path[-1])) is not None


def _translate(detail: ErrorDetails, reader: _Reader) -> Diagnostic:
    from .environments import WRITTEN_OUT
    from .schema import place_in_file

    kind, path = detail["type"], place_in_file(detail["loc"])
    at = reader.at(path)
    message, hint = detail["msg"].removeprefix("Value error, "), None
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        if is_secretive(path) and isinstance(detail["input"], str):
            Secret(detail["input"])
            return _secret_problem(path, at)
        message = f"Unknown key `{path[-1]}`"
        near = difflib.get_close_matches(str(path[-1]), _siblings(detail["loc"][:-1]), n=3)
        hint = f"Did you mean {', '.join(f'`{name}`' for name in near)}?" if near else None
    elif kind == WRITTEN_OUT:
        return _secret_problem(path, at)
    elif kind in ("missing", "missing_argument", "missing_keyword_only_argument"):
        message = f"The key `{path[-1]}` is missing"
    elif kind == "union_tag_not_found":
        message, hint = "The key `kind` is missing", _kinds(detail)
    elif kind == "union_tag_invalid":
        at = reader.at((*path, "kind"))
        message, hint = f"There is no `kind: {reader.written((*path, 'kind'))}`", _kinds(detail)
    elif path == ("version",):
        message = f"`version`: this tool knows version 1, not `{reader.written(path)}`"
        given = detail["input"]
        hint = "Write `version: 1`"
        if isinstance(given, int) and given > 1:
            hint = "The project was made with a newer mlops: upgrade mlops"
    elif kind != "value_error":
        message = f"`{_dotted(path)}`: {message}"
        if "string" in message and isinstance(detail["input"], (int, float, bool)):
            hint = f'Put it in quotes: "{reader.written(path)}"'
        if kind == "literal_error":
            near = difflib.get_close_matches(str(detail["input"]), _allowed(detail), n=3)
            hint = f"Did you mean {', '.join(f'`{name}`' for name in near)}?" if near else None
    elif path[:1] == ("environments",):
        message = f"`{_dotted(path)}`: {message}"
    return _problem(message, at, hint=hint)


def _kinds(detail: ErrorDetails) -> str:
    expected = detail.get("ctx", {}).get("expected_tags", "'local', 'airflow', 'mwaa'")
    tags = [tag.strip(" '") for tag in expected.split(",")]
    if detail["type"] == "union_tag_invalid":
        near = difflib.get_close_matches(str(detail.get("ctx", {}).get("tag")), tags, n=1)
        if near:
            return f"Did you mean `kind: {near[0]}`?"
    return "There are " + ", ".join(f"`kind: {tag}`" for tag in tags)


def _allowed(detail: ErrorDetails) -> list[str]:
    """The values that may stand there: pydantic has them in one text, each in quotes."""
    return re.findall(r"'([^']+)'", detail.get("ctx", {}).get("expected", ""))


def _dotted(path: Keys) -> str:
    return ".".join(str(part) for part in path)


def _secret_problem(path: Keys, at: Location) -> Diagnostic:
    return Diagnostic(
        "MLP101",
        Severity.ERROR,
        f"`{_dotted(path)}` holds a secret, and only the place of one may stand here",
        at,
        detail=_WRITTEN_OUT,
        hint=_REFERENCE_HINT,
    )


def _siblings(path: Keys) -> list[str]:
    """The keys that may stand below `path`, from the JSON Schema."""
    from .schema import keys_at

    return keys_at(path)


def _problem(summary: str, at: Location, *, hint: str | None = None) -> Diagnostic:
    return Diagnostic("MLP101", Severity.ERROR, summary, at, hint=hint)
