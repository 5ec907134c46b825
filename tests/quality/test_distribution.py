"""How values are spread: bars whose counts add up to the rows."""

from __future__ import annotations

import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_cli.quality import open_source
from mlops_cli.quality.distribution import distributions


def table(folder, **columns):
    path = folder / "table.parquet"
    pq.write_table(pa.table(columns), path)
    return open_source(path)


def test_numbers_are_counted_from_the_lowest_to_the_highest(tmp_path):
    found = distributions(table(tmp_path, n=[*range(100), None]), ["n"])["n"]
    assert (found.kind, found.edges[0], found.edges[-1]) == ("numbers", 0, 99)
    assert (sum(found.counts), found.empty, found.others) == (100, 1, 0)
    assert max(found.counts) - min(found.counts) <= 1


@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.one_of(st.none(), st.floats(width=32)), min_size=1, max_size=30))
def test_every_row_is_in_one_place(tmp_path_factory, values):
    source = table(tmp_path_factory.mktemp("t"), x=pa.array(values, pa.float64()))
    for one in distributions(source, ["x"]).values():
        assert sum(one.counts) + one.empty + one.others == len(values)
        assert len(one.edges) == len(one.counts) + 1
        assert one.empty == values.count(None)
        assert all(math.isfinite(edge) for edge in one.edges)


def test_whole_numbers_of_a_narrow_range_have_a_bar_each(tmp_path):
    found = distributions(table(tmp_path, month=[1, 2, 2, 5]), ["month"])["month"]
    assert (found.counts, found.edges) == ((1, 2, 0, 0, 1), (1, 2, 3, 4, 5, 5))


def test_one_value_alone_is_one_bar(tmp_path):
    found = distributions(table(tmp_path, x=[3.0, 3.0]), ["x"])["x"]
    assert (found.counts, found.edges) == ((2,), (3.0, 3.0))


def test_only_listed_columns_show_their_values_and_only_what_reads_like_a_category(tmp_path):
    source = table(tmp_path, c=["red", "red", "blue", "ada@example.org", None])
    assert distributions(source, ["c"]) == {}
    found = distributions(source, ["C"], categories=["c"])["c"]
    assert found.labels == ("red", "(not shown)", "blue")
    assert (found.counts, found.empty) == ((2, 1, 1), 1)


@pytest.mark.parametrize("values", [[], [None, None]])
def test_nothing_to_count_has_no_spread(tmp_path, values):
    assert distributions(table(tmp_path, x=pa.array(values, pa.int64())), ["x"]) == {}


def test_a_thousand_columns_fit_into_the_memory(tmp_path):
    source = table(
        tmp_path, **{f"c{number}": [*range(number, number + 100)] for number in range(1000)}
    )
    found = distributions(source, [column.name for column in source.columns])
    assert {sum(one.counts) for one in found.values()} == {100}
    assert len(found) == 1000
