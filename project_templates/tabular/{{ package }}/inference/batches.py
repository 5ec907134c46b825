"""Which rows a run of inference is about: those it is asked for, or those that came last."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
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

    def check_partition(self) -> None:
        """Make sure that its partition can name a folder.

        Raises:
            Refused: It cannot.
        """
        if self.partition and not PARTITION.fullmatch(self.partition):
            raise Refused(
                f"{self.partition!r} cannot name a partition: it has up to 64 letters, digits and "
                "`_.=:-`, and does not begin with a dot"
            )


def wanted(run: Run, asked: Sequence[dict[str, str]]) -> tuple[list[Batch], bool]:
    """The batches that were asked for, and whether they are new.

    Args:
        run: The pipeline run.
        asked: For each its `input`, its `partition`, or both; either may be empty. A partition
            alone is the rows published for it, once more; nothing at all is what came last, or,
            before anything was published, all that came. What an event told has its time, as
            `at`, and is left out when another run has had it.

    Raises:
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
    # Nothing in particular is what a new champion asks for: the first one has all that waited.
    anything = any(not (one.input or one.partition) for one in left)
    waiting = _waiting(run) if anything else []
    if new:
        named = [_named(run, batch, number) for number, batch in enumerate(new.values())]
        return [*waiting, *named], True
    again = [_stored(run, one.partition) for one in left if one.partition]
    return again or waiting or _newest(run), False


@dataclass(frozen=True)
class _Asked:
    """What a person or an event asks for."""

    input: str = ""
    partition: str = ""
    at: str | None = None


def _had(run: Run) -> set[tuple[str, str | None]]:
    """The files that events told other runs of, each with the event's time.

    Not those of a run that was stopped: a good file may only have come with a bad one.
    """
    left_out = {run.id, *_stopped(run)}
    return {
        (batch["source"], batch.get("at"))
        for entry in journal.entries(run.kept(RECEIVED))
        if entry["run"] not in left_out
        for batch in entry["batches"]
    }


def _stopped(run: Run) -> set[str]:
    """The runs whose rows gate `input` refused."""
    stopped = journal.entries(run.kept(QUARANTINED))
    return {entry["run"] for entry in stopped if entry["gate"] == "input"}


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


def _waiting(run: Run) -> list[Batch]:
    """The newest rows of each partition, while nothing was published: no champion has had them."""
    if journal.entries(run.kept(PUBLISHED)):
        return []
    newest: dict[str | Batch, Batch] = {}
    for batches in _received(run):
        for batch in reversed(batches):
            newest.setdefault(batch.partition or batch, batch)
    return list(reversed(newest.values()))


def _newest(run: Run) -> list[Batch]:
    """The rows that came last and were not refused; a champion that is new predicts them."""
    for batches in _received(run):
        return batches
    published = journal.entries(run.kept(PUBLISHED))
    if not published:
        raise Skipped("no rows to predict have come yet")
    return [Batch(published[-1]["input"], published[-1]["partition"])]


def _received(run: Run) -> Iterator[list[Batch]]:
    """What other runs received that were not stopped, the newest first."""
    # A run that was tried again has written its rows anew: an earlier entry of it is void.
    known = {run.uri("input.parquet")}
    stopped = _stopped(run)
    for entry in reversed(journal.entries(run.kept(RECEIVED))):
        rows = entry["input"]
        if rows in known or entry["run"] in stopped or not local_path(rows).is_file():
            continue
        known.add(rows)
        yield [Batch(rows, one["partition"], one["start"], one["rows"]) for one in entry["batches"]]


def remember(run: Run, batches: Sequence[Batch], refused: Mapping[Batch, str]) -> None:
    """Write down which new rows came, so that they can be predicted again, and which were refused.

    Args:
        run: The pipeline run.
        batches: What its `input.parquet` holds.
        refused: What came with them and was refused, each with the reason.
    """
    entry = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "run": run.id,
        "input": run.uri("input.parquet"),
        "batches": [asdict(batch) for batch in batches],
        "refused": [{**asdict(batch), "reason": reason} for batch, reason in refused.items()],
    }
    journal.append_once(run.kept(RECEIVED), entry, "run", "batches")
