"""Writes the rows that failed to a file of the user's own, whole and private, or not at all."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..data.connection import connect, engine, literal, without_kind
from ..errors import RowsError, RowsNotWrittenError
from ..language.cursor import did_you_mean
from .rows import FAILED, PASSED, SKIPPED, RowJudge, failed_rows_sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..data.source import Column
    from ..language import model

_FORMATS = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv"}


@dataclass(frozen=True, slots=True)
class FailedRows:
    """Where rows that fail are to be written.

    Args:
        path: A Parquet or CSV file; what is there is replaced.
        redacted: Columns whose values become `***`.
        most: How many rows to write; by default all that fail.
    """

    path: Path
    redacted: Sequence[str] = ()
    most: int | None = None

    def check(self, columns: Sequence[Column], read: Iterable[str]) -> None:
        """Refuse what cannot be written, before the rules are evaluated.

        Args:
            columns: Those of the data.
            read: Files that are read, and must not be replaced.

        Raises:
            RowsError: The file's name does not say its format, its folder is missing, it holds
                the data itself, or a column to redact is not there or stands in the way.
        """
        if self.path.exists() and any(_is(self.path, one) for one in read):
            raise self._error("it is what is checked", "Give it another name")
        if self.path.suffix.lower() not in _FORMATS:
            raise self._error(
                "its name does not say what to write", f"Names end in {', '.join(_FORMATS)}"
            )
        if not self.path.parent.is_dir():
            raise self._error("there is no such folder", f"Make `{self.path.parent}`")
        names = [column.name for column in columns]
        for name in self.redacted:
            if name not in self.found(names):
                near = did_you_mean(name, names)
                raise self._error(f"the data has no column `{name}` to redact", near)
        for name in names:
            if name.lower().startswith("dataquality"):
                raise self._error(f"the column `{name}` has a name that results use", None)

    def found(self, names: Sequence[str]) -> frozenset[str]:
        """Find the columns to redact, in any case; and themselves, as they were named."""
        wanted = {name.lower() for name in self.redacted}
        return frozenset(
            {name for name in names if name.lower() in wanted}
            | {one for one in self.redacted if one.lower() in {name.lower() for name in names}}
        )

    def _not_written(self, error: Exception) -> RowsNotWrittenError:
        reason = without_kind(str(error).splitlines()[0])[:200]
        return RowsNotWrittenError(f"Could not write rows to `{self.path}`: {reason}")

    def _error(self, reason: str, hint: str | None) -> RowsError:
        return RowsError(f"Could not write rows to `{self.path}`: {reason}", hint=hint)

    @contextmanager
    def workshop(self) -> Iterator[Path]:
        """Make a private folder beside the file, for as long as it is written.

        Raises:
            RowsError: It cannot be written there.
        """
        import tempfile

        try:
            with tempfile.TemporaryDirectory(
                dir=self.path.parent, prefix=self._litter(os.getpid())
            ) as folder:
                yield Path(folder)
        except OSError as error:
            raise self._error((error.strerror or str(error)).lower(), None) from error
        except engine().Error as error:
            raise self._not_written(error) from error

    def discard(self, pid: int) -> None:
        """Remove what a process that was killed has left beside the file."""
        for name in os.listdir(self.path.parent):  # noqa: PTH208 -- a pattern would have to be escaped
            if name.startswith(self._litter(pid)):
                shutil.rmtree(self.path.parent / name, ignore_errors=True)

    def _litter(self, pid: int) -> str:
        return f".{self.path.name}.{pid}."

    def collect(self, rules: model.Ruleset, judge: RowJudge) -> int:
        """Copy the rows that fail into the attached database, count them, and detach it.

        Raises:
            RowsError: They cannot be judged.
        """
        import duckdb

        redacted = self.found([column.name for column in judge.context.columns])
        limit = "" if self.most is None else f" LIMIT {int(self.most)}"
        try:
            sql = failed_rows_sql(rules, judge, redacted)
            judge.connection.execute(f"CREATE TABLE sink.failed AS {sql}{limit}")
            row = judge.connection.execute("SELECT count(*) FROM sink.failed").fetchone()
            judge.connection.execute("DETACH sink")  # which writes the last of it
        except duckdb.Error as error:
            raise self._not_written(error) from error
        return int(row[0]) if row else 0

    def publish(self, collected: Path) -> None:
        """Write what was collected to the file.

        Raises:
            RowsError: It cannot be written.
        """
        import duckdb

        kind = _FORMATS[self.path.suffix.lower()]
        made = collected.with_name(f"made.{kind}")
        selected = "*"
        if kind == "csv":
            lists = ", ".join(f"to_json({name}) AS {name}" for name in (PASSED, FAILED, SKIPPED))
            selected = f"* REPLACE ({lists})"
        connection = connect()
        try:
            connection.execute(f"ATTACH {literal(str(collected))} AS sink (READ_ONLY)")
            connection.execute(
                f"COPY (SELECT {selected} FROM sink.failed) "  # noqa: S608
                f"TO {literal(str(made))} (FORMAT {kind})"
            )
        except duckdb.Error as error:
            raise self._not_written(error) from error
        finally:
            connection.close()
        made.chmod(0o600)
        made.replace(self.path)


def _is(path: Path, other: str) -> bool:
    try:
        return path.samefile(other.removeprefix("file://"))
    except (OSError, ValueError):
        return False
