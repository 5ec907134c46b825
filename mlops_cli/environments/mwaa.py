"""An environment of Amazon MWAA: what it is, where it reads from, and changing what it installs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.errors import (
    FailedError,
    ProjectError,
    UnavailableError,
    UnfinishedError,
)
from mlops_cli.core.redact import Secret, printable

from .aws import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress

    from .apis.rest import RestApi
    from .aws import Aws

READY: Final = frozenset({"AVAILABLE", "UPDATE_FAILED"})
"""After a failed update the environment is as it was before, and works."""
UPDATE_SECONDS: Final = 60 * 60.0

_POLL_SECONDS: Final = 15.0
_WEB_PATIENCE_SECONDS: Final = 5.0
_PASSING: Final = frozenset(
    {"CREATING", "CREATING_SNAPSHOT", "UPDATING", "ROLLING_BACK", "PENDING", "MAINTENANCE"}
)
# What an update may replace: our word, then the service's for its path and its version.
_FILES: Final = {
    "requirements": ("RequirementsS3Path", "RequirementsS3ObjectVersion"),
    "plugins": ("PluginsS3Path", "PluginsS3ObjectVersion"),
    "startup_script": ("StartupScriptS3Path", "StartupScriptS3ObjectVersion"),
}


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """A file in the environment's bucket, in the version that is installed."""

    path: str
    version: str | None


@dataclass(frozen=True, slots=True)
class LastUpdate:
    """How the newest change of the environment went."""

    status: str
    """`SUCCESS`, `PENDING` or `FAILED`."""
    reason: str | None


@dataclass(frozen=True, slots=True)
class MwaaEnvironment:
    """An environment as the service describes it."""

    name: str
    arn: str
    status: str
    airflow_version: str
    bucket: str
    dag_path: str
    """Below the bucket, without slashes at its ends."""
    url: str
    """The web server."""
    is_private: bool
    """The web server answers only inside its network."""
    files: Mapping[str, ObjectVersion]
    """`requirements`, `plugins` and `startup_script`, those that are set."""
    task_logs: str | None
    """The log group of tasks, where they are written to one."""
    last_update: LastUpdate | None

    @property
    def is_ready(self) -> bool:
        """Whether it works now."""
        return self.status in READY


def find(aws: Aws, name: str) -> MwaaEnvironment:
    """The environment with that name.

    Raises:
        ProjectError: There is none in this account and region; those that are there are named.
        NotAllowedError: We may not look.
        UnavailableError: The service does not answer.
    """
    try:
        told = aws.call("mwaa", "get_environment", **_asked("GetEnvironment", name), Name=name)
    except RefusedError as error:
        raise ProjectError(
            f"Could not find the MWAA environment `{name}` in this account and region",
            hint=_others(aws),
        ) from error
    return _environment(told["Environment"])


def airflow_api(aws: Aws, environment: MwaaEnvironment, *, clock: Clock) -> RestApi:
    """The environment's Airflow; nothing is sent yet.

    What InvokeRestApi cannot carry goes to the web server itself where it is public; logs come
    from CloudWatch when neither gives them.
    """
    from .apis.cloudwatch import CloudWatchLogs
    from .apis.http import HttpTransport
    from .apis.login import MwaaSession
    from .apis.mwaa import MwaaTransport
    from .apis.rest import RestApi

    web = None
    if not environment.is_private:
        session = MwaaSession(lambda: login_token(aws, environment.name))
        web = HttpTransport(
            environment.url, login=session, clock=clock, patience_seconds=_WEB_PATIENCE_SECONDS
        )
    transport = MwaaTransport(aws, environment.name, url=environment.url, clock=clock, web=web)
    logs = CloudWatchLogs(aws, environment.task_logs) if environment.task_logs else None
    return RestApi(transport, logs=logs)


def login_token(aws: Aws, name: str) -> Secret:
    """A token that opens one session of the web server within a minute.

    Raises:
        NotAllowedError: We may not have one.
        ProjectError: There is no such environment.
        UnavailableError: The service does not answer.
    """
    asked = _asked("CreateWebLoginToken", name)
    try:
        return Secret(aws.call("mwaa", "create_web_login_token", **asked, Name=name)["WebToken"])
    except RefusedError as error:
        raise ProjectError(
            f"Could not find the MWAA environment `{name}` in this account and region",
            hint=_others(aws),
        ) from error


def update(
    aws: Aws, name: str, files: Mapping[str, ObjectVersion], *, graceful: bool = True
) -> None:
    """Ask the service to install other files; it takes 10 to 30 minutes: see `wait_for_update`.

    Args:
        aws: Calls the service.
        name: The environment's.
        files: Any of `requirements`, `plugins` and `startup_script`, each in one version.
        graceful: Let running tasks end on the workers they are on.

    Raises:
        ProjectError: There is no such environment, or the service does not take these files.
        NotAllowedError: We may not.
        UnavailableError: It is being changed already, or the service does not answer.
        UnfinishedError: No answer came; it may have begun.
    """
    changes: dict[str, Any] = {}
    for file, wanted in files.items():
        path, version = _FILES[file]
        changes |= {path: wanted.path, version: wanted.version}
    asked = _asked("UpdateEnvironment", name, "ValidationException")
    strategy = "GRACEFUL" if graceful else "FORCED"
    try:
        aws.call(
            "mwaa",
            "update_environment",
            **asked,
            once=True,
            Name=name,
            WorkerReplacementStrategy=strategy,
            **changes,
        )
    except RefusedError as error:
        # `find` names what is there when it is the environment that is missing.
        found = find(aws, name)
        if not found.is_ready:
            raise _busy(found) from error
        told = getattr(error.__cause__, "response", {}).get("Error", {}).get("Message", "")
        raise ProjectError(
            f"Could not update the MWAA environment `{name}`: {printable(told) or error.code}"
        ) from error


def wait_for_update(
    aws: Aws,
    name: str,
    files: Mapping[str, ObjectVersion],
    *,
    progress: Progress,
    clock: Clock,
    timeout_seconds: float = UPDATE_SECONDS,
) -> MwaaEnvironment:
    """Wait until the environment works with these files.

    Raises:
        FailedError: The update failed; the environment is as it was before.
        UnavailableError: The environment is in a state that does not pass.
        UnfinishedError: Time is up; the update goes on.
    """
    deadline = clock.monotonic() + timeout_seconds
    shown = ""
    while True:
        found = find(aws, name)
        if found.status != shown:
            shown = found.status
            progress.note(f"MWAA environment {name}: {shown}")
        if found.is_ready and all(found.files.get(key) == files[key] for key in files):
            return found
        last = found.last_update
        if found.is_ready and last is not None and last.status == "FAILED":
            raise FailedError(
                f"Could not update the MWAA environment `{name}`: {last.reason or 'no reason'}",
                hint="Read the log groups that end with `-Scheduler` and `-Worker`, "
                "their streams `requirements_install…`",
                state="The environment is as it was before",
            )
        if not found.is_ready and found.status not in _PASSING:
            raise _busy(found)
        if clock.monotonic() > deadline:
            raise UnfinishedError(
                f"Could not see the MWAA environment `{name}` updated "
                f"within {timeout_seconds / 60:.0f} min",
                hint="Run the same command again: it goes on waiting",
                state=f"It is {found.status}",
            )
        clock.sleep(_POLL_SECONDS)


def _busy(found: MwaaEnvironment) -> UnavailableError:
    return UnavailableError(
        f"Could not use the MWAA environment `{found.name}`: it is {found.status}",
        hint=f"Look at it: `aws mwaa get-environment --name {found.name}`",
        state="Nothing was changed",
    )


def _asked(operation: str, name: str, *expected: str) -> dict[str, Any]:
    kind = "role" if operation == "CreateWebLoginToken" else "environment"
    return {
        "what": f"use the MWAA environment `{name}`",
        "resource": f"arn:aws:airflow:*:*:{kind}/{name}",
        "action": f"airflow:{operation}",
        "expected": ("ResourceNotFoundException", *expected),
    }


def _others(aws: Aws) -> str:
    # Only for the hint: who may not list gets the command.
    from mlops_cli.core.errors import MlopsError

    try:
        names = aws.call(
            "mwaa",
            "list_environments",
            what="list the MWAA environments",
            resource="*",
            action="airflow:ListEnvironments",
            once=True,
        )["Environments"]
    except MlopsError:
        names = []
    if not names:
        return "Check `account` and `region` in `mlops.yaml`: `aws mwaa list-environments`"
    return "There are " + ", ".join(f"`{printable(name)}`" for name in names[:10])


def _environment(told: Mapping[str, Any]) -> MwaaEnvironment:
    logs = told.get("LoggingConfiguration", {}).get("TaskLogs", {})
    group = str(logs.get("CloudWatchLogGroupArn") or "") if logs.get("Enabled") else ""
    last = told.get("LastUpdate")
    return MwaaEnvironment(
        name=told["Name"],
        arn=told.get("Arn", ""),
        status=told["Status"],
        airflow_version=told.get("AirflowVersion", ""),
        bucket=told.get("SourceBucketArn", "").rpartition(":")[2],
        dag_path=told.get("DagS3Path", "").strip("/"),
        url=_web_url(told.get("WebserverUrl", "")),
        is_private=told.get("WebserverAccessMode") == "PRIVATE_ONLY",
        files={
            key: ObjectVersion(told[path], told.get(version))
            for key, (path, version) in _FILES.items()
            if told.get(path)
        },
        # arn:aws:logs:region:account:log-group:name, and sometimes a stream behind it
        task_logs=group.split(":")[6] if group.count(":") >= 6 else None,
        last_update=_last_update(last) if last else None,
    )


def _last_update(told: Mapping[str, Any]) -> LastUpdate:
    error = told.get("Error") or {}
    reason = ": ".join(
        printable(str(error[key])) for key in ("ErrorCode", "ErrorMessage") if error.get(key)
    )
    return LastUpdate(str(told.get("Status")), reason or None)


def _web_url(host: str) -> str:
    if "://" in host:
        return host.rstrip("/")
    # An emulator on this machine has no certificate.
    plain = host.partition(":")[0] in {"127.0.0.1", "localhost"}
    return f"{'http' if plain else 'https'}://{host}"
