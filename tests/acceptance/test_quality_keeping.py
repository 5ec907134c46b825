"""Results that `mlops quality check` keeps, and rows that it writes, as a user asks for them."""

from __future__ import annotations

import csv
import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mlops_cli.checks.quality.keeping import data_set
from mlops_cli.cli.app import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A project with a ruleset and a table, and somebody who works in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlops.yaml").touch()
    (tmp_path / "quality").mkdir()
    (tmp_path / "quality" / "raw.dqdl").write_text(
        'Rules = [\n    RowCount > avg(last(3)) * 0.8,\n    IsComplete "age"\n]\n'
    )
    write(10)
    return tmp_path


def write(rows, name="data.csv"):
    lines = [f"{number},{number % 3 or ''}" for number in range(rows)]
    Path(name).write_text("\n".join(["id,age", *lines]) + "\n")


@pytest.fixture
def mlops(capsys):
    """Check the ruleset; get the code, stdout and stderr."""

    def run(*arguments):
        capsys.readouterr()
        code = main(["quality", "check", "quality/raw.dqdl", *map(str, arguments)])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.out, said.err

    return run


def kept(folder):
    lines = (folder / ".mlops" / "quality" / "raw.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_results_are_kept_in_the_project_and_compared_with(folder, mlops):
    _, first, _ = mlops("data.csv", "--history")
    assert "`avg(last(3))` is 0 without earlier results" in " ".join(first.split())
    write(4)
    code, second, _ = mlops("data.csv", "--history")
    assert (code, "RowCount is 4, and should be > 10 * 0.8" in second) == (1, True)
    assert [(one["RulesetName"], one["DataSet"]) for one in kept(folder)] == [
        ("quality/raw.dqdl", "data.csv")
    ] * 2
    assert [one["Metrics"]["Dataset.*.RowCount"] for one in kept(folder)] == [10, 4]


def test_nothing_is_kept_unless_it_is_asked_for(folder, mlops):
    mlops("data.csv")
    assert not (folder / ".mlops").exists()


def test_files_with_a_name_in_common_are_one_data_set(folder, mlops):
    for day, rows in (("monday", 10), ("tuesday", 10), ("wednesday", 3)):
        write(rows, f"{day}.csv")
        _, out, _ = mlops(f"{day}.csv", "--history-name", "customers")
    assert "RowCount is 3, and should be > 10 * 0.8" in out
    assert {one["DataSet"] for one in kept(folder)} == {"customers"}


def test_without_a_project_results_are_kept_beside_the_ruleset(folder, mlops):
    (folder / "mlops.yaml").unlink()
    mlops("data.csv", "--history")
    assert (folder / "quality" / ".mlops" / "quality" / "raw.jsonl").is_file()


def test_a_broken_line_is_said(folder, mlops):
    mlops("data.csv", "--history")
    path = folder / ".mlops" / "quality" / "raw.jsonl"
    path.write_text(path.read_text()[:-100])
    _, out, _ = mlops("data.csv", "--history")
    assert "raw.jsonl` is broken and is left out" in out


def test_a_history_that_cannot_be_used_is_one_error(folder, mlops):
    (folder / ".mlops").write_text("in the way")
    for html in ((), ("--html", "out.html")):
        code, _, err = mlops("data.csv", "--history", *html)
        assert code == 3
        assert "error: Could not use the history" in err


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("data.csv", "data.csv"),
        ("{home}/data.csv", "data.csv"),
        ("file://{home}/data.csv", "data.csv"),
        ("/elsewhere/data.csv", "/elsewhere/data.csv"),
        ("file:///elsewhere/a%20b.csv", "/elsewhere/a b.csv"),
        ("s3://bucket/a/b.parquet", "s3://bucket/a/b.parquet"),
        ("https://me:secret@host.test/b.csv?token=x", "https://host.test/b.csv"),
    ],
)
def test_a_data_set_goes_by_where_it_is(data, name, folder):
    assert data_set(data.format(home=folder), folder) == name


def test_rows_that_fail_are_written_and_named(folder, mlops):
    code, out, _ = mlops("data.csv", "--rows", "failed.csv", "--redact", "id", "--most-rows", "2")
    rows = list(csv.DictReader((folder / "failed.csv").open()))
    assert code == 1
    assert [row["id"] for row in rows] == ["***", "***"]
    assert json.loads(rows[0]["DataQualityRulesFail"]) == ['IsComplete "age"']
    assert "note: 2 rows that failed, of which no more were asked for, are in `failed.csv`" in out


def test_composites_are_joined_or_evaluated_for_each_row(folder, mlops):
    (folder / "quality" / "raw.dqdl").write_text(
        'Rules = [ (IsComplete "age") or (ColumnValues "id" in [0, 3, 6, 9]) ]\n'
    )
    assert mlops("data.csv")[0] == 1
    assert mlops("data.csv", "--composite", "row")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--redact", "id"), "`--redact` is about the rows that fail"),
        (("--most-rows", "3"), "`--most-rows` is about the rows that fail"),
        (("--rows", "failed.txt"), "its name does not say what to write"),
        (("--rows", "none/failed.csv"), "there is no such folder"),
        (("--rows", "failed.csv", "--redact", "ids"), "no column `ids` to redact"),
        (("--rows", "data.csv"), "it is what is checked"),
        (("--rows", "quality/raw.dqdl"), "it is the ruleset"),
        (("data.csv", "--rows", "failed.csv"), "rows of 2 data files do not mix"),
        (("--html", "data.csv"), "`--html data.csv`: it is what is checked"),
        (("--junit", "./quality/../data.csv"), "it is what is checked"),
        (("--html", "quality/raw.dqdl"), "it is the ruleset"),
        (("--dataset", "ref=other.csv", "--junit", "other.csv"), "`--dataset ref=other.csv` reads"),
        (("--html", "failed.out", "--junit", "failed.out"), "`--junit` writes it too"),
    ],
)
def test_what_cannot_be_done_is_refused(arguments, message, folder, mlops):
    write(10, "other.csv")
    before = Path("data.csv").read_bytes()
    code, _, err = mlops("data.csv", *arguments)
    assert (code, message in err) == (2, True), err
    assert not list(folder.glob("failed*"))
    assert Path("data.csv").read_bytes() == Path("other.csv").read_bytes() == before


def test_a_rule_that_stands_there_twice_is_a_note(folder, mlops):
    (folder / "quality" / "raw.dqdl").write_text("Rules = [ RowCount > 1,\nRowCount > 1 ]\n")
    code, out, _ = mlops("data.csv")
    assert code == 0
    assert "note: The rule `RowCount > 1` stands here 2 times, on lines 1 and 2" in out


def test_no_report_holds_the_signature_of_an_address(folder, mlops, capsys):
    handler = partial(_Site, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        data = f"http://127.0.0.1:{server.server_port}/data.csv?X-Amz-Signature=hush"
        shown = data.partition("?")[0]
        reports = ["--html", "out.html", "--junit", "out.xml", "--history"]
        _, out, err = mlops(data, *reports, "--json")
        _, table, said = mlops(data)
        main(["quality", "suggest", data, "--json"])
        suggested = capsys.readouterr()
        server.shutdown()
    written = [Path(name).read_text() for name in ("out.html", "out.xml")]
    history = Path(".mlops/quality/raw.jsonl").read_text()
    assert all(shown in text for text in (out, table, suggested.out, *written))
    everything = (out, err, table, said, suggested.out, suggested.err, history, *written)
    assert not any("hush" in text for text in everything)


class _Site(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Say nothing."""
