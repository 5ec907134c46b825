"""Says where a ruleset would part ways: between engines, or between what is written and meant.

Nothing here is an error of the language. Each lint names the one who would take it differently:

* `meaning`: people; the rule is read otherwise than it looks.
* `glue`: the service itself, and the public parser it is made of.
* `airflow`: Airflow's `GlueDataQualityOperator`, which looks at the text before Glue does.
* `catalog`: Glue's evaluation runs on catalog tables, which know less than Glue's ETL jobs.
* `deequ`: the library Glue is made of, where it differs from AWS's documents.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from . import model
from .deequ_types import UNKNOWN_TO_DEEQU
from .printer import by_text, write_condition, write_operand, write_rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

TARGETS: Final = ("meaning", "glue", "airflow", "catalog", "deequ")
_LONGEST: Final = 65_536
_TIGHT: Final = ("*", "/")
_ESCAPED: Final = re.compile(r"\\.|\[\^?\]?[^\]]*\]")
_INSIDE: Final = re.compile(r"\(.*\)", re.DOTALL)
_MULTILINE: Final = "Keep the text to line feeds: an editor calls it LF or Unix line ends"


@dataclass(frozen=True, slots=True)
class Lint:
    """One place where a ruleset is taken differently."""

    code: str
    target: str
    """One of `TARGETS`."""
    message: str
    line: int | None = None
    column: int | None = None
    hint: str | None = None
    refused: bool = False
    """The target does not run the ruleset at all; otherwise it runs it with another outcome."""


@dataclass(frozen=True, slots=True)
class Explained:
    """A lint in general, for documents."""

    code: str
    target: str
    description: str


EXPLAINED: Final = (
    Explained("precedence", "meaning", "Arithmetic is worked out from left to right"),
    Explained("exclusive-between", "meaning", "`between` excludes both of its ends"),
    Explained("duplicate-rule", "meaning", "The same rule stands there twice; Glue keeps one"),
    Explained("too-long", "glue", f"Glue takes {_LONGEST:,} characters"),
    Explained("line-ends", "glue", "The public parser knows no carriage return and no byte mark"),
    Explained("last-comment", "glue", "A comment needs a line end behind it"),
    Explained("first-word", "airflow", "The operator wants `Rules` as the very first word"),
    Explained("last-sign", "airflow", "The operator wants `]` as the very last character"),
    Explained("dynamic", "catalog", "Evaluation runs know no `last(…)`"),
    Explained("analyzers", "catalog", "Evaluation runs know no analyzers"),
    Explained("labels", "catalog", "Evaluation runs know no labels"),
    Explained("null-length", "deequ", "NULL has length 0 for AWS and none for Deequ"),
    Explained("length-ends", "deequ", "Of `!=` a length Deequ asks the shortest and longest text"),
    Explained("length-zero", "deequ", "A negated list or range with 0 lets every text pass"),
    Explained("threshold", "deequ", "Deequ takes no threshold on numbers and text"),
    Explained("ignore-case", "deequ", "Deequ does not know `ignoreCase`"),
    Explained("key-columns", "deequ", "Deequ lets NULL into a key of several columns"),
    Explained("date-range", "deequ", "For Deequ a row without a date meets `not between`"),
    Explained("keyword-null", "deequ", "NULL fails `not in` a list that has EMPTY too"),
    Explained("pattern-group", "deequ", "Deequ ties `^` and `$` to the outer parts of `a|b`"),
    Explained("pattern-negated", "deequ", "`not matches` asks only how a text starts"),
    Explained("one-operand", "deequ", "Deequ takes plain numbers only as bounds of values"),
    Explained("repeated-rows", "deequ", "A row passes as often as the statement gives it"),
    Explained("apostrophe", "deequ", "Deequ cannot run a list that holds an apostrophe"),
    Explained("no-converter", "deequ", "Deequ does not know the rule type"),
    Explained("no-history", "deequ", "Deequ has no history, so no dynamic rules"),
)


def lint(ruleset: model.Ruleset, text: str, targets: Sequence[str] = TARGETS) -> tuple[Lint, ...]:
    """Find every place where a target takes a ruleset differently.

    Args:
        ruleset: What `parse` made of the text.
        text: The document as it is stored; some lints are about its very characters.
        targets: Who is asked; all by default.

    Returns:
        The lints in the order of their places; those about the whole document come first.
    """
    found: list[Lint] = []
    for target, document, single in _LINTS:
        if target not in targets:
            continue
        if document is not None:
            found.extend(document(ruleset, text))
        if single is not None:
            found.extend(_at(rule, one) for rule in ruleset.leaves for one in single(rule))
    return tuple(sorted(found, key=lambda one: (one.line or 0, one.column or 0)))


def _at(rule: model.Rule | model.Analyzer, found: Lint) -> Lint:
    if rule.span is None:
        return found
    return Lint(
        found.code,
        found.target,
        found.message,
        rule.span.line,
        rule.span.column,
        found.hint,
        found.refused,
    )


def _conditions(rule: model.Rule | model.Analyzer) -> Iterator[model.Condition]:
    if isinstance(rule, model.Rule):
        yield from (one for one in (rule.condition, rule.threshold) if one is not None)


def _meaning(rule: model.Rule | model.Analyzer) -> Iterator[Lint]:
    for condition in _conditions(rule):
        for operand in condition.operands:
            yield from _precedence(operand)
        if isinstance(condition, model.Between) and not condition.negated:
            low, high = write_operand(condition.low), write_operand(condition.high)
            yield Lint(
                "exclusive-between",
                "meaning",
                f"`{write_condition(condition)}` lets in neither {low} nor {high}",
                hint=None if rule.type == "ColumnValues" else f"Both ends: `>= {low}`, `<= {high}`",
            )


def _precedence(operand: model.Operand) -> Iterator[Lint]:
    """A `*` or `/` that takes a sum before it as a whole, without parentheses saying so."""
    for found in model.parts_of(operand):
        if not isinstance(found, model.Arithmetic) or found.operator not in _TIGHT:
            continue
        left = found.left
        if isinstance(left, model.Arithmetic) and left.operator not in _TIGHT:
            read = f"({write_operand(left)}) {found.operator} {write_operand(found.right)}"
            yield Lint(
                "precedence",
                "meaning",
                f"`{write_operand(found)}` is worked out from left to right",
                hint=f"Write `{read}` if that is meant, or else put the product in parentheses",
            )


def _duplicates(ruleset: model.Ruleset, _text: str) -> Iterator[Lint]:
    for written, rules in by_text((*ruleset.rules, *ruleset.analyzers)).items():
        first, *others = (rule.span for rule in rules)
        for span in others:
            yield Lint(
                "duplicate-rule",
                "meaning",
                f"`{written}` stands{f' on line {first.line}' if first else ' before'} already; "
                "Glue evaluates it once",
                span.line if span else None,
                span.column if span else None,
                hint="Remove one of them",
            )


def _glue(_ruleset: model.Ruleset, text: str) -> Iterator[Lint]:
    if len(text) > _LONGEST:
        yield Lint(
            "too-long",
            "glue",
            f"The text has {len(text):,} characters, and Glue takes {_LONGEST:,}",
            hint="Make two rulesets of it",
            refused=True,
        )
    if "\r" in text or text.startswith("\ufeff"):
        what = "carriage returns" if "\r" in text else "a byte order mark"
        yield Lint(
            "line-ends",
            "glue",
            f"The text holds {what}, which the public parser does not read",
            hint=_MULTILINE,
            refused=True,
        )
    last = text.rsplit("\n", 1)[-1]
    if last.lstrip().startswith("#"):
        yield Lint(
            "last-comment",
            "glue",
            "The comment on the last line has no line end, and the public parser wants one",
            line=text.count("\n") + 1,
            column=last.index("#") + 1,
            hint="End the file with a line feed",
            refused=True,
        )


def _airflow(_ruleset: model.Ruleset, text: str) -> Iterator[Lint]:
    """`GlueDataQualityOperator.validate_inputs` of the Amazon provider, 9.39."""
    stripped = text.strip()
    if not stripped.startswith("Rules"):
        first = next((line for line in stripped.splitlines() if line.strip()), "")
        yield Lint(
            "first-word",
            "airflow",
            f"The operator refuses a text that does not start with `Rules`: `{first.strip()[:40]}`",
            hint="Move comments into the list, and write constants out: "
            "`mlops quality export FILE --to glue`",
            refused=True,
        )
    if not stripped.endswith("]"):
        yield Lint(
            "last-sign",
            "airflow",
            "The operator refuses a text that does not end with `]`",
            hint="Move the comment behind the last rule into the list",
            refused=True,
        )


def _catalog_document(ruleset: model.Ruleset, _text: str) -> Iterator[Lint]:
    if ruleset.analyzers:
        yield Lint("analyzers", "catalog", "Analyzers are for Glue's ETL jobs only", refused=True)
    if ruleset.default_labels:
        yield Lint("labels", "catalog", "Labels are for Glue's ETL jobs only")


def _catalog(rule: model.Rule | model.Analyzer) -> Iterator[Lint]:
    if _is_dynamic(rule):
        yield Lint(
            "dynamic",
            "catalog",
            f"`{write_rule(rule)}` asks for a history, which only Glue's ETL jobs have",
            refused=True,
        )
    if isinstance(rule, model.Rule) and rule.labels:
        yield Lint("labels", "catalog", "Labels are for Glue's ETL jobs only")


def _is_dynamic(rule: model.Rule | model.Analyzer) -> bool:
    return any(
        model.is_dynamic(operand)
        for condition in _conditions(rule)
        for operand in condition.operands
    )


def _deequ(rule: model.Rule | model.Analyzer) -> Iterator[Lint]:
    if rule.type in UNKNOWN_TO_DEEQU:
        yield Lint("no-converter", "deequ", f"Deequ does not know `{rule.type}`", refused=True)
    if not isinstance(rule, model.Rule):
        return
    if _is_dynamic(rule):
        yield Lint("no-history", "deequ", "Deequ has no history to ask", refused=True)
    if rule.type == "IsPrimaryKey" and len(rule.parameters) > 1:
        yield Lint("key-columns", "deequ", "Deequ asks only that the columns together are unique")
    if rule.type == "CustomSql" and rule.condition is None:
        yield Lint("repeated-rows", "deequ", "For Deequ a row passes as often as it is given")
    if rule.type == "ColumnLength":
        yield Lint("null-length", "deequ", "Deequ leaves NULL out; for AWS it has length 0")
        yield from _deequ_length(rule)
    if rule.type == "ColumnValues":
        yield from _deequ_values(rule)
    if rule.type in ("ColumnLength", "ColumnValues") and _is_worked_out(rule.condition):
        yield Lint("one-operand", "deequ", "Deequ takes only plain numbers here", refused=True)


def _is_worked_out(condition: model.Condition | None) -> bool:
    """Is an operand more than a number with or without a sign?"""
    for operand in condition.operands if condition is not None else ():
        plain = operand.operand if isinstance(operand, model.Negated) else operand
        if isinstance(plain, model.Arithmetic | model.Grouped):
            return True
    return False


def _deequ_length(rule: model.Rule) -> Iterator[Lint]:
    condition = rule.condition
    if isinstance(condition, model.Comparison) and condition.operator == "!=":
        yield Lint("length-ends", "deequ", "Deequ asks it of the shortest and longest text alone")
    negated = isinstance(condition, model.Between | model.Membership) and condition.negated
    zero = model.Number("0")
    if condition is not None and negated and zero in condition.operands:
        yield Lint("length-zero", "deequ", "For Deequ every text meets it, and only NULL does not")


def _deequ_values(rule: model.Rule) -> Iterator[Lint]:
    condition = rule.condition
    kind = model.condition_kind(condition) if condition is not None else ""
    if rule.threshold is not None and kind != "date":
        yield Lint("threshold", "deequ", "Deequ asks it of every row, whatever the threshold")
    if any(tag.name == "ignoreCase" for tag in rule.tags):
        yield Lint("ignore-case", "deequ", "Deequ compares upper and lower case all the same")
    if isinstance(condition, model.Between) and condition.negated and kind == "date":
        yield Lint("date-range", "deequ", "For Deequ a row without a date meets it")
    if isinstance(condition, model.Matches):
        if condition.negated:
            said = "Deequ asks that no text starts with the pattern as a word"
            yield Lint("pattern-negated", "deequ", said)
        elif "|" in _INSIDE.sub("", _ESCAPED.sub("", condition.pattern.value)):
            said = "Deequ searches for the first part at the start or the last one at the end"
            yield Lint("pattern-group", "deequ", said, hint="Put the pattern into `(…)`")
    blank = {model.Keyword("EMPTY"), model.Keyword("WHITESPACES_ONLY")}
    if (
        isinstance(condition, model.Membership)
        and condition.negated
        and blank & {item for item in condition.items if isinstance(item, model.Keyword)}
    ):
        yield Lint("keyword-null", "deequ", "For Deequ a row with NULL does not meet it")
    if isinstance(condition, model.Membership) and any(
        isinstance(item, model.Text) and "'" in item.value for item in condition.items
    ):
        yield Lint(
            "apostrophe",
            "deequ",
            "Deequ writes the apostrophe wrongly into its query, and every rule with it fails",
            refused=True,
        )


_OfDocument: TypeAlias = "Callable[[model.Ruleset, str], Iterator[Lint]] | None"
_OfRule: TypeAlias = "Callable[[model.Rule | model.Analyzer], Iterator[Lint]] | None"
_LINTS: Final[tuple[tuple[str, _OfDocument, _OfRule], ...]] = (
    ("meaning", _duplicates, _meaning),
    ("glue", _glue, None),
    ("airflow", _airflow, None),
    ("catalog", _catalog_document, _catalog),
    ("deequ", None, _deequ),
)
