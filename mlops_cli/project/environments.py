"""The environments of `mlops.yaml`: which Airflow each is, and where its releases lie."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from mlops_cli.core.redact import Secret
from mlops_cli.runtime.settings import (  # noqa: TC001 -- pydantic reads the annotations
    Engine,
    Glue,
    Mode,
)

WRITTEN_OUT: Final = "written_out"
"""The type of the error for a secret that stands in the file itself."""
REFERENCES: Final = ("env", "keyring", "file", "aws-secretsmanager")
"""The kinds of reference to a secret; `mlops_cli.environments.secrets` looks them up."""

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_MWAA_NAME: Final = re.compile(r"[a-zA-Z][0-9a-zA-Z_-]{0,79}")
_REGION: Final = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d")
_BRANCH: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Section(BaseModel):
    """A part of `mlops.yaml`: no other keys, no other types than it says, never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


# --- values ----------------------------------------------------------------------------------


def _account(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        value = f"{value:012}"  # YAML took it for a number
    if not isinstance(value, str) or not re.fullmatch(r"\d{12}", value, re.ASCII):
        raise ValueError("an AWS account is a number of 12 digits")
    return value


def _bucket(value: str) -> str:
    if not _BUCKET.fullmatch(value):
        raise ValueError(
            "a bucket's name has 3 to 63 small letters, digits and `-`; "
            "no `s3://`, no `_`, no `.` and no folder"
        )
    return value


def _region(value: str) -> str:
    if not _REGION.fullmatch(value):
        raise ValueError("an AWS region looks like `eu-central-1`")
    return value


def _mwaa_name(value: str) -> str:
    if not _MWAA_NAME.fullmatch(value):
        raise ValueError(
            "the name of an MWAA environment has at most 80 letters, digits, `-` and `_`, "
            "and begins with a letter"
        )
    return value


def _folder(value: str) -> str:
    parts = value.strip("/").split("/") if value.strip("/") else []
    if any(part in ("", ".", "..") for part in parts) or "\\" in value or "://" in value:
        raise ValueError("a folder in it is named like `dags` or `team/dags`")
    if parts[:1] == ["mlops"]:
        raise ValueError("the folder `mlops` is kept for locks and history; name another one")
    return "/".join(parts)


def _branch(value: str) -> str:
    parts = value.split("/")
    bad = any(part in ("", ".", "..") or part.endswith((".lock", ".")) for part in parts)
    if bad or ".." in value or not _BRANCH.fullmatch(value):
        raise ValueError("this is no name for a git branch; one is `deploy/staging`")
    return value


def _url(value: str) -> str:
    parts = _parts(value)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a URL begins with `https://` and names a host")
    if parts.username is not None or parts.password is not None:
        # Not shown: what stands there is a secret.
        raise ValueError("no credentials in URLs; say who you are with `auth:`")
    if parts.query or parts.fragment:
        raise ValueError("a URL here has no `?` and no `#`")
    return value.rstrip("/")


def _repository(value: str) -> str:
    parts = _parts(value)
    if parts is None or not value or value.startswith("-"):
        raise ValueError("a repository is an `https://` or `ssh://` URL, or a path")
    if parts.password is not None or (parts.scheme.startswith("http") and parts.username):
        raise ValueError("no credentials in URLs; git asks the credential helper of the machine")
    return value


def _parts(value: str) -> Any:  # noqa: ANN401 -- urllib's own type, or None
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return None
    if parts.password:
        Secret(parts.password)  # masked from here on, wherever it turns up
    return parts


def _reference(value: object) -> object:
    kind, _, place = str(value).partition(":")
    fits = isinstance(value, str) and kind in REFERENCES and bool(place)
    if fits and kind == "env":
        fits = _VARIABLE.fullmatch(place) is not None
    if fits and kind == "keyring":
        fits = all(place.partition("/")[::2])
    if not fits:
        Secret(str(value))
        raise PydanticCustomError(
            WRITTEN_OUT, "holds a secret, and only the place of one may stand here"
        )
    return value


Account = Annotated[
    str,
    BeforeValidator(_account),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": r"^\d{12}$"}, {"type": "integer"}]}),
]
Bucket = Annotated[str, AfterValidator(_bucket)]
Region = Annotated[str, AfterValidator(_region)]
Folder = Annotated[str, AfterValidator(_folder)]
Url = Annotated[str, AfterValidator(_url)]
Reference = Annotated[str, BeforeValidator(_reference)]
"""Where a secret is, such as `env:AIRFLOW_PASSWORD`; never the secret."""
Word = Annotated[str, Field(min_length=1)]
WhenRunning = Literal["fail", "wait", "allow"]


# --- who we are to an Airflow ----------------------------------------------------------------


class PasswordAuth(Section):
    """A user of Airflow's own login; the password is exchanged for a token."""

    kind: Literal["password"]
    username: Word
    password: Reference


class TokenAuth(Section):
    """A bearer token that somebody else hands out."""

    kind: Literal["token"]
    token: Reference


class BasicAuth(Section):
    """A user of the proxy in front of Airflow."""

    kind: Literal["basic"]
    username: Word
    password: Reference


class NoAuth(Section):
    """Nobody is asked: the network is the proof."""

    kind: Literal["none"]


Auth = Annotated[PasswordAuth | TokenAuth | BasicAuth | NoAuth, Field(discriminator="kind")]


# --- where releases lie ----------------------------------------------------------------------


class FolderPlace(Section):
    """A folder this machine can write to."""

    kind: Literal["folder"]
    path: Word
    """Airflow's DAGs folder; a relative path begins at the project."""


class S3Place(Section):
    """A bucket, read by Airflow's `S3DagBundle`."""

    kind: Literal["s3"]
    bucket: Bucket
    prefix: Folder = "dags"
    """The folder of all DAGs in it."""
    endpoint: Url | None = None
    """Of another S3 than Amazon's."""
    lock: Literal["safe", "unsafe"] = "safe"
    """`unsafe`: use a store that ignores conditions on writes; two deploys may then mix."""


class GitPlace(Section):
    """A branch, read by Airflow's `GitDagBundle`."""

    kind: Literal["git"]
    repository: Annotated[str, AfterValidator(_repository)]
    branch: Annotated[str, AfterValidator(_branch)]
    folder: Folder = ""
    """The folder of all DAGs in it; by default its root."""


Place = Annotated[FolderPlace | S3Place | GitPlace, Field(discriminator="kind")]


# --- environments ----------------------------------------------------------------------------


class RemotePaths(Section):
    """Where the workers find what a run needs; what is not named is as on this machine."""

    python: Word | None = None
    """The interpreter of the project's locked environment, on the workers."""
    quality_python: Word | None = None
    """The one that has the tool of `quality`, where that needs one."""
    runs: Word | None = None
    """The folder that gets one folder for each run."""
    data: Word | None = None
    """The folder of what outlives a run: predictions, quarantine, windows, the passport."""
    tracking_uri: Word | None = None
    """MLflow's tracking and registry store."""
    artifacts: Word | None = None
    """Where MLflow keeps what it logs."""


class _Environment(Section):
    platform: Literal["local"] = "local"
    """Where the steps run: on Airflow's own workers."""
    protected: bool = False
    """A person approves each change."""
    mode: Mode = "normal"
    """`development`: everything is deployed under your own name, and no schedule starts it."""
    when_running: WhenRunning | None = None
    """What a deploy does while runs are in flight; by default `fail` where it is protected, else
    `allow`."""
    quality: Engine = "local"
    """What runs the gates."""
    glue: Glue | None = None
    """Needed where `quality` is `glue`; kept, and not used, where it is not."""

    @property
    def running_policy(self) -> WhenRunning:
        """What a deploy does while runs are in flight."""
        return self.when_running or ("fail" if self.protected else "allow")

    @model_validator(mode="after")
    def _glue_is_set_up(self) -> _Environment:
        if self.quality == "glue" and self.glue is None:
            raise ValueError(
                "`quality: glue` needs a section `glue:` with `role`, `location` and `database`"
            )
        if problems := _glue_problems(self.glue):
            raise ValueError("; ".join(problems))
        return self


def _glue_problems(glue: Glue | None) -> list[str]:
    if glue is None:
        return []
    problems = [
        f"`glue.{name}` must be at least {least}"
        for name, least in (("workers", 2), ("check_every_seconds", 1), ("timeout_minutes", 1))
        if getattr(glue, name) < least
    ]
    if not glue.location.startswith("s3://"):
        problems.append(f"`glue.location` must begin with s3://, and `{glue.location}` does not")
    return problems


class LocalEnvironment(_Environment):
    """The embedded Airflow of this machine."""

    kind: Literal["local"]


class _AwsKeys(_Environment):
    profile: Word | None = None
    """The profile in your AWS configuration; by default what the shell says."""
    paths: RemotePaths = RemotePaths()


class AirflowEnvironment(_AwsKeys):
    """A self-hosted Airflow, reached over HTTP."""

    kind: Literal["airflow"]
    url: Url
    """Where its web interface is."""
    auth: Auth
    store: Place
    plain_http: bool = False
    """Let `http` leave this machine; refused where it is protected."""
    ca_file: Word | None = None
    """Certificates to trust besides the usual ones; a relative path begins at the project."""
    account: Account | None = None
    """The AWS account that owns the bucket."""
    region: Region | None = None

    @model_validator(mode="after")
    def _says_nothing_in_the_clear(self) -> AirflowEnvironment:
        if self.plain_http and self.protected:
            raise ValueError("`plain_http` cannot be in a protected environment; use `https`")
        return self


class MwaaEnvironment(_AwsKeys):
    """An environment of Amazon MWAA."""

    kind: Literal["mwaa"]
    environment_name: Annotated[str, AfterValidator(_mwaa_name)]
    account: Account
    region: Region
    bucket: Bucket | None = None
    """By default what MWAA itself says; another one is refused."""
    prefix: Folder | None = None
    """The folder of DAGs in it; likewise."""


EnvironmentSpec = Annotated[
    LocalEnvironment | AirflowEnvironment | MwaaEnvironment, Field(discriminator="kind")
]


def place_of(spec: LocalEnvironment | AirflowEnvironment | MwaaEnvironment) -> str | None:
    """Where releases go, as one text: two environments must not share it. None: the local one."""
    if isinstance(spec, LocalEnvironment):
        return None  # it runs one release at a time, whichever environment that is of
    if isinstance(spec, MwaaEnvironment):
        return f"MWAA environment `{spec.environment_name}` of {spec.account} in {spec.region}"
    store = spec.store
    if isinstance(store, FolderPlace):
        return f"folder `{store.path.rstrip('/')}`"
    if isinstance(store, GitPlace):
        return f"branch `{store.branch}` of `{store.repository}`, folder `{store.folder}`"
    return f"`s3://{store.bucket}/{store.prefix}`" + (
        f" of {store.endpoint}" if store.endpoint else ""
    )
