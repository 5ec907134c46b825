"""All files of a release in one archive: where every object costs a request, it costs one."""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import UnfinishedError

from .manifest import ArchiveEntry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .manifest import Manifest

# A zip file knows no time before this one. No time at all is wanted: the same files make the
# same archive, whenever they are packed.
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_LEVEL: Final = 6


def pack(root: Path, described: Manifest, folder: Path) -> tuple[Path, ArchiveEntry]:
    """Pack the files of a release into an archive in `folder`.

    Returns:
        The archive, and what the manifest has to say of it.

    Raises:
        UnfinishedError: A file is not what the manifest says: it changed since.
    """
    part = folder / f"{described.release}.zip"
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        for path, entry in sorted(described.files.items()):
            data = (root / path).read_bytes()
            if hashlib.sha256(data).hexdigest() != entry.sha256:
                raise UnfinishedError(
                    f"Could not pack `{path}`: it changed while it was copied",
                    hint="Run the same command again",
                    state="What is live did not change",
                )
            archive.writestr(_member(path), data)
    with part.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    packed = part.rename(folder / f"{sha256[:16]}.zip")
    return packed, ArchiveEntry(packed.name, packed.stat().st_size, sha256)


def unpack(archive: bytes, described: Manifest) -> Iterator[tuple[str, bytes]]:
    """The files of a release, of an archive that was found to be the one of its manifest."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        for path in described.files:
            yield path, opened.read(path)


def _member(path: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(path, _EPOCH)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = 0o644 << 16
    return member
