"""DuckDB connections: bounded, silent, and locked before the first rule runs."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    import duckdb

# What DuckDB does not count comes on top: a process of 2 GiB must hold both.
_MEMORY = "1GiB"
_MOST_THREADS = 8
_MOST_SPILL = 128 << 30
_KIND = re.compile(r"^(?:(?:of|[A-Z][A-Za-z]*(?:-[A-Z][a-z]+)?) )+Error: ")


def engine() -> ModuleType:
    """Give the core of DuckDB: `connect`, and the very errors that `duckdb` has.

    What the package puts round it takes four times as long to import as the core, and half of the
    time of a check of a small file. Only tables of pandas, polars and pyarrow need it.
    """
    from importlib import import_module

    try:
        return import_module("_duckdb")
    except ImportError:  # DuckDB before 1.4, and whatever comes
        return import_module("duckdb")


def connect(memory: str = _MEMORY) -> duckdb.DuckDBPyConnection:
    """Open a database of its own in memory, which can still read files."""
    import shutil
    import tempfile

    # Made by DuckDB when it needs one, and removed by it; two connections must not share one.
    folder = Path(tempfile.gettempdir())
    spill = folder / f"quality-{os.getpid()}-{os.urandom(4).hex()}"
    most = min(_MOST_SPILL, shutil.disk_usage(folder).free // 2)
    connection: duckdb.DuckDBPyConnection = engine().connect(
        ":memory:",
        config={
            "memory_limit": memory,
            "threads": min(os.cpu_count() or 1, _MOST_THREADS),
            "temp_directory": str(spill),
            "max_temp_directory_size": f"{most}B",
            "python_enable_replacements": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    # After two seconds it would draw one on stdout, into our JSON; cursors inherit this.
    connection.execute("SET enable_progress_bar = false")
    return connection


def lock(connection: duckdb.DuckDBPyConnection) -> None:
    """Take from a connection every way out: files, network, extensions, settings.

    `allowed_paths` is no substitute: it would allow writing too.
    """
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def without_kind(message: str) -> str:
    """Leave out how DuckDB sorts its errors, as in `Catalog Error: Table …`."""
    return _KIND.sub("", message)


def identifier(name: str) -> str:
    """Write a name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Write a string as SQL; a NUL, which SQL text cannot hold, is spelled out."""
    parts = ["'" + part.replace("'", "''") + "'" for part in text.split("\0")]
    return parts[0] if len(parts) == 1 else "(" + " || chr(0) || ".join(parts) + ")"


def file_name(path: Path) -> str:
    """Write a path as SQL, for a reader that would take `*`, `?` and `[` for a pattern."""
    escaped = "".join(
        f"[{character}]" if character in "*?[" else character for character in str(path)
    )
    return literal(escaped)
