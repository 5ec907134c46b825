"""Parses single rules and what joins them, and checks each against the table of rule types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import model
from .conditions import (
    CONDITION_WORDS,
    DURATIONS,
    KEYWORDS,
    SIZES,
    at_condition,
    condition,
    variable,
)
from .cursor import did_you_mean
from .deequ_types import DEEQU_TYPES
from .rules import RULE_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .cursor import Cursor
    from .lexer import Token
    from .rules import RuleType

_CONNECTORS = ("of", "OF", "and", "AND")
_RESERVED = frozenset(
    {*CONDITION_WORDS, *DURATIONS, *KEYWORDS, *SIZES, "or", "OR", "with", "where", "labels"}
    | {"Rules", "Analyzers", "Metadata", "DataSources", "DefaultLabels"}
)
_CLAUSES = frozenset({*CONDITION_WORDS, "or", "OR", "with", "where", "labels"})
_MOST_LABELS, _LONGEST_KEY, _LONGEST_LABEL = 10, 128, 256
_NOTHING: dict[str, model.Constant] = {}


class RuleParser:
    """Parses the items of `Rules` and `Analyzers`."""

    def __init__(
        self,
        cursor: Cursor,
        constants: Mapping[str, model.Constant],
        labels: model.Labels,
        types: Mapping[str, RuleType] = RULE_TYPES,
    ) -> None:
        self._cursor, self._constants, self._labels = cursor, constants, labels
        self._types = types

    def rule(self) -> model.AnyRule:
        """Parse a rule, single or composite."""
        return self._joined("OR")

    def analyzer(self) -> model.Analyzer:
        """Parse an analyzer."""
        cursor = self._cursor
        start = cursor.token
        rule_type = self._type("analyzer")
        if not rule_type.analyzer:
            cursor.fail(f"`{rule_type.name}` gives no value, so it cannot be an analyzer", at=start)
        parameters = self._parameters(rule_type, start)
        if at_condition(cursor):
            cursor.fail("An analyzer has no condition", hint="Rules with conditions go to `Rules`")
        return model.Analyzer(rule_type.name, parameters, cursor.span(start.start))

    def _joined(self, operator: str) -> model.AnyRule:
        """`a or b or c`, each of them `a and b and c`, each of them a rule or in parentheses."""
        cursor = self._cursor
        start = cursor.token
        rules = [self._part(operator)]
        while cursor.accept(operator, operator.lower()):
            rules.append(self._part(operator))
        if len(rules) == 1:
            return rules[0]
        return model.Composite(operator, tuple(rules), span=cursor.span(start.start))

    def _part(self, operator: str) -> model.AnyRule:
        if operator == "OR":
            return self._joined("AND")
        return self._in_parentheses() if self._cursor.at_mark("(") else self._single()

    def _in_parentheses(self) -> model.AnyRule:
        cursor = self._cursor
        start = cursor.take()
        cursor.enter()
        found = self._joined("OR")
        cursor.leave()
        if not cursor.accept(")"):
            cursor.unexpected("`)`, or `and` or `or` and another rule")
        if not cursor.at_word("labels"):
            return found
        token = cursor.token
        labels = found.labels + parse_labels(cursor, word=True)
        check_labels(cursor, self._labels, labels, token)
        if isinstance(found, model.Composite):
            return model.Composite(found.operator, found.rules, labels, cursor.span(start.start))
        return _with_labels(found, labels)

    def _single(self) -> model.Rule:
        cursor = self._cursor
        start = cursor.token
        rule_type = self._type("rule")
        if rule_type.only_analyzer:
            cursor.fail(f"`{rule_type.name}` can only stand under `Analyzers`", at=start)
        parameters = self._parameters(rule_type, start)
        found = self._condition(rule_type, parameters, start)
        where = self._where(rule_type)
        labels = self._rule_labels()
        threshold, tags = self._tags(rule_type)
        span = cursor.span(start.start)
        return model.Rule(rule_type.name, parameters, found, where, labels, threshold, tags, span)

    def _type(self, what: str) -> RuleType:
        cursor = self._cursor
        token = cursor.token
        if token.kind != "word":
            cursor.unexpected(f"the name of {'an' if what == 'analyzer' else 'a'} {what}")
        if token.text not in self._types:
            hint = did_you_mean(token.text, self._types)
            if token.text in DEEQU_TYPES:
                hint = "Only Deequ has it, not AWS Glue: check with `--profile deequ`"
            cursor.fail(f"There is no rule type `{token.text}`", hint=hint)
        cursor.take()
        return self._types[token.text]

    def _parameters(self, rule_type: RuleType, start: Token) -> tuple[model.Parameter, ...]:
        cursor = self._cursor
        found: list[model.Parameter] = []
        last = start
        while True:
            connector = ""
            if cursor.at_word(*_CONNECTORS):
                if not _is_parameter(cursor.ahead()):
                    break
                connector = cursor.take().text
            last = cursor.token
            if not _is_parameter(last):
                self._refuse_odd_parameter(rule_type, len(found))
                break
            if _is_shouted(last.text) and cursor.ahead().kind in ("integer", "decimal"):
                cursor.fail(f"`{last.text}` is not a keyword", hint=f"Write `{last.text.lower()}`")
            found.append(self._parameter(connector))
        self._check_count(rule_type, found, start, last)
        return tuple(found)

    def _parameter(self, connector: str) -> model.Parameter:
        cursor = self._cursor
        if not cursor.at_mark("$"):
            token = cursor.take()
            quoted = token.kind == "string"
            return model.Parameter(token.raw if quoted else token.text, quoted, connector)
        token, constant = variable(cursor, self._constants)
        if constant.is_list or not isinstance(constant.items[0], model.Text):
            cursor.fail(f"`${constant.name}` is a list, and a string is needed here", at=token)
        return model.Parameter(constant.items[0].raw, True, connector, constant.name)

    def _refuse_odd_parameter(self, rule_type: RuleType, count: int) -> None:
        """Something that looks like a column and is none: say how to write it."""
        cursor = self._cursor
        token = cursor.token
        if token.kind in ("date", "time"):
            cursor.fail(
                f"{token.text} is a {token.kind} in DQDL and cannot name a column",
                hint="Rename the column in the data",
            )
        wants = count < rule_type.fewest
        if token.kind in ("integer", "decimal") or (
            token.kind == "word" and (token.text not in _CLAUSES or (wants and count == 0))
        ):
            if token.text in CONDITION_WORDS and not wants:
                return
            if token.text.lower() in CONDITION_WORDS and token.text not in CONDITION_WORDS:
                return
            cursor.fail(
                f"`{token.text}` cannot stand here", hint=f'A name needs quotes: "{token.text}"'
            )

    def _check_count(
        self, rule_type: RuleType, found: list[model.Parameter], start: Token, last: Token
    ) -> None:
        most = rule_type.most
        count = len(found)
        if count < rule_type.fewest:
            missing = rule_type.arguments[count]
            self._cursor.unexpected(f"the {missing} of `{rule_type.name}` in double quotes")
        if most is None or count <= most:
            return
        shouted = [one.raw for one in found if not one.quoted and _is_shouted(one.raw)]
        if shouted:
            word = shouted[0]
            self._cursor.fail(f"`{word}` is not a keyword", hint=f"Write `{word.lower()}`", at=last)
        joined = [one for one in found if one.connector.lower() == "and" and one.raw in self._types]
        if joined:
            self._cursor.fail(
                f"`and` after `{rule_type.name}` joins parameters, not rules",
                at=start,
                hint=f"Write `({rule_type.name} …) and ({joined[0].raw} …)`",
            )
        takes = f"{most} argument{'s' if most != 1 else ''}" if most else "no arguments"
        self._cursor.fail(f"`{rule_type.name}` takes {takes}, not {count}", at=last)

    def _condition(
        self, rule_type: RuleType, parameters: tuple[model.Parameter, ...], start: Token
    ) -> model.Condition | None:
        cursor = self._cursor
        wanted = _condition_wanted(rule_type, len(parameters))
        if not at_condition(cursor):
            if wanted == "required":
                if rule_type.name == "FileMatch":
                    cursor.fail("`FileMatch` needs a list of checksums or two paths", at=start)
                cursor.unexpected(f"a condition after `{rule_type.name}`, such as `> 0`")
            return None
        if wanted == "none":
            cursor.fail(f"`{rule_type.name}` takes no condition here: it is true or false")
        return condition(cursor, rule_type.kinds, self._constants)

    def _where(self, rule_type: RuleType) -> model.Text | None:
        cursor = self._cursor
        token = cursor.token
        if not cursor.accept("where"):
            return None
        if not rule_type.where:
            cursor.fail(f"`{rule_type.name}` takes no `where`", at=token)
        text = cursor.expect_string("a condition in double quotes after `where`")
        if not text.raw.strip():
            cursor.fail("The `where` is empty", at=text)
        return model.Text(text.raw)

    def _rule_labels(self) -> model.Labels:
        cursor = self._cursor
        if not cursor.at_word("labels"):
            return ()
        token = cursor.token
        labels = parse_labels(cursor, word=True)
        check_labels(cursor, self._labels, labels, token)
        return labels

    def _tags(self, rule_type: RuleType) -> tuple[model.Condition | None, tuple[model.Tag, ...]]:
        cursor = self._cursor
        threshold: model.Condition | None = None
        tags: list[model.Tag] = []
        while cursor.accept("with"):
            name = cursor.token
            if cursor.at_word("threshold"):
                if threshold is not None:
                    cursor.fail("`threshold` stands here twice")
                threshold = self._threshold(rule_type)
                continue
            if name.kind != "word":
                cursor.unexpected("`threshold` or the name of a tag after `with`")
            if name.text in {tag.name for tag in tags}:
                cursor.fail(f"The tag `{name.text}` stands here twice")
            tags.append(self._tag())
        return threshold, tuple(tags)

    def _threshold(self, rule_type: RuleType) -> model.Condition:
        cursor = self._cursor
        token = cursor.take()
        if not rule_type.threshold:
            cursor.fail(f"`{rule_type.name}` takes no threshold", at=token)
        if not at_condition(cursor):
            cursor.unexpected("a condition after `threshold`, such as `> 0.9`")
        return condition(cursor, ("number",), _NOTHING)

    def _tag(self) -> model.Tag:
        cursor = self._cursor
        name = cursor.take().text
        cursor.expect("=", f"after the tag `{name}`")
        if cursor.token.kind in ("integer", "decimal"):
            return model.Tag(name, model.Number(cursor.take().text))
        return model.Tag(name, model.Text(cursor.expect_string("a quoted string or a number").raw))


def parse_labels(cursor: Cursor, *, word: bool = False) -> model.Labels:
    """Parse `= ["key"="value", …]`, after `labels` when `word` is set."""
    if word:
        cursor.take()
    cursor.expect("=", "before the labels")
    cursor.expect("[", "to start the labels")
    found = [_label(cursor)]
    while cursor.accept(","):
        found.append(_label(cursor))
    cursor.expect("]", "to end the labels")
    return tuple(found)


def check_labels(cursor: Cursor, defaults: model.Labels, labels: model.Labels, at: Token) -> None:
    """Check the number and the length of labels, and that no key stands twice."""
    keys = [key for key, _ in labels]
    for key, value in labels:
        if keys.count(key) > 1:
            cursor.fail(f"The label `{key}` stands here twice", at=at)
        if not 0 < len(key) <= _LONGEST_KEY or not 0 < len(value) <= _LONGEST_LABEL:
            cursor.fail(
                f"A label has 1 to {_LONGEST_KEY} characters before its `=` "
                f"and 1 to {_LONGEST_LABEL} after it",
                at=at,
            )
    if len({*keys, *(key for key, _ in defaults)}) > _MOST_LABELS:
        cursor.fail(f"A rule has at most {_MOST_LABELS} labels, with the default ones", at=at)


def _label(cursor: Cursor) -> tuple[str, str]:
    key = _label_string(cursor, 'a label such as "team"="risk"')
    cursor.expect("=", "between a label and its value")
    return key, _label_string(cursor, "the value of the label in double quotes")


def _label_string(cursor: Cursor, what: str) -> str:
    """A label may look like a date; it is text all the same."""
    if cursor.token.kind in ("date", "time"):
        return cursor.take().raw
    return cursor.expect_string(what).raw


def _is_shouted(word: str) -> bool:
    """Is it `BETWEEN` or the like? A column may be called so, but that is seldom meant."""
    return word not in CONDITION_WORDS and word.lower() in CONDITION_WORDS


def _is_parameter(token: Token) -> bool:
    if token.kind == "word":
        return token.text not in _RESERVED and token.text not in _CONNECTORS
    return token.kind == "string" or (token.kind == "mark" and token.text == "$")


def _condition_wanted(rule_type: RuleType, count: int) -> str:
    """Whether a condition must, may or must not stand; only `FileMatch` depends on its paths."""
    if rule_type.name == "FileMatch":
        return "none" if count == 2 else "required"
    return rule_type.condition


def _with_labels(rule: model.Rule, labels: model.Labels) -> model.Rule:
    from dataclasses import replace

    return replace(rule, labels=labels)
