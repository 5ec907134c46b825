"""`MANIFEST.json`: what a release holds, where it came from, and what proves it complete."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

PLAIN: Final = 1
ARCHIVED: Final = 2
"""The schema of a release that lies in one archive: an older tool says that it is newer."""
NAME: Final = "MANIFEST.json"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """What a file must look like to be the one that was released."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ArchiveEntry:
    """The archive that holds all files of a release, and what it must look like."""

    name: str
    """Beside the manifest; part of it is the content's SHA-256, so that it never changes."""
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class DagEntry:
    """A DAG of the release and the file that defines it."""

    dag_id: str
    file: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """One release, described."""

    project: str
    package: str
    environment: str
    release: str
    """`<UTC stamp>-<first 12 hex of the digest>`."""
    digest: str
    """SHA-256 over all that changes what runs; two releases with one digest are the same."""
    files: Mapping[str, FileEntry]
    dags: tuple[DagEntry, ...]
    lock: str | None
    """SHA-256 of `requirements.lock`."""
    commit: str | None
    dirty: bool
    """The working tree differed from `commit`."""
    tool: str
    """The version of mlops that built it."""
    created_by: str
    created_at: datetime
    previous: str | None = None
    """The release that was live when this one was deployed."""
    archive: ArchiveEntry | None = None
    """Where its files are; None: beside the manifest, each by itself."""
    mwaa: Mapping[str, str] | None = None
    """The fingerprints of what Amazon MWAA has to have installed for it; None: not known."""

    @property
    def dag_ids(self) -> tuple[str, ...]:
        """The ids of its DAGs."""
        return tuple(dag.dag_id for dag in self.dags)

    def dumps(self) -> bytes:
        """The manifest as it lies in the release."""
        body = asdict(self) | {
            "schema": ARCHIVED if self.archive else PLAIN,
            "files": {path: [entry.size, entry.sha256] for path, entry in self.files.items()},
            "created_at": self.created_at.isoformat(),
        }
        # An older tool knows nothing of archives, and still reads what has none.
        del body["archive"]
        if self.archive:
            body["archive"] = [self.archive.name, self.archive.size, self.archive.sha256]
        if self.mwaa is None:
            del body["mwaa"]  # likewise
        return (json.dumps(body, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def loads(data: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        ValueError: It is not one, or one of a newer tool.
    """
    body: dict[str, Any] = json.loads(data)
    try:
        if body.pop("schema") not in (PLAIN, ARCHIVED):
            raise ValueError("the manifest was written by a newer version of mlops")
        archive = body.pop("archive", None)
        return Manifest(
            **body
            | {
                "archive": ArchiveEntry(*archive) if archive else None,
                "files": {path: FileEntry(*entry) for path, entry in body["files"].items()},
                "dags": tuple(DagEntry(**dag) for dag in body["dags"]),
                "created_at": datetime.fromisoformat(body["created_at"]),
            }
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the manifest is not complete ({error})") from error


def digest(parts: Mapping[str, str]) -> str:
    """One SHA-256 over paths and the SHA-256 of what each holds, whatever their order."""
    whole = hashlib.sha256()
    for path, content in sorted(parts.items()):
        whole.update(f"{path}\0{content}\n".encode())
    return whole.hexdigest()
