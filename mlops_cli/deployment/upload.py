"""Brings a release into a store, beside the live one: its files, or one archive of them."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import UnfinishedError
from mlops_cli.environments import record
from mlops_cli.environments.port import Upload
from mlops_cli.environments.release import archive, loader, manifest

from . import shapes
from .plan import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_cli.environments.port import Store
    from mlops_cli.environments.release.build import Release
    from mlops_cli.environments.release.manifest import Manifest

# A file of these names may be another one in its old size: settings name the commit.
_ALWAYS: Final = (SETTINGS, shapes.NAME)


def upload(store: Store, staged: Release, described: Manifest, there: Mapping[str, int]) -> int:
    """Bring what is missing into the store, the manifest last; how many objects that were.

    Args:
        store: Where it goes.
        staged: The release, on this disk.
        described: What its manifest is to say.
        there: All files of releases that are in the store, with their sizes.

    Raises:
        UnfinishedError: The store does not hold what was uploaded.
    """
    ignore = store.read(loader.IGNORE)
    if ignore is None or ignore.data != loader.IGNORED.encode():
        _put(store, loader.IGNORE, loader.IGNORED.encode())
    key = record.release_key(staged.id, manifest.NAME)
    found = store.read(key) if key in there else None
    stored = record.manifest_in(found)
    if stored is not None and not record.missing(store, stored, there):
        return 0
    with tempfile.TemporaryDirectory(prefix="mlops-archive-") as folder:
        described, objects = _objects(store, staged, described, Path(folder))
        wanted = {*record.missing(store, described, there), *_ALWAYS}
        uploads = [upload for path, upload in objects.items() if path in wanted]
        store.put_all(uploads)
    left = record.missing(store, described)
    if left:
        raise UnfinishedError(
            f"Could not upload `{staged.id}`: `{left[0]}` is not there in full",
            hint="Run the same command again",
        )
    data = described.dumps()
    if there.get(key) == len(data):
        data += b"\n"  # a node that syncs by size and time alone must notice the change
    _put(store, key, data)
    return len(uploads) + 1


def _objects(
    store: Store, staged: Release, described: Manifest, folder: Path
) -> tuple[Manifest, dict[str, Upload]]:
    """What has to lie in the release's folder, and the manifest that says so."""
    sources = {path: (staged.root / path, entry.sha256) for path, entry in described.files.items()}
    if store.archives:
        packed, entry = archive.pack(staged.root, described, folder)
        described = replace(described, archive=entry)
        sources = {entry.name: (packed, entry.sha256)}
    shape = staged.root / shapes.NAME
    if shape.is_file():
        sources[shapes.NAME] = (shape, hashlib.sha256(shape.read_bytes()).hexdigest())
    return described, {
        path: Upload(record.release_key(staged.id, path), source, sha256)
        for path, (source, sha256) in sources.items()
    }


def _put(store: Store, key: str, data: bytes) -> None:
    store.put(key, data, sha256=hashlib.sha256(data).hexdigest())
