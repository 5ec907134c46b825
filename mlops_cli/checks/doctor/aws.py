"""AWS: who we are there, what time it is there, and what the bucket keeps."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from mlops_cli.environments.open import aws_of
from mlops_cli.environments.sources import uses_aws

from .report import failed, passed, warning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from .examination import Patient
    from .report import Finding

_SKEW_SECONDS: Final = 60.0
_REFUSED_SECONDS: Final = 15 * 60.0
"""From here on AWS refuses what we sign."""


def identity(patient: Patient) -> Iterator[Finding]:
    """The credentials are for the account that is named, and our clocks agree."""
    if not uses_aws(patient.spec):
        return
    aws = aws_of(patient.spec, clock=patient.clock)
    assert aws is not None  # noqa: S101 -- whatever uses AWS has one
    told = aws.call("sts", "get_caller_identity", what="ask AWS who we are", resource="*")
    account, arn = told["Account"], told["Arn"]
    if aws.account and account != aws.account:
        yield failed(
            "identity",
            f"the credentials are for account `{account}` (`{arn}`), and `mlops.yaml` says "
            f"`{aws.account}`",
            "Choose the right ones with `profile` in `mlops.yaml`, or correct `account`; "
            f"`mlops env show {patient.name}` says where each value comes from",
        )
    else:
        yield passed("identity", f"account `{account}`, as `{arn}`")
    yield from _clock(patient, told["ResponseMetadata"]["HTTPHeaders"].get("date"))


def _clock(patient: Patient, date: str | None) -> Iterator[Finding]:
    try:
        theirs = parsedate_to_datetime(date or "")
    except ValueError:
        return
    off = (patient.clock.now() - theirs).total_seconds()
    if abs(off) <= _SKEW_SECONDS:
        yield passed("clock", f"this machine's clock is {abs(off):.0f} s off")
        return
    way = "ahead" if off > 0 else "behind"
    say = failed if abs(off) >= _REFUSED_SECONDS else warning
    yield say(
        "clock",
        f"this machine's clock is {abs(off) / 60:.0f} min {way}",
        "Set it: `timedatectl set-ntp true`",
    )


AWS_CHECKS: Final[Mapping[str, Callable[[Patient], Iterable[Finding]]]] = {"identity": identity}
