"""The two ports every environment is made of: a `Store` for releases and an `AirflowApi`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from mlops_cli.core.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path


# --- Store -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stored:
    """One object's content and the mark that changes whenever it does."""

    data: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class Upload:
    """One object to be written: where to, from what, and what it must be."""

    key: str
    source: Path | bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock: enough to find the person, or to see that the process is dead."""

    who: str
    host: str
    pid: int
    since: datetime
    what: str


class Lease(Protocol):
    """A lock that is held."""

    @property
    def taken_over(self) -> Holder | None:
        """The dead holder the lock was taken from, if it was."""

    def check(self) -> None:
        """Raise ConflictError when the lock is no longer ours."""


class Store(Protocol):
    """Where the releases of one project in one environment lie; keys are relative, with `/`."""

    name: str
    """How messages call it, such as `folder /srv/dags`."""
    archives: bool
    """Whether a release lies in it as one archive, because every object costs a request."""

    def read(self, key: str) -> Stored | None:
        """One object, or None where there is none."""

    def list(self, prefix: str) -> Mapping[str, int]:
        """All keys below `prefix` with their size in bytes."""

    def put(self, key: str, source: Path | bytes, *, sha256: str) -> None:
        """Write an object in full or not at all, checked against its SHA-256."""

    def put_all(self, uploads: Iterable[Upload]) -> None:
        """Write many objects, each as `put` does; several at once where that is faster."""

    def swap(self, key: str, data: bytes, *, expected: str | None) -> str:
        """Write if the object's etag still is `expected` (None: it must not exist); the new etag.

        Raises:
            ConflictError: Somebody else wrote first.
        """

    def delete(self, keys: Iterable[str]) -> None:
        """Delete these keys and no others; missing ones are fine."""

    def lock(self, what: str) -> AbstractContextManager[Lease]:
        """Hold the project's lock; a dead holder's lock is taken over.

        Raises:
            ConflictError: Somebody alive holds it; the message names the holder.
        """

    def unlock(self) -> Holder | None:
        """Break the lock, whoever holds it; who that was. The holder's next write is refused."""

    def altered(self, wanted: Mapping[str, str]) -> tuple[str, ...]:
        """Which of these objects, by key, are not what their SHA-256 says.

        Only a store that can tell cheaply looks; others answer that none is.
        """

    def release_at(self, version: str) -> str | None:
        """The release that is live in a version of the store, as Airflow calls versions.

        None where that is not known, or the store has no versions.
        """


# --- Airflow ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DagInfo:
    """A DAG as Airflow has it now."""

    dag_id: str
    is_paused: bool
    is_stale: bool
    has_import_errors: bool
    tags: frozenset[str]
    relative_fileloc: str | None
    bundle_name: str | None
    bundle_version: str | None = None
    file_token: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    """Parameter name to `{"value": …, "schema": {…}}`; only filled by `AirflowApi.dag`."""
    schedule: str | None = None
    """As Airflow words it, such as `0 5 * * *`; None: no schedule."""
    release: str | None = None
    """The one its tasks are from, which its tags may be ahead of; only from `AirflowApi.dag`."""


@dataclass(frozen=True, slots=True)
class ImportFailure:
    """A DAG file Airflow could not import."""

    filename: str
    trace: str


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One DAG run; `state` is Airflow's own word (a set that grows from release to release)."""

    dag_id: str
    run_id: str
    state: str
    conf: Mapping[str, Any]
    run_after: datetime | None
    started: datetime | None
    ended: datetime | None
    run_type: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """One task instance of a run."""

    task_id: str
    map_index: int
    """-1 where the task is not mapped."""
    state: str | None
    try_number: int
    started: datetime | None
    ended: datetime | None
    operator: str | None = None


@dataclass(frozen=True, slots=True)
class LogPage:
    """Some lines of a task's log and where the next ones start (None: that was all)."""

    lines: tuple[str, ...]
    token: str | None


class PlaceLostError(UnavailableError):
    """A log's token leads nowhere any more: read it from its beginning."""


class TooLargeError(UnavailableError):
    """The answer has more bytes than are read at once."""


@dataclass(frozen=True, slots=True)
class Backfill:
    """Runs that were started for a range of dates."""

    number: int
    dag_id: str
    begin: datetime
    end: datetime
    conf: Mapping[str, Any]
    ended: datetime | None


@dataclass(frozen=True, slots=True)
class Asset:
    """Data Airflow knows, and the DAGs that wait for news of it."""

    number: int
    name: str
    uri: str
    starts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AssetEvent:
    """Something new in an asset, and the runs (DAG id, run id) it started."""

    number: int
    extra: Mapping[str, Any]
    runs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What a task has asked people, and the answer if there is one."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    state: str | None
    """The task's."""
    subject: str
    options: tuple[str, ...]
    asked: datetime | None
    answered: datetime | None
    chosen: tuple[str, ...]
    by: str | None
    """Airflow's name of who answered; None also where time was up."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """What was filled in besides."""


class AirflowApi(Protocol):
    """What the workflows ask of an Airflow, whatever carries the questions.

    Every method raises UnavailableError when there is no answer, NotAllowedError when it is
    refused, and answers None where the thing asked for does not exist.
    """

    name: str
    """How messages call it: its URL or its environment's name."""

    def version(self) -> str:
        """Airflow's version; also proves that an Airflow is answering."""

    def health(self) -> Mapping[str, str]:
        """Component to `healthy` or another word."""

    def providers(self) -> Mapping[str, str]:
        """Provider package to its version."""

    def has_connection(self, name: str) -> bool:
        """Whether Airflow's database has a connection; other places are not looked at."""

    def has_variable(self, name: str) -> bool:
        """Whether Airflow's database has a variable; other places are not looked at."""

    def has_pool(self, name: str) -> bool:
        """Whether there is a pool."""

    def dags(self, *, tag: str | None = None) -> tuple[DagInfo, ...]:
        """All DAGs that are not stale, or those with a tag."""

    def dag(self, dag_id: str) -> DagInfo | None:
        """One DAG with its params."""

    def import_errors(self) -> tuple[ImportFailure, ...]:
        """The files that could not be imported."""

    def reparse(self, file_token: str) -> None:
        """Ask for a file to be parsed again now."""

    def set_paused(self, dag_id: str, *, paused: bool) -> None:
        """Pause or unpause a DAG."""

    def trigger(
        self, dag_id: str, run_id: str, conf: Mapping[str, Any], *, note: str | None = None
    ) -> RunInfo:
        """Start a run under our own id; sent once, never repeated.

        Raises:
            ConflictError: A run with that id exists already.
            UsageError: Airflow refused the conf.
            UnfinishedError: No answer came; the run may or may not exist.
        """

    def run(self, dag_id: str, run_id: str) -> RunInfo | None:
        """One run."""

    def runs(
        self, dag_id: str, *, limit: int = 10, states: Iterable[str] = ()
    ) -> tuple[RunInfo, ...]:
        """The newest runs first."""

    def tasks(self, dag_id: str, run_id: str) -> tuple[TaskInfo, ...]:
        """All task instances of a run."""

    def log(self, dag_id: str, run_id: str, task: TaskInfo, *, token: str | None = None) -> LogPage:
        """A task's log, from `token` on."""

    def log_lines(self, dag_id: str, run_id: str, task: TaskInfo) -> Iterator[str] | None:
        """A try's whole log as a stream, however long; None where the way there streams nothing."""

    def clear(
        self, dag_id: str, run_id: str, tasks: Iterable[str | tuple[str, int]]
    ) -> tuple[TaskInfo, ...]:
        """Have tasks of a run, and all that follow them, run again; sent once, never repeated.

        Raises:
            ConflictError: One of them runs.
            ProjectError: There is no such run.
            UsageError: Airflow refused it.
            UnfinishedError: No answer came; they may or may not have been cleared.
        """

    def backfill(
        self, dag_id: str, begin: datetime, end: datetime, conf: Mapping[str, Any]
    ) -> Backfill:
        """Start the runs of a range of dates that are missing or failed; sent once.

        Raises:
            ConflictError: A backfill of the DAG is not finished yet.
            UsageError: Airflow refused the dates, the conf, or the DAG has no dates.
            UnfinishedError: No answer came; it may or may not have been started.
        """

    def backfill_dates(
        self, dag_id: str, begin: datetime, end: datetime, conf: Mapping[str, Any]
    ) -> tuple[datetime, ...]:
        """Which runs a backfill would start, by their logical dates; nothing is started."""

    def backfills(self, dag_id: str, *, limit: int = 10) -> tuple[Backfill, ...]:
        """The newest backfills of a DAG first."""

    def backfill_runs(self, backfill: Backfill) -> tuple[RunInfo, ...]:
        """The runs of a backfill's dates that a backfill started."""

    def assets(self) -> tuple[Asset, ...]:
        """All assets Airflow knows, with the DAGs that wait for them."""

    def asset_event(self, asset: Asset, extra: Mapping[str, Any]) -> AssetEvent:
        """Say that there is something new in an asset; sent once, never repeated.

        Raises:
            UnfinishedError: No answer came; it may or may not have been said.
        """

    def asset_events(self, asset: Asset, *, limit: int = 20) -> tuple[AssetEvent, ...]:
        """What was said of an asset, the newest first."""

    def questions(self, dag_id: str, *, limit: int = 50) -> tuple[Question, ...]:
        """What tasks of a DAG have asked people, the newest first."""

    def answer(self, question: Question, chosen: str, given: Mapping[str, Any]) -> None:
        """Answer what a task asked; sent once, never repeated.

        Raises:
            ConflictError: It was answered before.
            NotAllowedError: Only others may answer it.
            ProjectError: Nobody asks that any more.
            UnfinishedError: No answer came; it may or may not have been taken.
        """

    def question_url(self, question: Question) -> str:
        """Where a person answers it in the browser."""

    def xcom(self, dag_id: str, run_id: str, task_id: str) -> Any:  # noqa: ANN401 -- any JSON
        """What a task returned, or None."""

    def dag_url(self, dag_id: str | None = None) -> str:
        """Where a person looks at a DAG, or at all of them."""

    def run_url(self, dag_id: str, run_id: str) -> str:
        """Where a person looks at the run."""


def pages(api: AirflowApi, dag_id: str, run_id: str, task: TaskInfo) -> Iterator[LogPage]:
    """A task's log as it is now, page by page."""
    token = None
    while True:
        page = api.log(dag_id, run_id, task, token=token)
        yield page
        # A page may hold nothing but Airflow's own talk; at the end the token stays the same.
        if page.token is None or (not page.lines and page.token == token):
            return
        token = page.token
