"""What is known of a model is put in the order in which it was published."""

from __future__ import annotations

from mlops_cli.models.report.gathering import newest


def test_a_window_that_is_measured_again_later_keeps_its_place() -> None:
    published = {name: f"2026-09-0{at}T06:00" for at, name in enumerate(("first", "second"), 1)}
    first, second = (
        {"partition": name, "version": "1", "published": at, "at": at}
        for name, at in published.items()
    )
    again = first | {"at": "2026-09-03T06:00", "labelled": 120}
    assert newest([first, second, again], "partition", "version") == [again, second]


def test_a_window_of_before_that_was_noted_goes_by_its_measurement() -> None:
    early, late = ({"partition": name, "at": f"2026-09-0{at}"} for at, name in ((1, "b"), (2, "a")))
    assert newest([late, early], "partition") == [early, late]
