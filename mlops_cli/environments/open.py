"""From a name in `mlops.yaml` to the store and the Airflow it stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_cli.core.errors import ProjectError, UnavailableError
from mlops_cli.project.environments import (
    AirflowEnvironment,
    BasicAuth,
    FolderPlace,
    GitPlace,
    LocalEnvironment,
    PasswordAuth,
    TokenAuth,
)
from mlops_cli.project.loader import environment as environment_of
from mlops_cli.project.paths import cache_dir, expanded

from .sources import overridden

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.core.redact import Secret
    from mlops_cli.environments.apis.login import Login
    from mlops_cli.environments.apis.rest import RestApi
    from mlops_cli.environments.aws import Aws, Identity
    from mlops_cli.environments.mwaa import MwaaEnvironment
    from mlops_cli.environments.port import AirflowApi, Store
    from mlops_cli.project.environments import Auth, S3Place
    from mlops_cli.project.environments import MwaaEnvironment as MwaaSpec
    from mlops_cli.project.model import EnvironmentSpec, Project


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a project is deployed to and runs."""

    name: str
    kind: str
    spec: EnvironmentSpec
    store: Store
    api: AirflowApi | None
    """None: it does not run, and nobody asked to start it."""
    aws: Aws | None = None
    """For more questions to the account it is in; None where it has nothing to do with AWS."""
    identity: Identity | None = None
    """Who we are to AWS; None where no account is named, so that nobody was asked."""
    mwaa: MwaaEnvironment | None = None
    """What MWAA said of it when it was opened."""

    @property
    def airflow(self) -> AirflowApi:
        """The Airflow, which has to be there.

        Raises:
            UnavailableError: It does not run.
        """
        if self.api is None:
            raise UnavailableError(
                "Could not ask the local Airflow: it is not running",
                hint="Start it: `mlops airflow start`",
            )
        return self.api


def open_environment(
    project: Project, name: str, *, start: bool, progress: Progress, clock: Clock
) -> Environment:
    """The environment `name` of a project; nothing in it is changed.

    Where it names an AWS account, that account is compared with the one the credentials are for.

    Args:
        project: Whose environment.
        name: One of `environments` in `mlops.yaml`.
        start: Start the local Airflow when it does not run.
        progress: Told what has to be built or started, and what of the shell is not heeded.
        clock: For waiting.

    Raises:
        UsageError: The project has no such environment.
        NotAllowedError: The credentials are for another account, or there are none.
        ProjectError: What it names does not exist.
        UnavailableError: Its Airflow cannot be started, or AWS does not answer.
    """
    spec = environment_of(project, name)
    project = project.within(name)
    for line in overridden(spec):
        progress.note(line)
    if isinstance(spec, LocalEnvironment):
        return _open_local(project, name, spec, start=start, progress=progress, clock=clock)
    if isinstance(spec, AirflowEnvironment):
        return _open_airflow(project, name, spec, clock=clock)
    return _open_mwaa(project, name, spec, clock=clock)


def _open_local(
    project: Project,
    name: str,
    spec: LocalEnvironment,
    *,
    start: bool,
    progress: Progress,
    clock: Clock,
) -> Environment:
    from mlops_cli.environments.local import instance
    from mlops_cli.environments.local.configuration import local_home
    from mlops_cli.environments.stores.folder import FolderStore

    store = FolderStore(local_home().dags / project.name)
    running = instance.find_running()
    ready = running and running.version == project.airflow and instance.executes(running)
    if start and not ready:
        running = instance.start(project.airflow, progress=progress, clock=clock)
    api = running.api(clock=clock) if running else None
    return Environment(name, spec.kind, spec, store, api)


# --- a self-hosted Airflow -------------------------------------------------------------------


def _open_airflow(
    project: Project, name: str, spec: AirflowEnvironment, *, clock: Clock
) -> Environment:
    aws = aws_of(spec, clock=clock)
    identity = aws.require_account() if aws and aws.account else None
    return Environment(
        name,
        spec.kind,
        spec,
        airflow_store(project, name, spec, clock=clock),
        http_api(project, spec, clock=clock),
        aws=aws,
        identity=identity,
    )


def http_api(project: Project, spec: AirflowEnvironment, *, clock: Clock) -> RestApi:
    """The API of a self-hosted Airflow; nothing is sent, and no secret is looked up yet.

    Raises:
        ProjectError: Its URL is not one a secret may be sent to, or `ca_file` holds no certificate.
    """
    from mlops_cli.environments.apis.http import HttpTransport
    from mlops_cli.environments.apis.rest import RestApi

    transport = HttpTransport(
        spec.url,
        login=_login(project, spec, clock=clock),
        clock=clock,
        allow_plain_http=spec.plain_http,
        ca_file=_path(project, spec.ca_file) if spec.ca_file else None,
    )
    return RestApi(transport)


def _login(project: Project, spec: AirflowEnvironment, *, clock: Clock) -> Login:
    from mlops_cli.environments.apis.login import Basic, Nobody, Password, Token

    auth: Auth = spec.auth
    if isinstance(auth, PasswordAuth):
        find = _finder(project, spec, auth.password, clock=clock)
        return Password(auth.username, find)
    if isinstance(auth, BasicAuth):
        return Basic(auth.username, _finder(project, spec, auth.password, clock=clock))
    if isinstance(auth, TokenAuth):
        return Token(_finder(project, spec, auth.token, clock=clock))
    return Nobody()


def _finder(
    project: Project, spec: AirflowEnvironment, text: str, *, clock: Clock
) -> Callable[[], Secret]:
    from mlops_cli.environments.secrets import parse, resolve

    reference = parse(text)

    def find() -> Secret:
        return resolve(reference, aws=aws_of(spec, clock=clock), root=project.root)

    return find


def airflow_store(project: Project, name: str, spec: AirflowEnvironment, *, clock: Clock) -> Store:
    """Where a self-hosted Airflow reads its DAGs from; nothing is sent yet.

    Raises:
        ProjectError: The repository is none that may be used.
    """
    store = spec.store
    if isinstance(store, FolderPlace):
        from mlops_cli.environments.stores.folder import FolderStore

        return FolderStore(_path(project, store.path) / project.name)
    if isinstance(store, GitPlace):
        from mlops_cli.environments.stores.git import GitStore

        return GitStore(
            store.repository,
            store.branch,
            project=project.name,
            environment=name,
            folder=store.folder,
            cache=cache_dir() / "git",
            clock=clock,
        )
    return _bucket_store(project, name, spec, store, clock=clock)


def _bucket_store(
    project: Project, name: str, spec: AirflowEnvironment, store: S3Place, *, clock: Clock
) -> Store:
    from mlops_cli.environments.aws import Aws
    from mlops_cli.environments.stores.s3 import S3Store

    aws = Aws(
        clock=clock,
        profile=spec.profile,
        region=spec.region,
        account=spec.account,
        endpoint=store.endpoint,
    )
    return S3Store(
        aws,
        store.bucket,
        prefix=store.prefix,
        project=project.name,
        environment=name,
        clock=clock,
        unsafe=store.lock == "unsafe",
    )


# --- Amazon MWAA -----------------------------------------------------------------------------


def _open_mwaa(project: Project, name: str, spec: MwaaSpec, *, clock: Clock) -> Environment:
    from mlops_cli.environments.mwaa import airflow_api, find
    from mlops_cli.environments.stores.s3 import S3Store

    aws = aws_of(spec, clock=clock)
    assert aws is not None  # noqa: S101 -- only the local one has none
    identity = aws.require_account()
    found = find(aws, spec.environment_name)
    _require_place(spec, found)
    store = S3Store(
        aws,
        found.bucket,
        prefix=found.dag_path,
        project=project.name,
        environment=name,
        clock=clock,
    )
    return Environment(
        name,
        spec.kind,
        spec,
        store,
        airflow_api(aws, found, clock=clock),
        aws=aws,
        identity=identity,
        mwaa=found,
    )


def _require_place(spec: MwaaSpec, found: MwaaEnvironment) -> None:
    pairs = (("bucket", spec.bucket, found.bucket), ("prefix", spec.prefix, found.dag_path))
    for key, ours, theirs in pairs:
        if ours is not None and ours != theirs:
            raise ProjectError(
                f"Could not use `{key}: {ours}`: the MWAA environment `{found.name}` reads its "
                f"DAGs from `s3://{found.bucket}/{found.dag_path}`",
                hint=f"Take `{key}` out of `mlops.yaml`, or write `{key}: {theirs}`",
                state="Nothing was changed",
            )


# --- AWS -------------------------------------------------------------------------------------


def aws_of(spec: EnvironmentSpec, *, clock: Clock) -> Aws | None:
    """AWS as an environment uses it; None for the local one. Nothing is sent yet."""
    from mlops_cli.environments.aws import Aws

    if isinstance(spec, LocalEnvironment):
        return None
    return Aws(clock=clock, profile=spec.profile, region=spec.region, account=spec.account)


def _path(project: Project, text: str) -> Path:
    return project.root / expanded(text)
