"""Reading files strictly: the table of what must never be green."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_cli.quality import DataReadError, check, open_source

REFUSED = [
    ("unterminated quote", 'a,b\n1,2\n"x,3\n4,5\n', "the quotes round line"),
    ("text after a quote", 'a,b\n1,"x"y\n', "the quotes round line 2 do not match"),
    ("blank before a quote", 'a,b\n1, "2"\n', "has a blank before a quote"),
    ("longer row", "a,b\n1,2\n1,2,3\n", "record 3 has 3 fields, and the header has 2"),
    ("shorter row", "a,b\n1,2\n1\n3,4\n", "record 3 has 1 field, and the header has 2"),
    ("delimiter at the end", "a,b\n1,2\n3,4,\n", "record 3 has 3 fields"),
    ("delimiter at the end, quoted", 'a,b\n1,"2"\n3,4,\n', "record 3 has 3 fields"),
    ("blank line", "a,b\n1,2\n\n3,4\n", "record 3 is a blank line"),
    ("blank line in one column", "a\n1\n\n3\n", "record 3 is a blank line"),
    ("mixed line ends", "a,b\r\n1,2\n3,4\r\n", "its lines end in different ways"),
    ("old mixed line ends", "a,b\r1,2\n3,4\r\n", "its lines end in different ways"),
    ("duplicate columns", "id,id\n1,2\n", "two columns are called `id`"),
    ("columns in two cases", "id,ID\n1,2\n", "the columns `id` and `ID` differ only in case"),
    ("column without name", "id,\n1,2\n", "column 2 has no name"),
    ("empty", "", "it is empty, without even a header"),
    ("blank header", "\n1,2\n", "its first line is blank"),
    ("no header", "5.1,3.5,setosa\n4.9,3.0,setosa\n", "its first line holds values, not names"),
    ("semicolons", "a;b\n1;2\n", "hint: Set the delimiter to `;`"),
    ("tabs", "a\tb\n1\t2\n", r"hint: Set the delimiter to `\t`"),
    ("Latin-1", b"a,b\n1,\xe9\n", "line 2 is not UTF-8\nhint: Convert it"),
    ("cut UTF-8", b"a,b\n1,\xc3", "is not UTF-8"),
    ("UTF-16", "a,b\n1,2\n".encode("utf-16"), "it is UTF-16 text"),
    ("gzip", gzip.compress(b"a,b\n1,2\n"), "it is a gzip file\nhint: Unpack it first"),
    ("zip", b"PK\x03\x04rest", "it is a zip file"),
    ("Parquet", b"PAR1restPAR1", "it is a Parquet file\nhint: Rename it"),
]


@pytest.mark.parametrize(
    ("content", "reason"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_a_csv_file_that_needs_guessing_is_refused(content, reason, csv):
    path = csv(content)
    with pytest.raises(DataReadError) as caught:
        check("Rules = [ RowCount > 0 ]", path)
    assert reason in str(caught.value)
    assert str(path) in str(caught.value)


ACCEPTED = [
    ("byte order mark", b"\xef\xbb\xbfa,b\n1,2\n"),
    ("Windows line ends", b"a,b\r\n1,2\r\n"),
    ("old Mac line ends", b"a,b\r1,2\r"),
    ("no line end at the end", b"a,b\n1,2"),
    ("blank lines at the end", b"a,b\n1,2\n\n\n"),
    ("quoted header", b'"a","b"\n"1","2"\n'),
]


@pytest.mark.parametrize("content", [case[1] for case in ACCEPTED], ids=[c[0] for c in ACCEPTED])
def test_a_plain_csv_file_is_read(content, csv):
    source = open_source(csv(content))
    assert [(column.name, column.type) for column in source.columns] == [
        ("a", "integer"),
        ("b", "integer"),
    ]
    assert source.connect().execute("SELECT * FROM data").fetchall() == [(1, 2)]


def test_types_are_found_only_where_every_value_is_one(csv):
    path = csv(
        "i,n,b,d,t,zip,long,mixed,local,none\n"
        "1,1.5,true,2026-01-31,2026-01-31T10:00:00Z,01234,12345678901234567890,1,01/02/2026,\n"
        "-2,1e3,FALSE,2026-02-01,2026-01-31 10:00:00.5,99999,1,N/A,02/02/2026,\n"
        "+3,.5,true,2026-02-02,2026-01-31 10:00,1,1,3,03/02/2026,\n"
    )
    source = open_source(path)
    assert {column.name: column.type for column in source.columns} == {
        "i": "integer",
        "n": "number",
        "b": "boolean",
        "d": "date",
        "t": "timestamp",
        "zip": "text",
        "long": "text",
        "mixed": "text",
        "local": "text",
        "none": "text",
    }
    by_name = {column.name: column for column in source.columns}
    assert by_name["mixed"].note == "1 of its 3 values cannot be read as integer"
    row = source.connect().execute("SELECT zip, long, n FROM data").fetchone()
    assert row == ("01234", "12345678901234567890", 1.5)


def test_only_an_empty_field_without_quotes_is_null(csv):
    path = csv('a,b\nx,\ny,""\nz,NULL\nw,NaN\n')
    rows = open_source(path).connect().execute("SELECT b FROM data").fetchall()
    assert [value for (value,) in rows] == [None, "", "NULL", "NaN"]


def test_given_types_are_enforced(csv):
    path = csv("code,n\n007,1\n008,x\n")
    source = open_source(path, types={"code": "integer"})
    assert source.columns[0].type == "integer"
    with pytest.raises(DataReadError, match="as integer: 1 of its values cannot be, the first in"):
        open_source(path, types={"n": "integer"})
    with pytest.raises(DataReadError, match="it has no column `m`"):
        open_source(path, types={"m": "integer"})
    with pytest.raises(DataReadError, match="cannot have the type `int`"):
        open_source(path, types={"n": "int"})


def test_a_delimiter_can_be_given(csv):
    source = open_source(csv("a;b\n1;2,5\n"), delimiter=";")
    assert [column.type for column in source.columns] == ["integer", "text"]
    assert open_source(csv("a\tb\n1\t2\n", "data.tsv")).rows == 1


def test_nul_bytes_are_reported(csv):
    assert open_source(csv(b"a,b\nx\x00y,2\n")).notes == ("The file holds 1 NUL byte",)


JSON_REFUSED = [
    ("a list", '[{"a":1}]', "line 1 is not an object"),
    ("plain values", "1\n2\n", "line 1 is not an object"),
    ("cut off", '{"a":1}\n{"a":\n', "line 2 is no JSON"),
    ("one object on two lines", '{"a":\n1}\n', "line 1 is no JSON"),
    ("the same key twice", '{"a":1,"a":2}\n', "line 1 has the same key twice"),
    ("several types", '{"a":1}\n{"a":"x"}\n', "`a` holds values of several types"),
    ("nested", '{"a":{"b":1}}\n', "`a` holds nested values"),
    ("nothing", "\n\n", "its objects are empty"),
]


@pytest.mark.parametrize(
    ("content", "reason"), [c[1:] for c in JSON_REFUSED], ids=[c[0] for c in JSON_REFUSED]
)
def test_json_lines_that_need_guessing_are_refused(content, reason, csv):
    with pytest.raises(DataReadError) as caught:
        open_source(csv(content, "data.jsonl"))
    assert reason in str(caught.value)


def test_json_lines_are_read_with_their_own_types(csv):
    path = csv(
        '{"a":1,"b":"01","c":true,"d":1.5}\n{"d":2,"a":2,"b":null,"e":"2026-01-01"}\n', "d.jsonl"
    )
    source = open_source(path, types={"a": "number"})
    assert [(column.name, column.type) for column in source.columns] == [
        ("a", "number"),
        ("b", "text"),
        ("c", "boolean"),
        ("d", "number"),
        ("e", "date"),
    ]
    assert source.connect().execute("SELECT b, c FROM data").fetchall() == [
        ("01", True),
        (None, None),
    ]


def test_parquet_types_are_kept_and_must_be_what_was_asked_for(people):
    source = open_source(f"file://{people}")
    assert [column.type for column in source.columns[:8]] == [
        "integer",
        "integer",
        "number",
        "text",
        "text",
        "date",
        "timestamp",
        "boolean",
    ]
    assert open_source(people, types={"id": "number"}).rows == 6
    with pytest.raises(DataReadError, match="as date: it is stored as integer"):
        open_source(people, types={"id": "date"})


def test_parquet_loads_only_the_columns_that_are_asked_for(people):
    described = open_source(people).connect(["n"]).execute("DESCRIBE data").fetchall()
    assert [name for name, *_ in described] == ["n"]


def test_parquet_columns_of_one_name_are_refused(tmp_path):
    path = tmp_path / "twice.parquet"
    pq.write_table(pa.table([pa.array([1]), pa.array([2])], names=["id", "ID"]), path)
    with pytest.raises(DataReadError, match="differ only in case"):
        open_source(path)


def test_nested_parquet_columns_can_be_complete_and_nothing_else(tmp_path, outcome):
    path = tmp_path / "nested.parquet"
    pq.write_table(pa.table({"tags": [["a"], ["b"]], "id": [1, 2]}), path)
    assert [column.type for column in open_source(path).columns] == ["other", "integer"]
    assert outcome('IsComplete "tags"', path).outcome == "PASS"
    assert outcome('ColumnValues "tags" in ["a"]', path).outcome == "ERROR"


def test_a_timestamp_with_a_zone_is_read_as_utc(tmp_path, outcome):
    path = tmp_path / "zoned.parquet"
    column = pa.array([1_781_524_800_000_000], pa.timestamp("us", tz="Europe/Vienna"))
    pq.write_table(pa.table({"at": column}), path)
    assert outcome('ColumnValues "at" between (now() - 1 hours) and now()', path).outcome == "PASS"


def test_broken_parquet_is_refused(people, tmp_path):
    content = people.read_bytes()
    footer = int.from_bytes(content[-8:-4], "little") + 8
    broken = {
        "cut": content[:-20],
        "text": b"a,b\n1,2\n",
        "footer": content[:-footer] + bytes(60) + content[60 - footer :],
    }
    for name, data in broken.items():
        path = tmp_path / f"{name}.parquet"
        path.write_bytes(data)
        with pytest.raises(DataReadError):
            open_source(path)
    path = tmp_path / "pages.parquet"
    path.write_bytes(content[:4] + os.urandom(200) + content[204:])
    with pytest.raises(DataReadError):
        check('Rules = [ IsComplete "id", Sum "n" > 0, IsComplete "s" ]', path)


def test_a_name_with_a_pattern_in_it_is_a_name(csv, tmp_path):
    path = csv("a,b\n1,2\n", "we[i]rd*?'\".csv")
    csv("a,b\n3,4\n", "weird.csv")
    assert open_source(path).connect().execute("SELECT a FROM data").fetchall() == [(1,)]
    folder = tmp_path / "year=2026"
    folder.mkdir()
    inside = folder / "p.parquet"
    pq.write_table(pa.table({"id": [1]}), inside)
    assert [column.name for column in open_source(inside).columns] == ["id"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.csv", "no such file or directory"),
        ("*.csv", "no such file or directory"),
        ("folder.csv", "it is a folder"),
        ("pipe.csv", "it is not a plain file"),
        ("data.txt", "its name does not say what it is"),
        ("a\0b.csv", "null byte"),
    ],
)
def test_what_is_no_file_is_named(name, reason, tmp_path):
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "data.txt").write_text("a")
    with pytest.raises(DataReadError, match=reason):
        open_source(str(tmp_path / name))


def test_an_error_quotes_no_line_of_the_data(csv):
    with pytest.raises(DataReadError) as caught:
        open_source(csv('{"mail":"ann@example.test"}\n{"mail":"ann@exam\n', "data.jsonl"))
    assert "ann@" not in str(caught.value)


def test_reading_leaves_nothing_behind(csv, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = csv("a,b\n1,2\n")
    check('Rules = [ IsUnique "a" ]', path)
    assert [one.name for one in Path().iterdir()] == ["data.csv"]
    assert duckdb.connect().execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("NaN", "`a` of line 2 is no value of JSON: `NaN`"),
        ("-Infinity", "`a` of line 2 is no value of JSON: `-Infinity`"),
        ("1e400", "`a` of line 2 is too large for a number: `1e400`"),
        ("99999999999999999999", "`a` of line 2 is a whole number of more than 64 bits"),
    ],
)
def test_a_number_that_no_double_holds_is_refused(value, reason, tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text(f'{{"a": 1.5}}\n{{"a": {value}}}\n')
    with pytest.raises(DataReadError, match=re.escape(reason)):
        open_source(path)


def test_the_line_that_is_no_json_is_named(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text('{"a": 1}\n{"a": 2}garbage\n')
    with pytest.raises(DataReadError, match=r"line 2 is no JSON: Extra data\n"):
        open_source(path)


def test_an_empty_name_and_an_empty_delimiter_are_refused(csv):
    with pytest.raises(DataReadError, match="its name is empty"):
        open_source("")
    with pytest.raises(DataReadError, match="`` cannot be a delimiter"):
        open_source(csv("a,b\n1,2\n"), delimiter="")
