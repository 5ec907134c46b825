"""What an MWAA environment has installed, and the code's demand on it: a slow step of its own.

Airflow's own requirements, plugins and startup script lie in the project's folder `mwaa/`. Code
is never made live, nor live again, while the environment has others installed than those it was
proved with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_cli.core.errors import ConflictError, ProjectError, UnavailableError, UsageError
from mlops_cli.environments.mwaa import ObjectVersion, update, wait_for_update
from mlops_cli.environments.release import installs
from mlops_cli.environments.release.installs import FILES
from mlops_cli.environments.stores.bucket import Bucket

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.aws import Aws
    from mlops_cli.environments.mwaa import MwaaEnvironment
    from mlops_cli.environments.open import Environment
    from mlops_cli.environments.release.manifest import Manifest
    from mlops_cli.project.model import Project

    from .plan import Plan


def differing(project: Project, described: Manifest, environment: Environment) -> tuple[str, ...]:
    """The files in `mwaa/` that the environment has not installed; none where it is not MWAA's.

    Of a release that does not say what it was proved with, the working tree's are taken.
    """
    wanted = described.mwaa
    if wanted is None and environment.mwaa is not None:
        wanted = installs.fingerprints(installs.local_files(project.root))
    return not_installed(wanted, environment)


def not_installed(wanted: Mapping[str, str] | None, environment: Environment) -> tuple[str, ...]:
    """Which of these files, by their fingerprints, the environment has others of, or none."""
    aws, found = environment.aws, environment.mwaa
    if aws is None or found is None or not wanted:
        return ()
    kinds = [kind for kind in wanted if kind in FILES]
    return installs.paths(kind for kind in kinds if _installed(aws, found, kind) != wanted[kind])


def require_proved_with(
    described: Manifest, environment: Environment, *, progress: Progress
) -> None:
    """Refuse an older release for an environment that has other files installed by now.

    Raises:
        ConflictError: It was proved with others; they are named.
    """
    if environment.mwaa is None:
        return
    if described.mwaa is None:
        progress.note(
            f"What `{described.release}` needs installed is not known: "
            "an earlier version of mlops made it"
        )
        return
    other = not_installed(described.mwaa, environment)
    if not other:
        return
    commit = f"`git checkout {described.commit}`, " if described.commit else ""
    raise ConflictError(
        f"Could not make `{described.release}` live again in `{environment.name}`: it was proved "
        f"with {'another' if len(other) == 1 else 'other'} {_named(other)} than "
        f"`{environment.mwaa.name}` has installed now",
        hint=f"Install what it needs, which takes 10 to 30 minutes, and deploy it anew: {commit}"
        f"`mlops deploy --env {environment.name} --with-environment`",
    )


def require_at_hand(project: Project, described: Manifest, made: Plan) -> None:
    """Refuse to install the working tree's files for a release that was proved with others.

    Raises:
        ConflictError: They are named.
    """
    ours = installs.fingerprints(installs.local_files(project.root))
    wanted = ours if described.mwaa is None else described.mwaa
    other = installs.paths(kind for kind, mark in wanted.items() if ours.get(kind) != mark)
    other = tuple(name for name in other if name in made.installs)
    if other:
        raise ConflictError(
            f"Could not install {_named(other)}: the working tree has another than "
            f"`{described.release}` was proved with",
            hint=f"Take that commit's: `git checkout {described.commit or 'COMMIT'} -- mwaa`, "
            "then the same command again",
            state="Nothing was changed",
        )


def _named(names: tuple[str, ...]) -> str:
    return " and ".join(f"`{name}`" for name in names)


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
        source = f" --from {made.promoted_from}" if made.promoted_from else ""
        raise ConflictError(
            f"Could not deploy to `{environment.name}`: {_named(made.installs)} "
            f"{'differs' if len(made.installs) == 1 else 'differ'} from what "
            f"`{found.name}` has installed",
            hint="Install first, which takes 10 to 30 minutes: "
            f"`mlops deploy --env {environment.name}{source} --with-environment`",
            state="Nothing was changed",
        )


def install(
    project: Project,
    described: Manifest,
    environment: Environment,
    *,
    progress: Progress,
    clock: Clock,
) -> tuple[str, ...]:
    """Bring what the environment has installed up to date; what that was.

    Args:
        project: Whose folder `mwaa/` says what.
        described: The release they are for; see `require_at_hand`.
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
    files = installs.local_files(project.root)
    marks = installs.fingerprints(files)
    wanted = marks if described.mwaa is None else described.mwaa
    other = [
        kind for kind in files if kind in wanted and _installed(aws, found, kind) != marks[kind]
    ]
    if not other:
        return ()
    versions = {kind: _upload(aws, found, kind, files[kind]) for kind in other}
    update(aws, found.name, versions)
    with progress.step(f"Updating the MWAA environment {found.name} (10 to 30 minutes)"):
        wait_for_update(aws, found.name, versions, progress=progress, clock=clock)
    return installs.paths(other)


def _installed(aws: Aws, found: MwaaEnvironment, kind: str) -> str | None:
    """The fingerprint of what is installed; None where nothing of the kind is."""
    installed = found.files.get(kind)
    if installed is None:
        return None
    more = {"VersionId": installed.version} if installed.version else {}
    there = _bucket(aws, found).ask(
        "get_object",
        installed.path,
        f"read `{installed.path}`",
        "s3:GetObjectVersion" if more else None,
        **more,
    )
    return installs.fingerprint(there["Body"])


def _upload(aws: Aws, found: MwaaEnvironment, kind: str, data: bytes) -> ObjectVersion:
    installed = found.files.get(kind)
    path = installed.path if installed else FILES[kind][1]
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
