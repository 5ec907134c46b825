"""The lines of `mwaa/requirements.txt` as pip reads them; says what each is, judges none."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.requirements import Requirement

REQUIREMENTS: Final = Path("mwaa/requirements.txt")
PLUGINS: Final = Path("mwaa/plugins")
PLUGINS_THERE: Final = "/usr/local/airflow/plugins"
"""Where MWAA unpacks `plugins.zip`."""
DAGS_THERE: Final = "/usr/local/airflow/dags"

_SHORT: Final = {
    "-c": "--constraint",
    "-e": "--editable",
    "-f": "--find-links",
    "-i": "--index-url",
    "-r": "--requirement",
}
_FLAGS: Final = {"--no-index", "--pre", "--prefer-binary", "--require-hashes"}
_VALUED: Final = {
    *_SHORT.values(),
    "--extra-index-url",
    "--no-binary",
    "--only-binary",
    "--trusted-host",
    "--use-feature",
}
_COMMENT: Final = re.compile(r"(^|\s+)#.*$")
_SWITCHED_OFF: Final = re.compile(r"^\s*#.*(-c |--constraint)", re.MULTILINE)
_OWN_OPTIONS: Final = re.compile(r"\s--?[a-z].*$")
_ARCHIVES: Final = (".whl", ".tar.gz", ".zip", ".tar.bz2")
_CARET: Final = re.compile(r"^(?P<before> *)[~^]", re.MULTILINE)
_INDENT: Final = 4  # packaging shows the text under its message, set in by so much


@dataclass(frozen=True, slots=True)
class Line:
    """One line, continuations included: an option, a requirement, a place, or not readable."""

    number: int
    text: str
    """Without its comment and without options of its own, such as `--hash`."""
    column: int = 1
    option: str | None = None
    """Its long name."""
    value: str = ""
    requirement: Requirement | None = None
    place: str = ""
    """The path or the URL a package is to come from."""
    problem: str | None = None

    @property
    def local(self) -> str | None:
        """The path in this machine's terms that the line names, of any kind."""
        given = self.place
        if self.option in {"--constraint", "--requirement", "--find-links", "--editable"}:
            given = self.value
        if not given or re.match(r"(?!file:)[a-z+]{2,}:", given):
            return None
        return given.removeprefix("file://")


def read(text: str) -> tuple[Line, ...]:
    """Every line that says something."""
    return tuple(_line(number, said, column) for number, said, column in _logical(text))


def is_switched_off(text: str) -> bool:
    """A commented constraint line is MWAA's own way to ask for no constraints."""
    return _SWITCHED_OFF.search(text) is not None


def _logical(text: str) -> Iterator[tuple[int, str, int]]:
    began, kept = 0, ""
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        began = began or number
        if line.endswith("\\") and number < len(lines):
            kept += line[:-1]
            continue
        said = _COMMENT.sub("", kept + line)
        if said.strip():
            yield began, said.strip(), len(said) - len(said.lstrip()) + 1
        began, kept = 0, ""


def _line(number: int, text: str, column: int) -> Line:
    return _option(number, text, column) if text.startswith("-") else _package(number, text, column)


def _option(number: int, text: str, column: int) -> Line:
    try:
        words = shlex.split(text)
    except ValueError as error:
        return Line(number, text, column, problem=f"a quote is not closed: {str(error).lower()}")
    name, _, value = words[0].partition("=")
    if not name.startswith("--") and len(name) > 2:
        name, value = words[0][:2], words[0][2:]
    name = _SHORT.get(name, name)
    value = value or " ".join(words[1:])
    if name not in _FLAGS | _VALUED:
        return Line(number, text, column, problem=f"pip takes no option `{name}` in such a file")
    if name in _VALUED and not value:
        return Line(number, text, column, problem=f"`{name}` has no value")
    return Line(number, text, column, name, value)


def _package(number: int, text: str, column: int) -> Line:
    from packaging.requirements import InvalidRequirement, Requirement

    text = _OWN_OPTIONS.sub("", text)
    try:
        made = Requirement(text)
    except InvalidRequirement as error:
        if "/" in text or text.endswith(_ARCHIVES) or text == ".":
            return Line(number, text, column, place=text.partition(" ;")[0].strip())
        reason, _, shown = str(error).partition("\n")
        caret = _CARET.search(shown)
        at = column + (len(caret["before"]) - _INDENT if caret else 0)
        problem = f"{reason[:1].lower()}{reason[1:]}".rstrip(".")
        return Line(number, text, max(at, column), problem=problem)
    return Line(number, text, column, requirement=made, place=made.url or "")
