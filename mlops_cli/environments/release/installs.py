"""What an MWAA environment has to have installed for a release: the project's folder `mwaa/`.

The files are no part of a release, but what it was proved with: the manifest keeps their
fingerprints, so that code is never made live beside others, whichever way it is made live.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import ProjectError

from . import manifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

FOLDER: Final = "mwaa"
FILES: Final = {
    "requirements": ("requirements.txt", "requirements.txt"),
    "plugins": ("plugins", "plugins.zip"),
    "startup_script": ("startup.sh", "startup.sh"),
}
"""Our word, where it lies in the project, and where it goes in a bucket that has none yet."""

_ZIP_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def local_files(root: Path) -> Mapping[str, bytes]:
    """What the project wants installed, as it is uploaded.

    Raises:
        ProjectError: A file cannot be read.
    """
    found = {}
    for kind, (name, _) in FILES.items():
        path = root / FOLDER / name
        try:
            if path.is_dir():
                found[kind] = _zipped(path)
            elif path.is_file():
                found[kind] = path.read_bytes()
        except OSError as error:
            raise ProjectError(f"Could not read `{path}`: {error.strerror or error}") from error
    return found


def fingerprints(files: Mapping[str, bytes]) -> Mapping[str, str]:
    """What tells each of these files from another."""
    return {kind: fingerprint(data) for kind, data in files.items()}


def fingerprint(data: bytes) -> str:
    """What tells a file from another: of an archive what is in it, however it was packed."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            return manifest.digest({name: _sha256(archive.read(name)) for name in names})
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError):
        return _sha256(data)


def paths(kinds: Iterable[str]) -> tuple[str, ...]:
    """Where these lie in the project."""
    return tuple(f"{FOLDER}/{FILES[kind][0]}" for kind in kinds if kind in FILES)


def parts(wanted: Mapping[str, str] | None) -> Mapping[str, str]:
    """What they add to a release's digest: other files there, and other things run."""
    return {f"{FOLDER}/{kind}": mark for kind, mark in (wanted or {}).items()}


def _zipped(folder: Path) -> bytes:
    """The same bytes for the same files, whenever and wherever it is made."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder)
            if path.is_file() and "__pycache__" not in name.parts:
                entry = zipfile.ZipInfo(name.as_posix(), _ZIP_EPOCH)
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
