"""What the store says of a project: which release is live, which there are, what was done when."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import ConflictError

from .release import loader, manifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlops_cli.environments.port import Store, Stored
    from mlops_cli.environments.release.manifest import ArchiveEntry, FileEntry

_ATTEMPTS: Final = 8


@dataclass(frozen=True, slots=True)
class Live:
    """What the pointer names now."""

    current: str
    previous: str | None
    etag: str
    size: int
    sizes: tuple[int, ...] | None = None
    """Of the pointers before it; None where an older tool wrote it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history, never changed once written."""

    action: str
    """`deploy`, `rollback`, `confirmed`, `unconfirmed` or `failed`."""
    release: str
    previous: str | None
    by: str
    at: datetime
    commit: str | None = None
    pointer_size: int | None = None
    note: str | None = None
    number: int = 0


def live(store: Store, project: str) -> Live | None:
    """The live release, or None before the first deploy.

    Raises:
        ConflictError: A file of another kind stands where the pointer belongs.
    """
    key = loader.pointer_key(project)
    found = store.read(key)
    if found is None:
        return None
    named = loader.names(found.data)
    if named is None:
        raise ConflictError(
            f"Could not use `{key}` in {store.name}: it was not written by mlops",
            hint=f"Move `{key}` away, or give the project another name",
        )
    return Live(*named, found.etag, len(found.data), loader.sizes(found.data))


def release_key(release: str, file: str = "") -> str:
    """Where a file of a release lies."""
    return f"{loader.RELEASES}/{release}/{file}"


def read_manifest(store: Store, release: str) -> manifest.Manifest | None:
    """The manifest of a stored release; None where it is not there or cannot be read."""
    return manifest_in(store.read(release_key(release, manifest.NAME)))


def manifest_in(found: Stored | None) -> manifest.Manifest | None:
    """The manifest an object holds; None where it is not there or cannot be read."""
    try:
        return manifest.loads(found.data) if found else None
    except ValueError:
        return None


def missing(
    store: Store, described: manifest.Manifest, there: Mapping[str, int] | None = None
) -> tuple[str, ...]:
    """The files of a release that are not in the store as they should be.

    That is with the right size; where the store can tell cheaply, with the right content.
    `there` is what the store has listed, if it has been asked already.
    """
    if there is None:
        there = store.list(release_key(described.release))
    entries: Mapping[str, FileEntry | ArchiveEntry] = described.files
    if described.archive:
        entries = {described.archive.name: described.archive}
    keys = {release_key(described.release, path): path for path in entries}
    gone = {key for key, path in keys.items() if there.get(key) != entries[path].size}
    gone |= {*store.altered({k: entries[path].sha256 for k, path in keys.items() if k not in gone})}
    return tuple(path for key, path in keys.items() if key in gone)


def releases(store: Store) -> tuple[str, ...]:
    """The releases in the store, the newest first; also those that were never finished."""
    return names_in(store.list(f"{loader.RELEASES}/"))


def names_in(keys: Iterable[str]) -> tuple[str, ...]:
    """The releases that files with these keys belong to, the newest first."""
    return tuple(sorted({key.split("/")[1] for key in keys})[::-1])


def history(store: Store, *, last: int | None = None) -> tuple[Entry, ...]:
    """What was done, oldest first; `last` reads only that many."""
    keys = sorted(store.list(f"{loader.HISTORY}/"))
    found = (store.read(key) for key in (keys[-last:] if last else keys))
    entries = (json.loads(item.data) for item in found if item)
    return tuple(Entry(**entry | {"at": datetime.fromisoformat(entry["at"])}) for entry in entries)


def append(store: Store, entry: Entry) -> None:
    """Add a line to the history; two at once get a number each.

    Raises:
        ConflictError: Others kept taking the next number.
    """
    for attempt in range(_ATTEMPTS):
        keys = sorted(store.list(f"{loader.HISTORY}/"))
        number = int(keys[-1].rsplit("/", 1)[1].removesuffix(".json")) + 1 if keys else 1
        body = asdict(entry) | {"number": number, "at": entry.at.isoformat()}
        try:
            data = (json.dumps(body, indent=1, ensure_ascii=False) + "\n").encode()
            store.swap(f"{loader.HISTORY}/{number:06}.json", data, expected=None)
        except ConflictError:
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return
