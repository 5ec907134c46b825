"""The store: it can be read, locked, written and cleaned, and keeps what is overwritten."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.errors import ConflictError, MlopsError
from mlops_cli.environments import record
from mlops_cli.project.environments import AirflowEnvironment, GitPlace, S3Place

from .report import failed, from_error, passed, skipped, warning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from mlops_cli.environments.port import Store

    from .examination import Patient
    from .report import Finding

# Where a deploy writes: beside the pointer, into releases, and where Airflow never looks.
# Not into the history: what is in there is read as lines of it.
_WRITTEN: Final = ("", "_releases/", "_plans/")
_NOTE: Final = b"mlops doctor was here; this can be deleted\n"


def read(patient: Patient) -> Iterator[Finding]:
    """What is live can be told, and is this project's."""
    store, project = patient.environment.store, patient.project.name
    live = record.live(store, project)
    if live is None:
        store.list("_releases/")
        yield passed("read", f"{store.name} can be read; nothing is live there")
        return
    described = record.read_manifest(store, live.current)
    if described is not None and described.project != project:
        yield failed(
            "read",
            f"{store.name} holds the project `{described.project}`",
            "Give one of the two projects another name",
        )
        return
    yield passed("read", f"{store.name} can be read; `{live.current}` is live")


def write(patient: Patient) -> Iterator[Finding]:
    """The lock holds, and each place a deploy writes to can be written and cleaned."""
    store = patient.environment.store
    try:
        with store.lock(f"doctor {patient.project.name}") as lease:
            lease.check()
            probes = list(_probe(patient, store))
    except ConflictError as error:
        yield warning("lock", error.message, error.hint)
        yield skipped("write", "somebody else is at work")
        return
    except MlopsError as error:
        yield from_error("lock", error)
        yield skipped("write", "nothing is written without the lock")
        return
    yield passed("lock", "it can be taken and given back, and another would have been refused")
    yield from probes


def _probe(patient: Patient, store: Store) -> Iterator[Finding]:
    spec = patient.spec
    if isinstance(spec, AirflowEnvironment) and isinstance(spec.store, GitPlace):
        yield skipped(
            "write", f"a push to `{spec.store.branch}` would be a new version of the DAGs"
        )
        return
    digest = hashlib.sha256(_NOTE).hexdigest()
    for prefix in _WRITTEN:
        key = f"{prefix}.mlops-doctor-{secrets.token_hex(4)}"
        place = f"{store.name}: `{prefix or patient.project.name}`"
        try:
            store.put(key, _NOTE, sha256=digest)
        except MlopsError as error:
            yield from_error("write", error)
            continue
        try:
            store.delete([key])
        except MlopsError as error:
            yield from_error("delete", error)
            continue
        yield passed("write", f"{place} can be written and cleaned")


def versioning(patient: Patient) -> Iterator[Finding]:
    """A bucket keeps what is overwritten: MWAA needs that, and anybody is glad of it once."""
    place = _bucket(patient)
    if place is None:
        return
    bucket, needed = place
    aws = patient.environment.aws
    assert aws is not None  # noqa: S101 -- whatever has a bucket has one
    owner: dict[str, Any] = {"ExpectedBucketOwner": aws.account} if aws.account else {}
    told = aws.call(
        "s3",
        "get_bucket_versioning",
        what=f"ask whether `{bucket}` keeps versions",
        resource=f"arn:aws:s3:::{bucket}",
        Bucket=bucket,
        **owner,
    )
    if told.get("Status") == "Enabled":
        yield passed("versioning", f"`{bucket}` keeps versions")
        return
    say = failed if needed else warning
    yield say(
        "versioning",
        f"`{bucket}` keeps no versions" + (", and MWAA needs them" if needed else ""),
        f"`aws s3api put-bucket-versioning --bucket {bucket} "
        "--versioning-configuration Status=Enabled`",
    )


def _bucket(patient: Patient) -> tuple[str, bool] | None:
    spec, mwaa = patient.spec, patient.environment.mwaa
    if mwaa is not None:
        return mwaa.bucket, True
    # Another S3 than Amazon's is not asked: what it answers is its own affair.
    if isinstance(spec, AirflowEnvironment) and isinstance(spec.store, S3Place):
        return (spec.store.bucket, False) if spec.store.endpoint is None else None
    return None


STORE_CHECKS: Final[Mapping[str, Callable[[Patient], Iterable[Finding]]]] = {
    "read": read,
    "write": write,
    "versioning": versioning,
}
