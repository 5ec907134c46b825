"""Parses what stands after a rule's parameters: operands, comparisons, lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .cursor import Cursor
    from .lexer import Token

COMPARISONS = ("=", "!=", ">", ">=", "<", "<=")
CONDITION_WORDS = ("between", "in", "not", "matches")
KEYWORDS = ("NULL", "null", "EMPTY", "empty", "WHITESPACES_ONLY", "whitespaces_only")
DURATIONS = ("minutes", "hours", "days")
SIZES = ("B", "KB", "MB", "GB", "TB")
_ARITHMETIC = ("+", "-", "*", "/")
_MOST_WHOLE = 2**31 - 1
# Each term is one level of the tree, which is written, compared and hashed by recursion.
_MOST_TERMS = 100
_NOUNS = {
    "number": "a number",
    "text": "a quoted string",
    "date": 'a date such as "2026-01-31" or (now() - 3 days)',
    "duration": "a duration such as 3 days",
    "size": "a size such as 5 MB",
}


def at_condition(cursor: Cursor) -> bool:
    """Does a condition start here?"""
    token = cursor.token
    if token.kind == "word":
        return token.text.lower() in CONDITION_WORDS
    return token.kind == "mark" and _operator(token) in COMPARISONS


def condition(
    cursor: Cursor, kinds: tuple[str, ...], constants: Mapping[str, model.Constant]
) -> model.Condition:
    """Parse a condition whose operands are of one of these kinds."""
    start = cursor.token
    _refuse_upper_case(cursor, CONDITION_WORDS)
    negated = cursor.accept("not") is not None
    _refuse_upper_case(cursor, CONDITION_WORDS)
    found = _condition(cursor, kinds, constants, negated=negated)
    _check_keywords(cursor, found, start)
    return found


def _condition(
    cursor: Cursor,
    kinds: tuple[str, ...],
    constants: Mapping[str, model.Constant],
    *,
    negated: bool,
) -> model.Condition:
    if cursor.accept("between"):
        return _between(cursor, kinds, negated=negated)
    if cursor.accept("in"):
        return _membership(cursor, kinds, constants, negated=negated)
    if cursor.at_word("matches"):
        if "text" not in kinds:
            cursor.fail("`matches` is for text, and this rule compares with " + _wanted(kinds))
        cursor.take()
        pattern = cursor.expect_string("a regular expression in double quotes after `matches`")
        return model.Matches(model.Text(pattern.raw), negated)
    if negated:
        cursor.unexpected("`between`, `in` or `matches` after `not`")
    return _comparison(cursor, kinds)


def _comparison(cursor: Cursor, kinds: tuple[str, ...]) -> model.Comparison:
    token = cursor.take()
    operator = _operator(token)
    operand_token = cursor.token
    operand = _operand(cursor, kinds, after=f"after `{operator}`")
    if model.kind_of(operand) == "text" and operator not in ("=", "!="):
        cursor.fail(
            f"`{operator}` does not compare text",
            hint="Text takes `=`, `!=`, `in`, `not in`, `matches` and `not matches`",
            at=operand_token,
        )
    return model.Comparison(operator, operand)


def _between(cursor: Cursor, kinds: tuple[str, ...], *, negated: bool) -> model.Between:
    start = cursor.token
    low = _operand(cursor, kinds, after="after `between`")
    if not cursor.accept("and", "AND"):
        cursor.unexpected("`and` between the two ends of `between`")
    high = _operand(cursor, kinds, after="after `and`")
    found = {model.kind_of(low), model.kind_of(high)}
    if found & {"text", "null"}:
        cursor.fail("`between` takes numbers, dates, durations or sizes", at=start)
    if len(found) > 1:
        cursor.fail("The two ends of `between` are not of one kind", at=start)
    return model.Between(low, high, negated)


def _membership(
    cursor: Cursor,
    kinds: tuple[str, ...],
    constants: Mapping[str, model.Constant],
    *,
    negated: bool,
) -> model.Membership:
    if cursor.at_mark("$"):
        return _variable_list(cursor, kinds, constants, negated=negated)
    cursor.expect("[", "to start a list after `in`")
    items = [_operand(cursor, kinds, after="in the list")]
    while cursor.accept(","):
        token = cursor.token
        items.append(_operand(cursor, kinds, after="in the list"))
        if len({model.kind_of(item) for item in items} - {"null"}) > 1:
            cursor.fail(
                "A list holds values of one kind",
                at=token,
                hint='A quoted "2026-01-31" is a date and a quoted "10:30" a time, never text',
            )
    cursor.expect("]", "to end the list")
    return model.Membership(tuple(items), negated)


def _variable_list(
    cursor: Cursor,
    kinds: tuple[str, ...],
    constants: Mapping[str, model.Constant],
    *,
    negated: bool,
) -> model.Membership:
    name_token, constant = variable(cursor, constants)
    if not constant.is_list:
        name = constant.name
        cursor.fail(
            f"`${name}` is one string, and `in` needs a list",
            at=name_token,
            hint=f'Write `{name} = ["…"]`',
        )
    if "text" not in kinds:
        cursor.fail(
            "A constant holds text, and this rule compares with " + _wanted(kinds), at=name_token
        )
    return model.Membership(constant.items, negated, constant.name)


def variable(
    cursor: Cursor, constants: Mapping[str, model.Constant]
) -> tuple[Token, model.Constant]:
    """Parse `$name` and find its constant."""
    from .cursor import did_you_mean

    cursor.take()
    token = cursor.token
    if token.kind != "word":
        cursor.unexpected("the name of a constant after `$`")
    if token.text not in constants:
        cursor.fail(
            f"There is no constant `{token.text}`", hint=did_you_mean(token.text, constants)
        )
    return cursor.take(), constants[token.text]


def _operand(cursor: Cursor, kinds: tuple[str, ...], *, after: str) -> model.Operand:
    token = cursor.token
    cursor.terms = 1
    if cursor.at_mark("$"):
        cursor.fail(
            "A constant cannot stand here",
            hint="Constants can be parameters of rules, or the whole list after `in`",
        )
    operand = _any_operand(cursor, kinds, after)
    kind = model.kind_of(operand)
    if kind == "number" and "size" in kinds and isinstance(operand, model.Number):
        operand = _size(cursor, token, model.Size(operand.text, "B"))
        kind = "size"
    if kind != "null" and kind not in kinds:
        cursor.fail(
            f"Expected {_wanted(kinds)} {after}, found {_NOUNS[kind].split(' such')[0]}", at=token
        )
    if kind == "null" and set(kinds) <= {"duration", "size"}:
        cursor.fail(f"Expected {_wanted(kinds)} {after}, found `NULL`", at=token)
    return operand


def _any_operand(cursor: Cursor, kinds: tuple[str, ...], after: str) -> model.Operand:
    token = cursor.token
    if token.kind == "string":
        return model.Text(cursor.take().raw)
    if token.kind == "date":
        return _date(cursor)
    if token.kind == "time":
        return _time(cursor)
    if token.kind == "now" or (cursor.at_mark("(") and cursor.ahead().kind == "now"):
        return _now(cursor)
    if cursor.at_word(*KEYWORDS):
        return model.Keyword(cursor.take().text.upper())
    if token.kind == "word" and token.text.upper() in KEYWORDS:
        cursor.fail(f"`{token.text}` is not a keyword", hint=f"Write `{token.text.upper()}`")
    if token.kind == "integer" and cursor.ahead().kind == "word":
        unit = cursor.ahead().text
        if unit in DURATIONS or unit in SIZES:
            return _with_unit(cursor)
    if token.kind == "word" and not cursor.ahead().text.startswith("("):
        cursor.unexpected(f"{_wanted(kinds)} {after}", hint=_bare_word_hint(token, kinds))
    if token.kind in ("integer", "decimal", "word") or cursor.at_mark("-", "("):
        return _number(cursor, after)
    return cursor.unexpected(f"{_wanted(kinds)} {after}")


def _bare_word_hint(token: Token, kinds: tuple[str, ...]) -> str | None:
    if token.text[0].isdigit() or token.text[0] == ".":
        return "Numbers are written like 12 or 0.5, without exponent or `_`"
    return f'Put text in double quotes: "{token.text}"' if "text" in kinds else None


def _date(cursor: Cursor) -> model.Date:
    from datetime import date

    token = cursor.token
    try:
        date.fromisoformat(token.raw)
    except ValueError:
        cursor.fail(f"`{token.raw}` is not a day of the calendar")
    return model.Date(cursor.take().raw)


def _time(cursor: Cursor) -> model.Time:
    clock, _, half = cursor.token.raw.partition(" ")
    hours, minutes = (int(part) for part in clock.split(":"))
    if minutes > 59 or hours > (12 if half else 23) or (half and hours == 0):
        cursor.fail(f"`{cursor.token.raw}` is not a time of day")
    return model.Time(cursor.take().raw)


def _now(cursor: Cursor) -> model.Now:
    if not cursor.accept("("):
        cursor.take()
        if cursor.at_mark("+", "-"):
            cursor.fail("An offset from `now()` needs parentheses", hint="Write `(now() - 3 days)`")
        return model.Now()
    cursor.take()
    sign = cursor.accept("+", "-")
    if sign is None:
        cursor.unexpected("`+` or `-` after `now()`")
    amount = cursor.token
    if amount.kind != "integer":
        cursor.unexpected("a whole number")
    cursor.take()
    unit = cursor.token
    if not cursor.at_word(*DURATIONS):
        cursor.unexpected("`minutes`, `hours` or `days`")
    cursor.take()
    cursor.expect(")", "after the offset")
    _whole(cursor, amount)
    return model.Now(sign.text, amount.text, unit.text)


def _with_unit(cursor: Cursor) -> model.Duration | model.Size:
    amount = cursor.take()
    unit = cursor.take().text
    if unit in DURATIONS:
        _whole(cursor, amount)
        return model.Duration(amount.text, unit)
    return _size(cursor, amount, model.Size(amount.text, unit))


def _size(cursor: Cursor, token: Token, size: model.Size) -> model.Size:
    if not size.amount.isdigit():
        cursor.fail("A size is a whole number and B, KB, MB, GB or TB", at=token)
    _whole(cursor, token)
    return size


def _whole(cursor: Cursor, token: Token) -> None:
    if len(token.text) > 12 or int(token.text) > _MOST_WHOLE:
        cursor.fail(f"`{token.text[:40]}` is larger than {_MOST_WHOLE}", at=token)


def _number(cursor: Cursor, after: str) -> model.NumericOperand:
    found = _atom(cursor, after)
    while cursor.at_mark(*_ARITHMETIC):
        cursor.terms += 1
        if cursor.terms > _MOST_TERMS:
            cursor.fail(f"This calculation has more than {_MOST_TERMS} terms")
        operator = cursor.take().text
        found = model.Arithmetic(found, operator, _atom(cursor, f"after `{operator}`"))
    return found


def _atom(cursor: Cursor, after: str) -> model.NumericOperand:
    cursor.enter()
    found = _bare_atom(cursor, after)
    cursor.leave()
    return found


def _bare_atom(cursor: Cursor, after: str) -> model.NumericOperand:
    if cursor.accept("-"):
        return model.Negated(_atom(cursor, "after `-`"))
    if cursor.accept("("):
        inner = _number(cursor, "after `(`")
        cursor.expect(")", "to close the parenthesis")
        return model.Grouped(inner)
    if cursor.token.kind in ("integer", "decimal"):
        return model.Number(cursor.take().text)
    if cursor.token.kind == "word" and cursor.ahead().text == "(":
        return _call(cursor)
    return cursor.unexpected(f"a number {after}", hint=_atom_hint(cursor.token))


def _atom_hint(token: Token) -> str | None:
    return _bare_word_hint(token, ()) if token.kind == "word" else None


def _call(cursor: Cursor) -> model.Call:
    name = cursor.take().text
    cursor.take()
    if cursor.accept(")"):
        return model.Call(name, ())
    arguments = [_number(cursor, f"in `{name}(...)`")]
    while cursor.accept(","):
        arguments.append(_number(cursor, "after `,`"))
    cursor.expect(")", f"to close `{name}(`")
    return model.Call(name, tuple(arguments))


def _operator(token: Token) -> str:
    return "!=" if token.text.startswith("!") else token.text


def _refuse_upper_case(cursor: Cursor, words: tuple[str, ...]) -> None:
    text = cursor.token.text
    if cursor.token.kind == "word" and text not in words and text.lower() in words:
        cursor.fail(f"`{text}` is not a keyword", hint=f"Write `{text.lower()}`")


def _check_keywords(cursor: Cursor, found: model.Condition, start: Token) -> None:
    """A keyword can be equal to something or not, and nothing else."""
    if not isinstance(found, model.Comparison) or not isinstance(found.operand, model.Keyword):
        return
    if found.operator not in ("=", "!="):
        name = found.operand.name
        cursor.fail(f"`{name}` takes only `=`, `!=`, `in` and `not in`", at=start)


def _wanted(kinds: tuple[str, ...]) -> str:
    return " or ".join(_NOUNS[kind] for kind in kinds)
