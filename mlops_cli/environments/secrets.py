"""References to secrets: a project names where a secret is, never the secret.

`env:NAME`, `keyring:SERVICE/USER`, `file:PATH` and `aws-secretsmanager:ID` (or `ID#KEY` of one that
is a JSON object). They are looked up when they are needed, by the process that needs them.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import NotAllowedError, ProjectError
from mlops_cli.core.redact import Secret, printable
from mlops_cli.project.paths import expanded

from .aws import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .aws import Aws

FORMS: Final = "`env:NAME`, `keyring:SERVICE/USER`, `file:PATH` or `aws-secretsmanager:ID#KEY`"

_MAX_BYTES: Final = 64 * 1024
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class SecretReference:
    """Where a secret is; may be printed, and stands in `mlops.yaml`."""

    kind: str
    place: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.place}"


def parse(text: str) -> SecretReference:
    """The reference a text stands for.

    Raises:
        NotAllowedError: It is none. It may be a secret somebody wrote there, so it is not shown.
        ProjectError: It lacks a part.
    """
    kind, _, place = text.partition(":")
    if kind not in _SOURCES or not place:
        # From here on it is masked wherever it turns up.
        Secret(text)
        raise NotAllowedError(
            "Could not use what stands where a reference to a secret belongs",
            hint=f"Write where the secret is: {FORMS}; a secret written there before is to be "
            "replaced, for it is in the file's history",
        )
    if kind == "keyring" and not all(place.partition("/")[::2]):
        raise ProjectError(
            f"Could not use `{printable(text)}`: a service and a user are needed",
            hint="Write `keyring:SERVICE/USER`",
        )
    return SecretReference(kind, place)


def resolve(
    reference: SecretReference, *, aws: Aws | None = None, root: Path | None = None
) -> Secret:
    """Look the secret up.

    Args:
        reference: Where it is.
        aws: Calls Secrets Manager, for references to it.
        root: What the path of a file is relative to; by default the working folder.

    Raises:
        NotAllowedError: It is not there, may not be read, or others can read its file.
        ProjectError: Its place cannot hold one.
        UnavailableError: Secrets Manager does not answer.
    """
    value = _SOURCES[reference.kind](reference, aws, root or Path.cwd())
    if not value:
        raise _missing(reference, "it is empty")
    return Secret(value)


def _from_variable(reference: SecretReference, _: Aws | None, __: Path) -> str:
    value = os.environ.get(reference.place)
    if value is None:
        raise _missing(
            reference,
            "the variable is not set",
            hint=f"Set it without leaving it in the shell's history: `read -rs {reference.place}` "
            f"and `export {reference.place}`",
        )
    return value


def _from_keyring(reference: SecretReference, _: Aws | None, __: Path) -> str:
    try:
        keyring = import_module("keyring")  # not among what `mlops` needs
        locked = import_module("keyring.errors").KeyringError
    except ImportError as error:
        raise _missing(
            reference, "the package `keyring` is not installed", hint="Install it beside `mlops`"
        ) from error
    service, _slash, user = reference.place.partition("/")
    try:
        value = keyring.get_password(service, user)
    except locked as error:
        # Never a plain file instead: a keyring that is locked stays locked.
        raise _missing(
            reference, f"the keyring does not open ({type(error).__name__})", hint="Unlock it"
        ) from error
    if value is None:
        raise _missing(
            reference,
            "the keyring has no such entry",
            hint=f"Add it: `keyring set {service} {user}`",
        )
    return str(value)


def _from_file(reference: SecretReference, _: Aws | None, root: Path) -> str:
    path = root / expanded(reference.place)
    try:
        # Opened first and asked afterwards: what is looked at is what is read.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise _missing(reference, "it is no regular file")
            if facts.st_mode & _OTHERS:
                raise _missing(
                    reference,
                    f"others may use the file (mode {stat.S_IMODE(facts.st_mode):04o})",
                    hint=f"Keep it to yourself: `chmod 600 {path}`",
                )
            if facts.st_uid not in {os.geteuid(), 0}:
                raise _missing(reference, "the file belongs to somebody else")
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise _missing(reference, error.strerror or str(error)) from error
    if len(data) > _MAX_BYTES:
        raise _missing(reference, f"it is larger than {_MAX_BYTES // 1024} KiB")
    return _text(reference, data).rstrip("\r\n")


def _from_secrets_manager(reference: SecretReference, aws: Aws | None, _: Path) -> str:
    if aws is None:
        raise ProjectError(
            f"Could not look up `{reference}`: this environment says nothing about AWS",
            hint="Set `region`, and `profile` where it is not the default one, in `mlops.yaml`",
        )
    name, _hash, key = reference.place.partition("#")
    try:
        told = aws.call(
            "secretsmanager",
            "get_secret_value",
            what=f"look up `{reference}`",
            resource=name
            if name.startswith("arn:")
            else f"arn:aws:secretsmanager:*:*:secret:{name}-*",
            action="secretsmanager:GetSecretValue",
            expected=("ResourceNotFoundException",),
            SecretId=name,
        )
    except RefusedError as error:
        raise _missing(reference, "Secrets Manager has no such secret") from error
    text = told.get("SecretString")
    text = _text(reference, told.get("SecretBinary") or b"") if text is None else str(text)
    return _member(reference, text, key) if key else text


def _member(reference: SecretReference, text: str, key: str) -> str:
    Secret(text)  # the whole of it is secret too
    try:
        members = json.loads(text)
    except ValueError:
        members = None
    value = members.get(key) if isinstance(members, dict) else None
    if not isinstance(value, str):
        raise _missing(reference, f"the secret is no JSON object with a text `{printable(key)}`")
    return value


def _text(reference: SecretReference, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        # `from None`: the exception holds the bytes.
        raise _missing(reference, "it is not UTF-8") from None


def _missing(
    reference: SecretReference, reason: str, *, hint: str | None = None
) -> NotAllowedError:
    return NotAllowedError(f"Could not look up `{printable(str(reference))}`: {reason}", hint=hint)


_SOURCES: Final[dict[str, Callable[[SecretReference, Aws | None, Path], str]]] = {
    "env": _from_variable,
    "keyring": _from_keyring,
    "file": _from_file,
    "aws-secretsmanager": _from_secrets_manager,
}
