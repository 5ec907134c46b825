"""The sample a trial run reads says to the gate what all of the data says."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from mlops_cli.checks.sample import take
from mlops_cli.project.loader import load
from mlops_cli.quality import open_source

HEADER = "sepal_length,sepal_width,petal_length,petal_width,species\n"
ROWS = 3000


@pytest.fixture
def big(project):
    """The project with 3000 rows; one class has only five of them."""
    lines = [HEADER]
    for number in range(ROWS):
        kind = "virginica" if number % 600 == 0 else ("setosa", "versicolor")[number % 2]
        petal = 1.0 + (number % 50) / 10
        lines.append(f"{5 + number % 3},3.1,{petal:.1f},0.{number % 9},{kind}\n")
    (project / "data/iris.csv").write_text("".join(lines))
    return load(project)


def read(uri):
    with Path(unquote(urlsplit(uri).path)).open(newline="") as file:
        return list(csv.DictReader(file))


def ruleset(project, text):
    (project.root / "quality/raw.dqdl").write_text(f"Rules = [ {text} ]\n")


def test_a_small_source_is_used_whole(project, tmp_path):
    taken = take(load(project), tmp_path)
    assert (taken.uri, taken.rows, taken.of_rows) == (None, 150, 150)


def test_a_large_source_is_sampled_with_every_class(big, tmp_path):
    ruleset(big, "RowCount > 10")
    taken = take(big, tmp_path)
    rows = read(taken.uri)
    assert taken.of_rows == ROWS
    assert 490 <= taken.rows == len(rows) <= 520
    kinds = [row["species"] for row in rows]
    assert kinds.count("virginica") == 5
    assert abs(kinds.count("setosa") - kinds.count("versicolor")) < 30


def test_the_same_data_gives_the_same_sample(big, tmp_path):
    (tmp_path / "again").mkdir()
    assert read(take(big, tmp_path).uri) == read(take(big, tmp_path / "again").uri)


def test_a_rule_about_rows_gets_the_rows_it_asks_for(big, tmp_path):
    ruleset(big, "RowCount > 1500")
    taken = take(big, tmp_path)
    assert taken.rows > 1500
    ruleset(big, "RowCount = 3000")
    assert take(big, tmp_path).uri is None


def test_bad_data_is_used_whole_so_that_the_gate_shows_it(big, tmp_path):
    ruleset(big, 'ColumnValues "species" in ["setosa", "versicolor"]')
    taken = take(big, tmp_path)
    assert (taken.uri, taken.rows) == (None, ROWS)


def test_nothing_changes_its_value_on_the_way(big, tmp_path):
    path = big.root / "data/iris.csv"
    odd = ['1.5,2,3,4,"a,""b"""\n', ',2,3,4,"007"\n', "1e3,2,3,4,é\n"]
    path.write_text(path.read_text() + "".join(odd * 200))
    ruleset(big, "RowCount > 10")
    taken = take(big, tmp_path)
    columns = dict(big.model.columns)
    whole = open_source(path, types=columns).connect().execute("SELECT * FROM data").fetchall()
    part = open_source(taken.uri, types=columns).connect().execute("SELECT * FROM data").fetchall()
    assert set(part) <= set(whole)
    assert {row[4] for row in part} == {row[4] for row in whole}


def test_a_remote_source_is_left_alone(big, tmp_path):
    model = replace(big.model, source="s3://bucket/data.parquet")
    assert take(big.model_copy(update={"model": model}), tmp_path).uri is None


def test_a_file_uri_means_its_file(big, tmp_path):
    elsewhere = tmp_path / "more rows.csv"
    elsewhere.write_bytes((big.root / "data/iris.csv").read_bytes())
    model = replace(big.model, source=elsewhere.as_uri())
    assert take(big.model_copy(update={"model": model}), tmp_path).of_rows == ROWS


def test_unreadable_data_is_left_to_the_pipeline(big, tmp_path):
    (big.root / "data/iris.csv").write_text(HEADER + "1,2,3\n")
    assert take(big, tmp_path).uri is None
