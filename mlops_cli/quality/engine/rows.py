"""Judges single rows: which of them fail which rules, and composites that hold row by row.

Both take a second look at the data, on a locked connection of their own that holds all of it, and
only when they were asked for. What fails is collected in a database that was attached before the
lock, since no file can be written after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from ..data.connection import identifier
from ..language import model
from ..language.printer import write_rule
from ..report import ERROR, FAIL, PASS
from .values import CannotEvaluateError
from .where import first_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from .evaluation import Answer
    from .measurement import Context, Measure

Method: TypeAlias = Literal["column", "row"]

# As AWS documents it, of composites that are evaluated row by row.
_NOT_BY_ROW = ("Completeness", "DatasetMatch", "ReferentialIntegrity", "Uniqueness")
PASSED, FAILED = "DataQualityRulesPass", "DataQualityRulesFail"
SKIPPED, RESULT = "DataQualityRulesSkip", "DataQualityEvaluationResult"


@dataclass(frozen=True, slots=True)
class RowJudge:
    """Says of every row of a locked connection's table `data` what it makes of each rule."""

    connection: duckdb.DuckDBPyConnection
    context: Context
    measures: Mapping[int, Measure]
    answers: Mapping[int, Answer]

    def name_tables(self) -> None:
        """Let statements of the user call the data sets as the ruleset does."""
        tables = {"primary": "data", self.context.primary: "data"}
        tables |= {name: one.table for name, one in self.context.references.items()}
        for name, table in tables.items():
            self.connection.execute(
                f"CREATE OR REPLACE TEMP VIEW {identifier(name)} AS "  # noqa: S608
                f"SELECT * FROM memory.main.{identifier(table)}"
            )

    def test(self, rule: model.AnyRule, *, constants: bool = False) -> str | None:
        """Write SQL for whether a row is right; None when the rule says nothing of single rows.

        Args:
            rule: A rule, single or composite.
            constants: Whether a rule about all of the data counts, with the same verdict for
                every row, instead of making the whole composite say nothing.
        """
        if isinstance(rule, model.Composite):
            tests = [self.test(one, constants=constants) for one in rule.rules]
            known = [one for one in tests if one is not None]
            joined = f" {rule.operator} ".join(known)
            return f"({joined})" if len(known) == len(tests) else None
        if self.answers[id(rule)].outcome == ERROR:
            return None
        found = self._single(rule)
        if found is None and constants:
            return "true" if self.answers[id(rule)].outcome == PASS else "false"
        return found

    def _single(self, rule: model.Rule) -> str | None:
        measured = self.measures[id(rule)]
        row = measured.row
        if row is None:
            return None
        text = row if isinstance(row, str) else row(self.connection)
        found = f"coalesce({text}, false)"
        return f"(NOT coalesce({measured.where}, false) OR {found})" if measured.where else found


def composites_by_row(
    rules: model.Ruleset, judge: RowJudge, rows: int
) -> dict[int, tuple[str, str]]:
    """Evaluate composite rules row by row: outcome and message of each, by its identity.

    On data without rows nothing is changed: no rule about rows holds there.
    """
    found: dict[int, tuple[str, str]] = {}
    tests: dict[int, str] = {}
    for rule in rules.rules:
        if isinstance(rule, model.Composite) and rows:
            try:
                tests[id(rule)] = _composite(rule, judge)
            except CannotEvaluateError as error:
                found[id(rule)] = (ERROR, str(error))
    for identity, count in _counts(tests, judge.connection).items():
        if isinstance(count, str):
            found[identity] = (ERROR, f"The rows could not be judged: {count}")
        else:
            message = f"{count} of {rows} rows do not meet the rule" if count else ""
            found[identity] = (FAIL if count else PASS, message)
    return found


def _composite(rule: model.Composite, judge: RowJudge) -> str:
    for leaf in model.leaves_of(rule):
        if leaf.type in _NOT_BY_ROW or leaf.threshold is not None:
            what = "with a threshold " if leaf.threshold is not None else ""
            raise CannotEvaluateError(f"{leaf.type} {what}cannot be evaluated row by row")
        if judge.answers[id(leaf)].outcome == ERROR:
            raise CannotEvaluateError(judge.answers[id(leaf)].message)
    return judge.test(rule, constants=True) or "false"


def _counts(
    tests: Mapping[int, str], connection: duckdb.DuckDBPyConnection
) -> dict[int, int | str]:
    """Count the rows that fail each test; what DuckDB says where one cannot be run."""
    import duckdb

    found: dict[int, int | str] = {}
    for identity, test in tests.items():
        try:
            row = connection.execute(
                f"SELECT count(*) FROM (SELECT {test} AS good "  # noqa: S608
                "FROM memory.main.data AS ours) WHERE NOT good"
            ).fetchone()
            found[identity] = int(row[0]) if row else 0
        except duckdb.Error as error:
            found[identity] = first_line(error)
    return found


def failed_rows_sql(rules: model.Ruleset, judge: RowJudge, redacted: frozenset[str]) -> str:
    """Write a query for the rows that fail a rule, with the columns that AWS Glue adds."""
    judged, skipped = _tests(rules, judge)
    names = [column.name for column in judge.context.columns]
    marks = {text: identifier(_free(f"rule {at}", names)) for at, text in enumerate(judged)}
    good = " AND ".join(marks.values()) or "true"
    tests = "".join(f", {judged[text]} AS {mark}" for text, mark in marks.items())
    shown = ", ".join(_shown(name, redacted) for name in names)
    passed = _list(marks)
    failed = _list({text: f"NOT {mark}" for text, mark in marks.items()})
    return (
        f"WITH judged AS (SELECT ours.*{tests} FROM memory.main.data AS ours) "  # noqa: S608
        f"SELECT {shown}, {passed} AS {PASSED}, {failed} AS {FAILED}, "
        f"{_list(dict.fromkeys(skipped, 'true'))} AS {SKIPPED}, 'Failed' AS {RESULT} "
        f"FROM judged WHERE NOT ({good})"
    )


def _tests(rules: model.Ruleset, judge: RowJudge) -> tuple[dict[str, str], list[str]]:
    judged: dict[str, str] = {}
    skipped: list[str] = []
    for rule in rules.rules:
        text = write_rule(rule)
        try:
            test = judge.test(rule)
        except CannotEvaluateError:
            test = None
        if test is None:
            skipped.append(text)
        else:
            judged[text] = test
    return judged, skipped


def _shown(name: str, redacted: frozenset[str]) -> str:
    column = identifier(name)
    if name in redacted:
        return f"CASE WHEN {column} IS NOT NULL THEN '***' END AS {column}"
    return column


def _list(texts: Mapping[str, str]) -> str:
    """SQL for the texts whose condition is true."""
    from ..data.connection import literal

    none = "CAST([] AS VARCHAR[])"
    parts = [
        f"CASE WHEN {test} THEN [{literal(text)}] ELSE {none} END" for text, test in texts.items()
    ]
    return f"({' || '.join(parts)})" if parts else none


def _free(wanted: str, taken: list[str]) -> str:
    """A name that no column has, in any case."""
    lower = {name.lower() for name in taken}
    while wanted in lower:
        wanted += "'"
    return wanted
