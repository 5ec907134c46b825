"""Which rows a run of inference is about: those it is asked for, or those that came last."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta

from .._mlops.runtime import journal
from .._mlops.runtime.quarantine import JOURNAL as QUARANTINED
from .._mlops.runtime.steps import Refused, Run, Skipped, local_path
from ..partitions import PUBLISHED

RECEIVED = "received.jsonl"
PARTITION = re.compile(r"[A-Za-z0-9_=:-][A-Za-z0-9_.=:-]{0,63}")


@dataclass(frozen=True)
class Batch:
    """Rows of one file."""

    source: str
    """URI of the file."""
    partition: str | None
    """What its predictions are published as; None where each row's day says it."""
    start: int = 0
    """The row of the file it begins with."""
    rows: int | None = None
    """How many rows it has; None for all that follow."""
    at: str | None = None
    """When an event said that it was there."""


def wanted(run: Run, asked: Sequence[dict[str, str]]) -> tuple[list[Batch], bool]:
    """The batches that were asked for, and whether they are new.

    Args:
        run: The pipeline run.
        asked: For each its `input`, its `partition`, or both; either may be empty. A partition
            alone is the rows published for it, once more; nothing at all is what came last. What
            an event told has its time, as `at`, and is left out when another run has had it.

    Raises:
        Refused: A partition cannot be called so.
        Skipped: There are no such rows.
    """
    had = _had(run)
    given = [_Asked(**one) for one in asked]
    left = [one for one in given if one.at is None or (one.input, one.at) not in had]
    if given and not left:
        raise Skipped("another run has had all of these rows")
    # The same file for the same partition is the same rows, in the state they are in now.
    new = {
        (one.input, one.partition): Batch(one.input, one.partition or None, at=one.at)
        for one in left
        if one.input
    }
    if new:
        return [_named(run, batch, number) for number, batch in enumerate(new.values())], True
    again = [_stored(run, one.partition) for one in left if one.partition]
    return again or _newest(run), False


@dataclass(frozen=True)
class _Asked:
    """What a person or an event asks for."""

    input: str = ""
    partition: str = ""
    at: str | None = None

    def __post_init__(self) -> None:
        if self.partition and not PARTITION.fullmatch(self.partition):
            raise Refused(
                f"{self.partition!r} cannot name a partition: it has up to 64 letters, digits and "
                "`_.=:-`, and does not begin with a dot"
            )


def _had(run: Run) -> set[tuple[str, str | None]]:
    """The files that events told other runs of, each with the event's time."""
    return {
        (batch["source"], batch.get("at"))
        for entry in journal.entries(run.kept(RECEIVED))
        if entry["run"] != run.id
        for batch in entry["batches"]
    }


def _named(run: Run, batch: Batch, number: int) -> Batch:
    """A new batch with its partition: the moment it came, where nothing else says it."""
    if batch.partition or run.settings.model.time:
        return batch
    moment = datetime.now(UTC) + timedelta(milliseconds=number)
    name = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
    return replace(batch, partition=name)


def _stored(run: Run, partition: str) -> Batch:
    for entry in reversed(journal.entries(run.kept(PUBLISHED))):
        if entry["partition"] == partition:
            return Batch(entry["input"], partition)
    raise Skipped(f"nothing was published for partition {partition}, so there is nothing to redo")


def _newest(run: Run) -> list[Batch]:
    """The rows that came last and were not refused; a champion that is new predicts them."""
    refused = {
        entry["run"] for entry in journal.entries(run.kept(QUARANTINED)) if entry["gate"] == "input"
    }
    for entry in reversed(journal.entries(run.kept(RECEIVED))):
        if entry["run"] not in refused and local_path(entry["input"]).is_file():
            return [
                Batch(entry["input"], one["partition"], one["start"], one["rows"])
                for one in entry["batches"]
            ]
    published = journal.entries(run.kept(PUBLISHED))
    if not published:
        raise Skipped("no rows to predict have come yet")
    return [Batch(published[-1]["input"], published[-1]["partition"])]


def remember(run: Run, batches: Sequence[Batch]) -> None:
    """Write down which new rows came, so that they can be predicted again."""
    entry = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "run": run.id,
        "input": run.uri("input.parquet"),
        "batches": [asdict(batch) for batch in batches],
    }
    journal.append_once(run.kept(RECEIVED), entry, "run", "batches")
