"""A ruleset in another tool's language, with a report of what is lost on the way."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_cli.core.errors import UsageError
from mlops_cli.core.exits import Exit

from .outputs import write_output
from .reading import read_ruleset

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_cli.core.progress import Progress
    from mlops_cli.quality.exporters import Export, ExportedRule


@dataclass(frozen=True, slots=True)
class ExportedRuleset:
    """What was written, and what became of each rule."""

    ruleset: str
    export: Export
    file: Path | None
    exit_code: Exit

    def to_dict(self) -> dict[str, Any]:
        """Give it ready for JSON."""
        export = self.export
        return {
            "ruleset": self.ruleset,
            "target": export.target,
            "form": export.form,
            "language": export.language,
            "file": None if self.file is None else str(self.file),
            "text": export.text,
            "rules": [
                {
                    "name": one.name,
                    "rule": one.rule,
                    "line": one.line,
                    "status": one.status,
                    "reasons": list(one.reasons),
                }
                for one in export.rules
            ],
            "notes": list(export.notes),
        }


def export(
    ruleset: Path,
    *,
    target: str,
    form: str | None = None,
    table: str | None = None,
    output: Path | None = None,
    strict: bool = False,
    progress: Progress,
) -> ExportedRuleset:
    """Write a ruleset for another tool.

    Args:
        ruleset: A file of DQDL.
        target: `glue`, `great-expectations`, `soda` or `pydeequ`.
        form: One of the target's forms; by default its first.
        table: What Soda calls the data: `source/schema/table`.
        output: The file to write; without one, the text is the result.
        strict: The answer is no when anything is lost.
        progress: Told of what is lost or differs when the text itself is printed.

    Raises:
        ProjectError: The ruleset cannot be read.
        UsageError: The target has no such form, the table is none, or the file cannot be written.
    """
    from mlops_cli.quality import exporters

    rules = read_ruleset(ruleset, ())
    given = {} if table is None else {"dataset": table}
    try:
        made = exporters.export(rules, target, form=form, name=ruleset.stem, **given)
    except ValueError as error:
        raise UsageError(f"Could not export `{ruleset}`: {error}") from error
    if output is not None and made.text:
        _write(output, ruleset, made.text)
    elif output is None:
        for one in made.losses:
            progress.note(_words(one))
        for note in made.notes:
            progress.note(f"note: {note}")
    lost = strict and made.of(exporters.LOST)
    code = Exit.NO if lost or not made.text else Exit.DONE
    return ExportedRuleset(str(ruleset), made, output if made.text else None, code)


def _write(output: Path, ruleset: Path, text: str) -> None:
    if output.exists() and ruleset.samefile(output):
        raise UsageError(
            f"Could not write `{output}`: it is the ruleset itself",
            hint=f"Choose another file: `--output {shlex.quote(str(output.with_suffix('.out')))}`",
        )
    write_output(output, text)


def _words(one: ExportedRule) -> str:
    place = f" (line {one.line})" if one.line else ""
    what = f": {one.rule}" if one.rule != one.name else ""
    return f"{one.status} {one.name}{place}{what}\n  {'; '.join(one.reasons)}"
