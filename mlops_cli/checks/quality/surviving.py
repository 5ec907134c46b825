"""Data files are read and judged in a child process, since a damaged one may crash the engine.

DuckDB's makers do not count it as a flaw when a crafted file crashes it, and the system kills
whoever takes too much memory. Each is then the end of the child, and an error about one file.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from mlops_cli.core.crashes import NO_MEMORY, engine_died
from mlops_cli.core.errors import ProjectError
from mlops_cli.core.forked import ChildDiedError

from .reading import open_data, public_name

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from mlops_cli.quality import Source

# What Python says where a thread of DuckDB's, or of our own, finds no memory for its stack.
_NO_THREAD: Final = "can't start new thread"


@contextmanager
def memory_for(data: str) -> Iterator[None]:
    """Make it an error about a file when memory runs out, and the engine lives to say so.

    Raises:
        DataReadError: It did.
    """
    from mlops_cli.quality import DataReadError

    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and _NO_THREAD not in str(error):
            raise
        raise DataReadError(f"Could not read `{data}`: memory ran out", hint=NO_MEMORY) from error


def open_datasets(
    given: Mapping[str, str], others: dict[str, Source], delimiter: str | None
) -> Generator[None, None, None]:
    """In the child: open the data sets to compare with, and say after each that it is open.

    Raises:
        ProjectError: One cannot be read.
    """
    from mlops_cli.quality import DataReadError

    for name, location in given.items():
        try:
            with memory_for(public_name(location)):
                others[name] = open_data(location, delimiter=delimiter)
        except DataReadError as error:
            raise ProjectError(error.message, hint=error.hint) from error
        yield None


def wait_for_datasets(given: Mapping[str, str], found: Iterator[object]) -> None:
    """Wait until they are open.

    Raises:
        ProjectError: One of them cannot be read, or crashed the engine.
    """
    for location in given.values():
        try:
            next(found)
        except ChildDiedError as died:
            raise engine_died(public_name(location), died) from died
