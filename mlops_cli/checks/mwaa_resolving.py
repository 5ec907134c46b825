"""Resolves `mwaa/requirements.txt` with `uv` as MWAA's image would; installs and builds nothing."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from mlops_cli.core.diagnostics import Severity
from mlops_cli.core.processes import child_environment, run
from mlops_cli.core.redact import redact
from mlops_cli.project.paths import cache_dir

from .base import Finding
from .mwaa_requirements import DAGS_THERE, PLUGINS, PLUGINS_THERE, REQUIREMENTS, Line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .subject import Subject

_PLATFORM: Final = "x86_64-manylinux_2_34"  # Amazon Linux 2023
_SECONDS: Final = 120
# uv's exit codes: there is no answer, and something could not be read or reached.
_NO_SOLUTION: Final = 1
_UNREAD: Final = 2
_TRIED: Final = 4
_SHOWN_LINES: Final = 12
_PASSED_ON: Final = {"--constraint", "--find-links", "--index-url", "--extra-index-url"}
_ENVIRONMENT: Final = {
    "UV_NO_PROGRESS": "1",
    "UV_PYTHON_DOWNLOADS": "never",
    "UV_HTTP_RETRIES": "1",
    "UV_HTTP_TIMEOUT": "20",
}


@dataclass(frozen=True, slots=True)
class _Answer:
    code: int
    said: str
    pins: dict[str, str]

    @property
    def is_known(self) -> bool:
        return self.code in {0, _NO_SOLUTION}


def rehearse(
    subject: Subject, lines: Sequence[Line], airflow: str, python: str
) -> Iterator[Finding]:
    """What keeps the requirements from being installed, and what of it could not be found out.

    Args:
        subject: The project; an answer that may be another one tomorrow is not kept.
        lines: Of its requirements.
        airflow: The environment's version.
        python: The version of the image.
    """
    wanted = []
    for line in lines:
        if reason := _out_of_reach(line):
            subject.is_final = False
            yield _note(f"Not checked: {reason}", line)
        else:
            wanted.append(line)
    solver = _Solver(subject, airflow, python)
    with subject.progress.step(f"Resolving {REQUIREMENTS}"):
        answer, is_constrained = solver.solve(wanted), True
        remote = [line for line in wanted if _is_remote_constraint(line)]
        if answer.code == _UNREAD and remote:
            rest = [line for line in wanted if line not in remote]
            without = solver.solve(rest)
            if without.is_known:
                subject.is_final = False
                summary = f"Not checked against `{remote[0].value}`: it could not be read"
                yield _note(summary, remote[0], answer.said)
                answer, wanted, is_constrained = without, rest, False
        if answer.code == 0:
            return
        subject.is_final = False
        if answer.code == _NO_SOLUTION:
            yield solver.blame(wanted, answer, is_constrained=is_constrained)
        else:
            yield _note("Not resolved: no answer of the package index", None, answer.said)


class _Solver:
    """Runs `uv` on some of the lines."""

    def __init__(self, subject: Subject, airflow: str, python: str) -> None:
        self._folder = subject.temporary_folder()
        self._plugins = subject.root / PLUGINS
        self._airflow = airflow if airflow.count(".") > 1 else f"{airflow}.*"
        self._python = python

    def solve(self, lines: Sequence[Line]) -> _Answer:
        """What would be installed, or why nothing can be."""
        import uv

        closed = any(line.option == "--no-index" for line in lines)
        given, found = self._folder / "requirements.txt", self._folder / "found.txt"
        found.unlink(missing_ok=True)
        said = [text for line in lines if (text := self._passed_on(line))]
        # Without an index the image has the rest already: only what is named is looked for.
        said += ["--no-index"] if closed else [f"apache-airflow=={self._airflow}"]
        given.write_text("".join(f"{text}\n" for text in said), encoding="utf-8")
        more = ["--no-deps"] if closed else []
        if any(line.option == "--pre" for line in lines):
            more += ["--prerelease", "allow"]
        finished = run(
            [
                *(uv.find_uv_bin(), "pip", "compile", "--quiet", "--no-header", "--no-annotate"),
                *("--python", sys.executable, "--python-version", self._python),
                *("--python-platform", _PLATFORM, "--only-binary", ":all:", *more),
                # As pip does: the best of all indexes, not the first that knows the name.
                *("--index-strategy", "unsafe-best-match", "--output-file", found, given),
            ],
            timeout_seconds=_SECONDS,
            cwd=_outside(),
            env=child_environment(_ENVIRONMENT),
        )
        code = -1 if finished.timed_out else finished.returncode
        return _Answer(code, self._readable(finished.output), _pins(found))

    def blame(self, lines: Sequence[Line], answer: _Answer, *, is_constrained: bool) -> Finding:
        """The line to change: the one whose version, once it is left open, lets the rest be."""
        named = [line for line in lines if line.requirement and _is_named(line, answer.said)]
        summary = "The requirements cannot be installed together with Airflow " + self._airflow
        for line in named[:_TRIED]:
            assert line.requirement is not None  # noqa: S101 -- see above
            name = line.requirement.name
            opened = [replace(one, text=name) if one is line else one for one in lines]
            pins = self.solve(opened).pins
            if version := pins.get(_canonical(name)):
                where = f"in line {line.number}"
                proposal = f"Write `{name}=={version}` {where}"
                if not is_constrained:  # and which that is, the constraints say, which nobody has
                    proposal = f"Write `{name}` {where}: the constraints choose its version"
                return Finding(
                    f"`{line.text}` cannot be installed together with the rest and Airflow "
                    f"{self._airflow}",
                    REQUIREMENTS,
                    line.number,
                    line.column,
                    detail=answer.said,
                    hint=proposal,
                )
        at = named[0] if named else None
        if at is not None:
            summary = f"`{at.text}` cannot be installed with Airflow {self._airflow}"
        return Finding(
            summary,
            REQUIREMENTS,
            at.number if at else None,
            at.column if at else None,
            detail=answer.said,
            hint=f"A package without a fitting wheel needs one of yours in `{PLUGINS}/`",
        )

    def _passed_on(self, line: Line) -> str | None:
        if line.option is None:
            return self._here(line.text)
        if line.option in _PASSED_ON:
            return f"{line.option} {self._here(line.value)}"
        return None

    def _here(self, text: str) -> str:
        return text.replace(PLUGINS_THERE, str(self._plugins))

    def _readable(self, output: str) -> str:
        lines = [line for line in output.splitlines() if line.strip()][-_SHOWN_LINES:]
        text = "\n".join(lines).replace(str(self._plugins), PLUGINS_THERE)
        return redact(text.replace(str(self._folder), str(REQUIREMENTS.parent)))


def _out_of_reach(line: Line) -> str | None:
    given = line.local or ""
    if given.startswith((f"{DAGS_THERE}/", "$")):
        return f"`{given}` is known to the environment only"
    if "git+" in line.place:
        return f"`{line.text}` would have to be built from its repository"
    return None


def _is_remote_constraint(line: Line) -> bool:
    return line.option == "--constraint" and line.local is None


def _note(summary: str, line: Line | None, detail: str | None = None) -> Finding:
    number, column = (line.number, line.column) if line else (None, None)
    return Finding(summary, REQUIREMENTS, number, column, detail=detail, severity=Severity.NOTE)


def _is_named(line: Line, said: str) -> bool:
    assert line.requirement is not None  # noqa: S101 -- asked of requirements only
    name = re.escape(_canonical(line.requirement.name))
    return re.search(rf"(?<![\w.-]){name}(?![\w-])", said) is not None


def _canonical(name: str) -> str:
    from packaging.utils import canonicalize_name

    return canonicalize_name(name)


def _pins(found: Path) -> dict[str, str]:
    if not found.is_file():
        return {}
    lines = found.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("==") for line in lines if "==" in line)
    return {name.partition("[")[0]: version.partition(" ")[0] for name, _, version in pairs}


def _outside() -> Path:
    # Not the user's folder: a `pyproject.toml` there would change how uv resolves.
    folder = cache_dir()
    folder.mkdir(parents=True, exist_ok=True)
    return folder
