"""Parses a DQDL document: sections here, single rules in `rule_parser`.

Stricter than the public parser where that one drops text without a word: whatever stands in the
document and would have no effect is an error.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..errors import DqdlErrors, DqdlSyntaxError
from . import model
from .cursor import Cursor, did_you_mean
from .deequ_types import types_of
from .rule_parser import RuleParser, check_labels, parse_labels
from .rules import RULE_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from .lexer import Token

_SECTIONS = ("Metadata", "DataSources", "DefaultLabels", "Rules", "Analyzers")
_ORDER = "The order is Metadata, DataSources, constants, DefaultLabels, Rules, Analyzers"
_MOST_ERRORS = 50
_REFERENCE = re.compile(r"\$[A-Za-z0-9_.]")


def parse(text: str, *, profile: str = "aws") -> model.Ruleset:
    """Parse a DQDL document.

    Args:
        text: The document.
        profile: `aws`, or `deequ` to read the rule types too that only Deequ has.

    Raises:
        DqdlErrors: With everything that is wrong in it.
    """
    return _Document(text, profile).parse()


class _Document:
    def __init__(self, text: str, profile: str) -> None:
        self._cursor = Cursor(text)
        self._types = types_of(profile)
        self._errors: list[DqdlSyntaxError] = []
        self._metadata: tuple[tuple[str, str], ...] = ()
        self._sources: model.DataSources | None = None
        self._constants: dict[str, model.Constant] = {}
        self._labels: model.Labels = ()
        self._rules: list[model.AnyRule] = []
        self._analyzers: list[model.Analyzer] = []

    def parse(self) -> model.Ruleset:
        try:
            self._header()
            self._body()
        except DqdlSyntaxError as error:
            self._errors.append(error)
        if self._errors:
            raise DqdlErrors(self._errors)
        return model.Ruleset(
            rules=tuple(self._rules),
            analyzers=tuple(self._analyzers),
            metadata=self._metadata,
            sources=self._sources,
            constants=tuple(self._constants.values()),
            default_labels=self._labels,
        )

    def _header(self) -> None:
        cursor = self._cursor
        if cursor.at_word("Metadata"):
            self._metadata = self._parse_metadata()
        if cursor.at_word("DataSources"):
            self._sources = self._parse_sources()
        while cursor.token.kind == "word" and cursor.token.text not in _SECTIONS:
            self._constant()
        if cursor.at_word("DefaultLabels"):
            token = cursor.take()
            self._labels = parse_labels(cursor)
            check_labels(cursor, (), self._labels, token)

    def _body(self) -> None:
        cursor = self._cursor
        if not cursor.at_word("Rules", "Analyzers"):
            self._no_section()
        start = cursor.token
        if cursor.at_word("Rules"):
            parser = RuleParser(cursor, self._constants, self._labels, self._types)
            self._section(lambda: self._rules.append(parser.rule()))
        if cursor.at_word("Analyzers"):
            parser = RuleParser(cursor, self._constants, self._labels, self._types)
            self._section(lambda: self._analyzers.append(parser.analyzer()))
        if cursor.token.kind != "end":
            self._trailing()
        if not (self._rules or self._analyzers or self._errors):
            cursor.fail("There is no rule in it: it would always pass", at=start)

    def _section(self, item: Callable[[], None]) -> None:
        cursor = self._cursor
        name = cursor.take().text
        cursor.expect("=", f"after `{name}`")
        cursor.expect("[", f"to start the list of `{name}`")
        if cursor.accept("]"):
            return
        self._item(item)
        while cursor.accept(","):
            if cursor.at_mark("]"):
                cursor.fail("A comma stands before the closing `]`", hint="Remove the comma")
            self._item(item)
        if not cursor.accept("]"):
            cursor.unexpected(f"`,` or the `]` that ends `{name}`")

    def _item(self, item: Callable[[], None]) -> None:
        """Parse one item; after an error go on behind it, so that all errors are found."""
        start = self._cursor.position
        try:
            item()
            if not self._cursor.at_mark(",", "]"):
                self._after_item()
        except DqdlSyntaxError as error:
            self._errors.append(error)
            if len(self._errors) >= _MOST_ERRORS:
                raise DqdlErrors(self._errors) from None
            self._cursor.skip_to_end_of_item(start)
            if self._cursor.token.kind == "end":
                raise DqdlErrors(self._errors) from None

    def _after_item(self) -> None:
        cursor = self._cursor
        hint = None
        if cursor.at_word("where", "labels"):
            hint = f"`{cursor.token.text}` stands before every `with`"
        elif cursor.at_mark("-"):
            hint = "A name with `-` needs double quotes"
        elif cursor.at_word(*RULE_TYPES):
            hint = "Rules are separated by a comma"
        cursor.unexpected("`,` or `]` after the rule", hint=hint)

    def _no_section(self) -> None:
        cursor = self._cursor
        if cursor.token.kind == "end":
            cursor.fail(
                "There is no rule in it: it would always pass", hint="Write `Rules = [ … ]`"
            )
        if cursor.at_word(*_SECTIONS):
            cursor.fail(f"`{cursor.token.text}` stands too late", hint=_ORDER)
        cursor.unexpected("`Rules = [`")

    def _trailing(self) -> None:
        cursor = self._cursor
        hint = None
        if cursor.at_word("Rules"):
            hint = _ORDER if not self._rules else "Put all rules into one list"
        elif cursor.at_word(*_SECTIONS):
            hint = _ORDER
        if cursor.token.kind == "bad":
            cursor.take()
        cursor.fail(f"Nothing can stand here, after the last `]`: `{cursor.token.text}`", hint=hint)

    def _parse_metadata(self) -> tuple[tuple[str, str], ...]:
        return tuple(
            (key.raw, self._cursor.expect_string("a quoted version").raw)
            for key in self._dictionary("Metadata", ("Version",))
        )

    def _parse_sources(self) -> model.DataSources:
        primary: str | None = None
        additional: tuple[str, ...] = ()
        for key in self._dictionary("DataSources", ("Primary", "AdditionalDataSources")):
            if key.raw == "Primary":
                primary = self._cursor.expect_string("the quoted name of a dataset").raw
            else:
                additional = self._names()
        return model.DataSources(primary, additional)

    def _dictionary(self, name: str, keys: tuple[str, ...]) -> _Keys:
        cursor = self._cursor
        cursor.take()
        cursor.expect("=", f"after `{name}`")
        cursor.expect("{", f"after `{name} =`")
        return _Keys(cursor, name, keys)

    def _names(self) -> tuple[str, ...]:
        cursor = self._cursor
        cursor.expect("[", "to start the list of datasets")
        names = [cursor.expect_string("the quoted name of a dataset").raw]
        while cursor.accept(","):
            names.append(cursor.expect_string("the quoted name of a dataset").raw)
        cursor.expect("]", "to end the list of datasets")
        return tuple(names)

    def _constant(self) -> None:
        cursor = self._cursor
        token = cursor.token
        if cursor.ahead().text != "=":
            hint = did_you_mean(token.text, _SECTIONS)
            if cursor.ahead().text in ("[", "{") and hint:
                cursor.unexpected("`Rules = [`", hint=hint)
            if token.text in RULE_TYPES:
                cursor.fail(
                    f"The rule `{token.text}` stands outside of a list",
                    hint="Write `Rules = [ … ]` round the rules",
                )
            cursor.unexpected('`Rules = [`, or a constant such as `name = "text"`', hint=hint)
        _check_constant_name(cursor, token, self._constants)
        cursor.take()
        cursor.take()
        self._constants[token.text] = self._constant_value(token)

    def _constant_value(self, name: Token) -> model.Constant:
        cursor = self._cursor
        if not cursor.at_mark("["):
            return model.Constant(name.text, (self._constant_item(name),), is_list=False)
        cursor.take()
        items = [self._constant_item(name)]
        while cursor.accept(","):
            items.append(self._constant_item(name))
        cursor.expect("]", f"to end the list `{name.text}`")
        return model.Constant(name.text, tuple(items), is_list=True)

    def _constant_item(self, name: Token) -> model.Text | model.Keyword:
        cursor = self._cursor
        if cursor.at_word("NULL", "EMPTY", "WHITESPACES_ONLY"):
            return model.Keyword(cursor.take().text)
        if cursor.token.kind != "string":
            cursor.unexpected(
                f"a quoted string for the constant `{name.text}`",
                hint=did_you_mean(name.text, _SECTIONS) or "Constants hold text only",
            )
        if _REFERENCE.search(cursor.token.raw):
            cursor.fail("A constant cannot hold another constant")
        return model.Text(cursor.take().raw)


class _Keys:
    """The keys of a `{ "key": value }`; the value is parsed by whoever iterates."""

    def __init__(self, cursor: Cursor, name: str, known: tuple[str, ...]) -> None:
        self._cursor, self._name, self._known = cursor, name, known
        self._seen: set[str] = set()

    def __iter__(self) -> _Keys:
        return self

    def __next__(self) -> Token:
        cursor = self._cursor
        if self._seen:
            if cursor.accept("}"):
                raise StopIteration
            cursor.expect(",", "between two entries")
        key = cursor.token
        if key.kind != "string" or key.raw not in self._known:
            wanted = " or ".join(f'`"{name}"`' for name in self._known)
            cursor.unexpected(
                f"{wanted} in `{self._name}`", hint=did_you_mean(key.text.strip('"'), self._known)
            )
        if key.raw in self._seen:
            cursor.fail(f"`{key.raw}` stands here twice")
        self._seen.add(key.raw)
        cursor.take()
        cursor.expect(":", f'after `"{key.raw}"`')
        return key


def _check_constant_name(cursor: Cursor, token: Token, known: dict[str, model.Constant]) -> None:
    name = token.text
    if name in known:
        cursor.fail(f"The constant `{name}` is defined twice")
    if name[0] in "._":
        cursor.fail("The name of a constant does not start with `.` or `_`")
    near = did_you_mean(name, _SECTIONS)
    if near and cursor.ahead(2).text in ("[", "{") and cursor.ahead(3).kind != "string":
        cursor.fail(f"`{name}` is not a section", hint=near)
