"""Builds a release: the tree a DAG needs, its resolved settings, and its manifest."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import re
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_cli import __version__
from mlops_cli.core.creator import creator
from mlops_cli.core.files import remove_tree, write_atomic
from mlops_cli.core.processes import child_environment, run
from mlops_cli.environments.interpreters import quality_python
from mlops_cli.project.environments import LocalEnvironment, MwaaEnvironment
from mlops_cli.project.loader import environment as environment_of
from mlops_cli.project.paths import data_dir
from mlops_cli.runtime.settings import Paths, Settings

from . import installs, loader, manifest
from .engine import exported
from .source import LOCK, SourceFile, collect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from mlops_cli.core.clock import Clock
    from mlops_cli.project.model import EnvironmentSpec, Project

SETTINGS = "settings.json"
_URI = re.compile(r"[a-z][a-z0-9+.-]*://", re.I)


@dataclass(frozen=True, slots=True)
class Release:
    """A release on this disk, complete."""

    id: str
    root: Path
    """The folder named after the release that holds the tree and its manifest."""
    manifest: manifest.Manifest


def build(
    project: Project,
    environment: str,
    destination: Path,
    *,
    python: Path,
    clock: Clock,
    name: Callable[[str], str | None] = lambda digest: None,  # noqa: ARG005 -- the callable's form
) -> Release:
    """Write the project's release for an environment to `destination/<release id>`.

    Nothing but `destination` is written to, and nothing but the project is read. Building the
    same project again gives the same digest.

    Args:
        project: What to release.
        environment: One of the project's environments.
        destination: The folder that holds releases.
        python: The interpreter of the project's environment, where the steps will run.
        clock: Tells the time of the release.
        name: Digest to the id of an earlier release with that content, if it is to be used again.

    Raises:
        UsageError: The project has no such environment.
        ProjectError: Something in the tree must not be released; all of it is named.
    """
    project = project.within(environment)
    # Its name follows from what is in it; so it is written first, and never all of it in memory.
    with _folder(destination), tempfile.TemporaryDirectory(dir=destination, prefix=".") as place:
        made = _build(project, environment, Path(place) / "it", python, clock=clock, name=name)
        root = destination / made.release
        if root.exists():
            remove_tree(root)
        (Path(place) / "it").rename(root)
    return Release(made.release, root, made)


def _build(
    project: Project,
    environment: str,
    root: Path,
    python: Path,
    *,
    clock: Clock,
    name: Callable[[str], str | None],
) -> manifest.Manifest:
    engine = environment_of(project, environment).quality
    files = _written(itertools.chain(collect(project), exported(project, engine)), root)
    commit, dirty = _commit(project.root)
    settings = _settings(project, environment, python, f"{commit}-dirty" if dirty else commit)
    # Neither the name of the release nor the commit changes what runs: the same content under
    # another commit is the same release.
    core = {**settings, "release": None, "commit": None}
    parts = {key: entry.sha256 for key, entry in files.items()}
    mwaa = _mwaa(project, environment)
    digest = manifest.digest(
        {**parts, SETTINGS: _sha256(_json(core)), **asked(project, environment, mwaa)}
    )
    now = clock.now()
    release = name(digest) or f"{now:%Y%m%dT%H%M%SZ}-{digest[:12]}"
    own = SourceFile(SETTINGS, _json({**settings, "release": release}))
    files |= _written([own], root)
    made = manifest.Manifest(
        project=project.name,
        package=project.package,
        environment=environment,
        release=release,
        digest=digest,
        files=dict(sorted(files.items())),
        dags=tuple(
            manifest.DagEntry(dag_id, f"dags/{pipeline}.py")
            for pipeline, dag_id in project.dag_ids.items()
        ),
        lock=parts.get(LOCK),
        commit=commit,
        dirty=dirty,
        tool=__version__,
        created_by=creator(),
        created_at=now,
        mwaa=mwaa,
    )
    write_atomic(root / manifest.NAME, made.dumps())
    return made


@contextmanager
def _folder(path: Path) -> Iterator[None]:
    """A folder that is there, and goes again where nothing was put into it."""
    path.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        with suppress(OSError):
            path.rmdir()


def _written(files: Iterable[SourceFile], root: Path) -> dict[str, manifest.FileEntry]:
    """Write files below `root`, one after the other; what each looks like."""
    entries = {}
    for file in files:
        path = root / file.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)
        entries[file.key] = manifest.FileEntry(len(file.data), _sha256(file.data))
    return entries


def asked(project: Project, environment: str, mwaa: Mapping[str, str] | None) -> Mapping[str, str]:
    """What a release's digest has of its `mwaa/` files: nothing but where they are installed."""
    is_mwaa = isinstance(environment_of(project, environment), MwaaEnvironment)
    return installs.parts(mwaa) if is_mwaa else {}


def _mwaa(project: Project, environment: str) -> Mapping[str, str] | None:
    """Fingerprints of the folder `mwaa/`; None where it has nothing to do with the release."""
    wanted = installs.fingerprints(installs.local_files(project.root))
    is_mwaa = isinstance(environment_of(project, environment), MwaaEnvironment)
    return wanted if wanted or is_mwaa else None


def lay_out(
    project: Project, environment: str, dags: Path, *, python: Path, clock: Clock
) -> Release:
    """Build a release into a DAGs folder of its own, exactly as a deploy would leave it there.

    `dags/<project>/<project>.py` is the entry DAG file. For proving a release before it is
    deployed; see `build` for the arguments and what is raised.
    """
    project = project.within(environment)
    home = dags / project.name
    release = build(project, environment, home / loader.RELEASES, python=python, clock=clock)
    text = loader.pointer(project.name, project.package, release.id)
    write_atomic(home / loader.IGNORE, loader.IGNORED)
    write_atomic(home / loader.pointer_key(project.name), text)
    return release


def _settings(
    project: Project, environment: str, python: Path, commit: str | None
) -> dict[str, Any]:
    source = project.model.source
    if not _URI.match(source):
        source = (project.root / source).resolve().as_uri()
    spec = environment_of(project, environment)
    tool = quality_python(project.root, spec.quality)
    here = paths_of(project, spec, python=str(python))
    paths = (
        here
        if tool is None or here.quality_python
        else dataclasses.replace(here, quality_python=str(tool))
    )
    settings = Settings(
        project=project.name,
        package=project.package,
        owner=project.owner,
        description=project.description,
        model=dataclasses.replace(project.model, source=source),
        environment=environment,
        commit=commit,
        monitoring=project.monitoring,
        notifications=project.notifications,
        quality=spec.quality,
        glue=spec.glue if spec.quality == "glue" else None,
        dag_ids=project.dag_ids,
        paths=paths,
        mode=spec.mode,
    )
    written = dataclasses.asdict(settings)
    if spec.quality == "local":
        # Projects made before there was a choice still deploy: they know none of these.
        del written["quality"], written["glue"], written["paths"]["quality_python"]
    if spec.mode == "normal":
        del written["mode"]  # likewise
    return written


def paths_of(project: Project, spec: EnvironmentSpec, *, python: str = "") -> Paths:
    """Where the runs of an environment have their files, and its models are registered.

    Args:
        project: The project, within the environment.
        spec: The environment; what it names itself is on its workers, the rest on this machine.
        python: The interpreter of the steps, where the environment names none.
    """
    data = data_dir()
    here = Paths(
        python=python,
        runs=str(data / "projects" / project.name / "runs"),
        data=str(data / "projects" / project.name / "data"),
        tracking_uri=f"sqlite:///{data / 'mlflow' / 'mlflow.db'}",
        artifacts=str(data / "mlflow" / "artifacts"),
    )
    if isinstance(spec, LocalEnvironment):
        return here
    return dataclasses.replace(here, **spec.paths.model_dump(exclude_none=True))


def _commit(root: Path) -> tuple[str | None, bool]:
    """The commit checked out in `root`, and whether the files there differ from it."""
    state = ["status", "--porcelain=v2", "--branch", "--untracked-files=normal", "--", "."]
    env = child_environment({"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"})
    try:
        told = run(["git", "-C", root, *state], timeout_seconds=10, env=env)
    except OSError:  # no git on this machine
        return None, False
    if told.returncode != 0:
        return None, False
    lines = told.output.splitlines()
    mark = "# branch.oid "
    commit = next((line.removeprefix(mark) for line in lines if line.startswith(mark)), "(initial)")
    if commit == "(initial)":
        return None, False
    return commit, any(not line.startswith("#") for line in lines)


def _json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
