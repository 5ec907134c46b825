"""What an MWAA environment has installed, and the code's demand on it: a slow step of its own.

Airflow's own requirements, plugins and startup script lie in the project's folder `mwaa/`. Code
is never made live while the environment has others installed.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import ConflictError, ProjectError, UnavailableError, UsageError
from mlops_cli.environments.mwaa import ObjectVersion, update, wait_for_update
from mlops_cli.environments.stores.bucket import Bucket

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.aws import Aws
    from mlops_cli.environments.mwaa import MwaaEnvironment
    from mlops_cli.environments.open import Environment
    from mlops_cli.project.model import Project

    from .plan import Plan

FOLDER: Final = "mwaa"
# Our word, where it lies in the project, and where it goes in a bucket that has none yet.
_FILES: Final = {
    "requirements": ("requirements.txt", "requirements.txt"),
    "plugins": ("plugins", "plugins.zip"),
    "startup_script": ("startup.sh", "startup.sh"),
}
_ZIP_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def differing(project: Project, environment: Environment) -> tuple[str, ...]:
    """The files in `mwaa/` that the environment has not installed; none where it is not MWAA's."""
    if environment.aws is None or environment.mwaa is None:
        return ()
    other = _differing(project, environment.aws, environment.mwaa)
    return tuple(f"{FOLDER}/{_FILES[kind][0]}" for kind in other)


def require_mwaa(environment: Environment) -> None:
    """Refuse `--with-environment` elsewhere.

    Raises:
        UsageError: The environment is not MWAA's.
    """
    if environment.mwaa is None:
        raise UsageError(
            f"`--with-environment` is for Amazon MWAA, and `{environment.name}` is "
            f"`kind: {environment.kind}`"
        )


def require_installed(made: Plan, environment: Environment) -> None:
    """Refuse code for an environment that is not ready for it, or not working.

    Raises:
        ConflictError: It has other files installed than the project's.
        UnavailableError: The environment is not working, or is being changed.
    """
    found = environment.mwaa
    if found is None or made.unchanged:
        return
    if not found.is_ready:
        raise UnavailableError(
            f"Could not deploy to `{environment.name}`: the MWAA environment `{found.name}` "
            f"is {found.status}",
            hint=f"Wait for it: `aws mwaa get-environment --name {found.name} "
            "--query Environment.Status`",
            state="Nothing was changed",
        )
    if made.installs:
        names = " and ".join(f"`{name}`" for name in made.installs)
        raise ConflictError(
            f"Could not deploy to `{environment.name}`: {names} "
            f"{'differs' if len(made.installs) == 1 else 'differ'} from what "
            f"`{found.name}` has installed",
            hint="Install first, which takes 10 to 30 minutes: "
            f"`mlops deploy --env {environment.name} --with-environment`",
            state="Nothing was changed",
        )


def install(
    project: Project, environment: Environment, *, progress: Progress, clock: Clock
) -> tuple[str, ...]:
    """Bring what the environment has installed up to date; what that was.

    Args:
        project: Whose folder `mwaa/` says what.
        environment: The environment, of MWAA.
        progress: Told how the update goes.
        clock: For waiting.

    Raises:
        FailedError: The update failed; the environment is as it was before.
        UnavailableError: The environment is in a state that does not pass.
        UnfinishedError: The update goes on.
    """
    aws, found = environment.aws, environment.mwaa
    assert aws is not None  # noqa: S101 -- see `require_mwaa`
    assert found is not None  # noqa: S101 -- see `require_mwaa`
    if not found.is_ready:
        found = wait_for_update(aws, found.name, {}, progress=progress, clock=clock)
    other = _differing(project, aws, found)
    if not other:
        return ()
    versions = {kind: _upload(aws, found, kind, data) for kind, data in other.items()}
    update(aws, found.name, versions)
    with progress.step(f"Updating the MWAA environment {found.name} (10 to 30 minutes)"):
        wait_for_update(aws, found.name, versions, progress=progress, clock=clock)
    return tuple(f"{FOLDER}/{_FILES[kind][0]}" for kind in other)


def _differing(project: Project, aws: Aws, found: MwaaEnvironment) -> dict[str, bytes]:
    ours = local_files(project.root)
    return {kind: data for kind, data in ours.items() if not _is_installed(aws, found, kind, data)}


def local_files(root: Path) -> Mapping[str, bytes]:
    """What the project wants installed, as it is uploaded.

    Raises:
        ProjectError: A file cannot be read.
    """
    found = {}
    for kind, (name, _) in _FILES.items():
        path = root / FOLDER / name
        try:
            if path.is_dir():
                found[kind] = _zipped(path)
            elif path.is_file():
                found[kind] = path.read_bytes()
        except OSError as error:
            raise ProjectError(f"Could not read `{path}`: {error.strerror or error}") from error
    return found


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


def _is_installed(aws: Aws, found: MwaaEnvironment, kind: str, data: bytes) -> bool:
    installed = found.files.get(kind)
    if installed is None:
        return False
    more = {"VersionId": installed.version} if installed.version else {}
    there = _bucket(aws, found).ask(
        "get_object",
        installed.path,
        f"read `{installed.path}`",
        "s3:GetObjectVersion" if more else None,
        **more,
    )
    return hashlib.sha256(there["Body"]).digest() == hashlib.sha256(data).digest()


def _upload(aws: Aws, found: MwaaEnvironment, kind: str, data: bytes) -> ObjectVersion:
    installed = found.files.get(kind)
    path = installed.path if installed else _FILES[kind][1]
    done = _bucket(aws, found).ask("put_object", path, f"write `{path}`", Body=data)
    version = done.get("VersionId")
    if version is None:
        raise ProjectError(
            f"Could not update `{found.name}`: the bucket `{found.bucket}` keeps no versions",
            hint=f"aws s3api put-bucket-versioning --bucket {found.bucket} "
            "--versioning-configuration Status=Enabled",
        )
    return ObjectVersion(path, version)


def _bucket(aws: Aws, found: MwaaEnvironment) -> Bucket:
    return Bucket(aws, found.bucket, f"s3://{found.bucket}")
