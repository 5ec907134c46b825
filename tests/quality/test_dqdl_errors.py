"""What is said about text that is no ruleset."""

from __future__ import annotations

import pytest

from mlops_cli.quality import DqdlErrors, parse, write

CASES = [
    ("", "There is no rule in it: it would always pass"),
    ("# nothing\n", "There is no rule in it: it would always pass"),
    ("Rules = []", "There is no rule in it: it would always pass"),
    ("rules = [ RowCount > 1 ]", "Did you mean `Rules`?"),
    ('Rules = [ IsCompletee "a" ]', "There is no rule type `IsCompletee`"),
    ('Rules = [ IsCompletee "a" ]', "Did you mean `IsComplete`"),
    ("Rules = [ rowcount > 1 ]", "Did you mean `RowCount`?"),
    ('Rules = [ Range "a" > 1 ]', "There is no rule type `Range`"),
    ("Rules = [ RowCount > 1, ]", "A comma stands before the closing `]`"),
    ("Rules = [ RowCount > 1 RowCount > 2 ]", "Rules are separated by a comma"),
    ("Rules = [ RowCount > 1 ] Rules = [ RowCount > 2 ]", "Put all rules into one list"),
    ("Analyzers = [ RowCount ] Rules = [ RowCount > 2 ]", "The order is Metadata"),
    ("Rules = [ RowCount > 1 ] garbage", "Nothing can stand here, after the last `]`: `garbage`"),
    ("Rules = [ RowCount > 1", "Expected `,` or `]` after the rule, found the end of the text"),
    ("Rules = [ RowCount == 1 ]", "`==` is not an operator"),
    ("Rules = [ RowCount <> 1 ]", "Write `!=`"),
    ("Rules = [ RowCount > 1e5 ]", "without exponent"),
    ("Rules = [ RowCount > 1_000 ]", "without exponent"),
    ("Rules = [ RowCount > .5 ]", "Numbers are written like 12 or 0.5"),
    ("Rules = [ RowCount ]", "Expected a condition after `RowCount`"),
    ("Rules = [ RowCount BETWEEN 1 and 2 ]", "Write `between`"),
    ("Rules = [ RowCount = Null ]", "Write `NULL`"),
    ("Rules = [ IsComplete 'a' ]", "straight double quotes"),
    ("Rules = [ IsComplete \u201ca\u201d ]", "`\u201c` is not a quotation mark of DQDL"),
    ("Rules = [\u00a0RowCount > 1 ]", "The character no-break space has no meaning here"),
    ('Rules = [ IsComplete "a ]', "This string has no closing"),
    ("Rules = [ // c\n RowCount > 1 ]", "Comments start with `#`"),
    ("Rules = [ IsComplete order-id ]", "A name with `-` needs double quotes"),
    ("Rules = [ IsComplete days ]", 'A name needs quotes: "days"'),
    ("Rules = [ Mean 5 > 1 ]", 'A name needs quotes: "5"'),
    ('Rules = [ Mean "2022-01-01" > 1 ]', "is a date in DQDL and cannot name a column"),
    ('Rules = [ IsComplete "a" and IsUnique "b" ]', "Write `(IsComplete …) and (IsUnique …)`"),
    ('Rules = [ IsComplete "a" "b" ]', "`IsComplete` takes 1 argument, not 2"),
    ("Rules = [ IsComplete ]", "Expected the column of `IsComplete` in double quotes"),
    ('Rules = [ IsComplete "a" > 0.5 ]', "it is true or false"),
    ('Rules = [ ColumnValues "a" > "x" ]', "`>` does not compare text"),
    ('Rules = [ ColumnValues "a" in [1, "x"] ]', "A list holds values of one kind"),
    ('Rules = [ ColumnValues "a" in ["x", "2022-01-01"] ]', "is a date and a quoted"),
    ('Rules = [ ColumnValues "a" > NULL ]', "`NULL` takes only `=`, `!=`, `in` and `not in`"),
    ('Rules = [ ColumnValues "a" = "2022-13-45" ]', "`2022-13-45` is not a day of the calendar"),
    ('Rules = [ ColumnValues "a" > now() - 1 days ]', "Write `(now() - 3 days)`"),
    ('Rules = [ ColumnValues "a" > 1 where "" ]', "The `where` is empty"),
    ('Rules = [ ColumnValues "a" > 1 where " " ]', "The `where` is empty"),
    ('Rules = [ ColumnCount > 1 where "a > 1" ]', "`ColumnCount` takes no `where`"),
    ('Rules = [ ColumnValues "a" > 1 with x = 1 where "b" ]', "stands before every `with`"),
    ('Rules = [ Mean "a" > 1 with threshold > 0.5 ]', "`Mean` takes no threshold"),
    ('Rules = [ ColumnValues "a" > 1 with threshold = "x" ]', "Expected a number after `=`"),
    ("Rules = [ FileSize > 99999999999 ]", "`99999999999` is larger than 2147483647"),
    ('Rules = [ DataFreshness "a" > 3 ]', "Expected a duration such as 3 days"),
    ('Rules = [ ColumnValues "a" in $codes ]', "There is no constant `codes`"),
    ('code = ["x"] Rules = [ ColumnValues "a" in $codes ]', "Did you mean `code`?"),
    ('x = "a" Rules = [ ColumnValues "a" = $x ]', "A constant cannot stand here"),
    ('x = "a" x = "b" Rules = [ RowCount > 1 ]', "The constant `x` is defined twice"),
    ('x = "$y" Rules = [ RowCount > 1 ]', "A constant cannot hold another constant"),
    ('Metadata = { "Versio": "1" } Rules = [ RowCount > 1 ]', "Did you mean `Version`?"),
    (
        'DataSources = { "Primary": "p" } Metadata = { "Version": "1" } Rules = [ RowCount > 1 ]',
        "The order is Metadata",
    ),
    ('Rules = [ RowCount > 1 labels=["a"="b", "a"="c"] ]', "The label `a` stands here twice"),
    ("RowCount > 1", "The rule `RowCount` stands outside of a list"),
    ("Rules = [ " + "(" * 200 + "RowCount > 1" + ")" * 200 + " ]", "nested deeper than 100"),
    ("Rules = [ RowCount > " + "(" * 200 + "1" + ")" * 200 + " ]", "nested deeper than 100"),
    ("Rules = [ RowCount > " + "-" * 5000 + "1 ]", "nested deeper than 100"),
    ('Analyzers = [ IsComplete "a" ]', "cannot be an analyzer"),
    ("Analyzers = [ RowCount > 1 ]", "An analyzer has no condition"),
    ('Rules = [ AllStatistics "a" ]', "can only stand under `Analyzers`"),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_the_error_says_what_is_wrong_and_what_to_write(text, expected):
    with pytest.raises(DqdlErrors) as caught:
        parse(text)
    assert expected in str(caught.value)


def test_an_error_shows_place_line_caret_and_hint():
    with pytest.raises(DqdlErrors) as caught:
        parse('Rules = [\n    RowCount > 1,\n    IsComplet "id"\n]')
    assert str(caught.value) == (
        "3:5: There is no rule type `IsComplet`\n"
        '      IsComplet "id"\n'
        "      ^\n"
        "hint: Did you mean `IsComplete`?"
    )


def test_a_long_line_is_cut_round_the_caret():
    with pytest.raises(DqdlErrors) as caught:
        parse("Rules = [ " + "RowCount > 1, " * 100 + "Nope ]")
    _, line, caret = str(caught.value).splitlines()[:3]
    assert len(line) <= 102
    assert line[caret.index("^") :].startswith("Nope")


def test_a_calculation_too_long_to_handle_is_an_error_and_one_below_it_is_not():
    with pytest.raises(DqdlErrors) as raised:
        parse(f"Rules = [ RowCount > {' + '.join('1' * 101)} ]")
    assert "more than 100 terms" in raised.value.errors[0].message
    with pytest.raises(DqdlErrors):
        parse(f"Rules = [ RowCount > {'(' * 60}1{' + 1 + 1)' * 60} ]")
    longest = parse(f"Rules = [ RowCount > {' + '.join('1' * 100)} ]")
    assert parse(write(longest)) == longest
