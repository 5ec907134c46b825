"""Takes the release that is live in one environment to another: the same files, byte for byte.

Only `settings.json` is made anew, for it says where the release runs; what it says of the model
is kept.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_cli import __version__
from mlops_cli.core.creator import creator
from mlops_cli.core.errors import ConflictError, UnfinishedError, UsageError
from mlops_cli.core.files import write_atomic
from mlops_cli.environments import record
from mlops_cli.environments.interpreters import project_interpreter, quality_interpreter
from mlops_cli.environments.open import open_environment
from mlops_cli.environments.release import archive, manifest
from mlops_cli.environments.release.build import Release, asked, build
from mlops_cli.environments.stores.parallel import each
from mlops_cli.project.loader import environment as environment_of
from mlops_cli.project.paths import QUALITY_TOOLS

from . import shapes
from .plan import SETTINGS, look, stored_name

if TYPE_CHECKING:
    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.open import Environment
    from mlops_cli.environments.port import Store
    from mlops_cli.environments.release.manifest import Manifest
    from mlops_cli.project.model import Project

    from .plan import Standing

# What the settings say of the model and not of where it runs.
_OF_THE_MODEL: Final = ("owner", "description", "model", "commit")
_THREADS: Final = 8
_HISTORY_READ: Final = 50


def promote(
    project: Project,
    target: Environment,
    source: str,
    folder: Path,
    *,
    standing: Standing,
    progress: Progress,
    clock: Clock,
) -> Release:
    """Bring the release that is live in `source` here, with the settings of `target`.

    Args:
        project: Whose release.
        target: Where it is to go.
        source: Where it is live.
        folder: Where it is written to, below its name.
        standing: What is live in `target`.
        progress: Told what happens.
        clock: For the release's name.

    Raises:
        UsageError: The two environments cannot hold the same release.
        ConflictError: Nothing is live in `source`, or Airflow never confirmed it there.
        UnfinishedError: It is damaged there.
    """
    _require_pair(project, source, target.name)
    opened = open_environment(project, source, start=False, progress=progress, clock=clock)
    described = _confirmed(project, opened)
    fetched = folder / "fetched"
    with progress.step(f"Fetching release {described.release} from {source}"):
        _fetch(opened.store, described, fetched)
        kept = opened.store.read(record.release_key(described.release, shapes.NAME))
    if kept is not None:
        write_atomic(fetched / shapes.NAME, kept.data)
    python = steps_python(project, target.name, fetched, progress=progress)
    settings = _settings(project, target.name, fetched, folder, python=python, clock=clock)
    core = {**settings, "release": None, "commit": None}
    parts = {path: entry.sha256 for path, entry in described.files.items()}
    parts |= {SETTINGS: hashlib.sha256(_json(core)).hexdigest()}
    digest = manifest.digest({**parts, **asked(project, target.name, described.mwaa)})
    now = clock.now()
    name = stored_name(target, digest, standing) or f"{now:%Y%m%dT%H%M%SZ}-{digest[:12]}"
    text = _json({**settings, "release": name})
    (fetched / SETTINGS).write_bytes(text)
    entry = manifest.FileEntry(len(text), hashlib.sha256(text).hexdigest())
    made = dataclasses.replace(
        described,
        environment=target.name,
        release=name,
        digest=digest,
        files={**described.files, SETTINGS: entry},
        archive=None,
        tool=__version__,
        created_by=creator(),
        created_at=now,
        previous=None,
    )
    write_atomic(fetched / manifest.NAME, made.dumps())
    root = folder / name
    fetched.rename(root)
    return Release(name, root, made)


def steps_python(project: Project, environment: str, lock: Path, *, progress: Progress) -> Path:
    """The interpreter the steps run with, made of the lock in a project or release.

    Where the environment names one on its workers, nothing is made on this machine.
    """
    spec = environment_of(project, environment)
    elsewhere = getattr(getattr(spec, "paths", None), "python", None)
    if elsewhere:
        return Path(elsewhere)
    python = project_interpreter(lock, progress=progress)
    quality_interpreter(project.root, spec.quality, progress=progress)
    return python


def _require_pair(project: Project, source: str, target: str) -> None:
    there, here = environment_of(project, source), environment_of(project, target)
    reason = None
    if source == target:
        reason = "it is there"
    elif "development" in (there.mode, here.mode):
        reason = "a development environment has the pipelines under other names"
    elif there.quality != here.quality and {*QUALITY_TOOLS} & {there.quality, here.quality}:
        reason = f"gates run with `{there.quality}` there and with `{here.quality}` here"
    if reason:
        raise UsageError(
            f"Could not promote from `{source}` to `{target}`: {reason}",
            hint=f"Deploy the working tree: `mlops deploy --env {target}`",
        )


def _confirmed(project: Project, opened: Environment) -> Manifest:
    found = look(opened.store, project.name)
    if found.live is None:
        raise ConflictError(
            f"Could not promote from `{opened.name}`: nothing of `{project.name}` is live there",
            hint=f"Deploy it there first: `mlops deploy --env {opened.name}`",
        )
    if found.described is None:
        raise UnfinishedError(
            f"Could not promote `{found.live.current}`: its manifest cannot be read",
            hint=f"Have it put back: `mlops deploy --env {opened.name}`",
        )
    told = [
        entry.action
        for entry in record.history(opened.store, last=_HISTORY_READ)
        if entry.release == found.live.current
    ]
    if "confirmed" not in told or told[-1] in ("failed", "unconfirmed"):
        raise ConflictError(
            f"Could not promote `{found.live.current}`: "
            f"no Airflow has confirmed it in `{opened.name}`",
            hint=f"Have it confirmed: `mlops deploy --env {opened.name}`",
        )
    return found.described


def _fetch(store: Store, described: Manifest, folder: Path) -> None:
    def keep(path: str, data: bytes) -> None:
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)

    def fetch(path: str) -> None:
        keep(path, _checked(store, described, path, described.files[path].sha256))

    folder.mkdir(parents=True)
    if described.archive is None:
        each(fetch, described.files, threads=_THREADS)
        return
    packed = _checked(store, described, described.archive.name, described.archive.sha256)
    for path, data in archive.unpack(packed, described):
        keep(path, data)


def _checked(store: Store, described: Manifest, name: str, sha256: str) -> bytes:
    found = store.read(record.release_key(described.release, name))
    if found is None or hashlib.sha256(found.data).hexdigest() != sha256:
        raise UnfinishedError(
            f"Could not promote `{described.release}`: `{name}` is damaged there",
            hint=f"Have it put back: `mlops deploy --env {described.environment}`",
        )
    return found.data


def _settings(
    project: Project, environment: str, fetched: Path, folder: Path, *, python: Path, clock: Clock
) -> dict[str, Any]:
    """What a build makes of the target environment, with the source's model."""
    own = build(project, environment, folder / "own", python=python, clock=clock)
    made: dict[str, Any] = json.loads((own.root / SETTINGS).read_bytes())
    was: dict[str, Any] = json.loads((fetched / SETTINGS).read_bytes())
    return {**made, **{name: was[name] for name in _OF_THE_MODEL if name in was}}


def _json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
