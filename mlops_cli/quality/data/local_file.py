"""What can be said of a local file before it is read: that it is one, and of what kind."""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePath
from typing import TypeAlias

from ..errors import DataReadError

Stamp: TypeAlias = "tuple[int, int, int, int]"
_FORMATS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "json lines",
    ".ndjson": "json lines",
    ".json": "json lines",
}
_MAGIC = (
    (b"\x1f\x8b", "a gzip file"),
    (b"PK\x03\x04", "a zip file (an Excel workbook is one too)"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"%PDF", "a PDF"),
    (b"<!DOCTYPE", "a page of HTML"),
    (b"<!doctype", "a page of HTML"),
    (b"<html", "a page of HTML"),
    (b"<?xml", "XML"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)


def local_path(text: str) -> Path:
    """Find the path that a user named.

    Raises:
        DataReadError: It is no name of a file on this machine.
    """
    if not text.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in text):
        shown = text.encode("utf-8", "backslashreplace").decode()
        raise DataReadError(
            f"Could not read `{shown}`: its name is not UTF-8", hint="Give the file another name"
        )
    if not text:
        raise DataReadError("Could not read the data: its name is empty")
    if "://" not in text:
        return Path(text)
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(text)
    if parts.netloc not in ("", "localhost"):
        raise DataReadError(
            f"Could not read `{text}`: `{parts.netloc}` is not this machine",
            hint="A URI of a local file starts with `file:///`",
        )
    return Path(unquote(parts.path))


def check_format(path: PurePath, name: str | None = None) -> str:
    """Tell what a file is by the end of its name.

    Raises:
        DataReadError: It does not say.
    """
    found = _FORMATS.get(path.suffix.lower())
    if found is None:
        raise DataReadError(
            f"Could not read `{name or path}`: its name does not say what it is",
            hint=f"Files end in {', '.join(_FORMATS)}",
        )
    return found


def stamp(path: Path) -> Stamp:
    """Tell this state of a file from every other."""
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0, 0)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def check_file(path: Path) -> None:
    """Make sure that a path is one plain file with something in it.

    Raises:
        DataReadError: It is not, or may not be read.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataReadError(f"Could not read `{path}`: {reason.lower()}") from error
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "not a plain file"
        raise DataReadError(f"Could not read `{path}`: it is {what}")
    if not os.access(path, os.R_OK):
        raise DataReadError(f"Could not read `{path}`: permission denied")
    if path.stat().st_size == 0:
        raise DataReadError(f"Could not read `{path}`: it is empty, without even a header")


def check_magic(path: Path, data_format: str) -> None:
    """Make sure that a file begins, and ends, as what its name says.

    Raises:
        DataReadError: It is something else.
    """
    parquet = data_format == "parquet"
    with path.open("rb") as file:
        head = file.read(16)
        file.seek(max(0, path.stat().st_size - 4))
        tail = file.read(4)
    found = next((what for magic, what in _MAGIC if head.startswith(magic)), None)
    if not parquet and found:
        raise DataReadError(f"Could not read `{path}`: it is {found}", hint=_magic_hint(found))
    if parquet and not head.startswith(b"PAR1"):
        raise DataReadError(f"Could not read `{path}`: it is {found or 'not a Parquet file'}")
    if parquet and tail != b"PAR1":
        raise DataReadError(f"Could not read `{path}`: its end is missing, it was cut off")


def _magic_hint(found: str) -> str:
    if "UTF-16" in found:
        return "Convert it: `iconv -f UTF-16 -t UTF-8 IN > OUT`"
    if "Parquet" in found:
        return "Rename it so that it ends in .parquet"
    if "HTML" in found:
        return "The server may want you to sign in: look at the address in a browser"
    return "Unpack it first" if "XML" not in found else "Convert it to CSV, JSON lines or Parquet"
