"""Where each value of an environment comes from: `mlops.yaml`, the shell, AWS's files, a default.

What `mlops.yaml` says wins over the shell, always.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.project.environments import (
    AirflowEnvironment,
    LocalEnvironment,
    MwaaEnvironment,
    S3Place,
)
from mlops_cli.project.loader import written_at
from mlops_cli.project.paths import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops_cli.project.model import EnvironmentSpec, Project

_PROFILES: Final = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
_REGIONS: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")
_KEYS: Final = "AWS_ACCESS_KEY_ID"


@dataclass(frozen=True, slots=True)
class Value:
    """One setting of an environment: what it is and who says so."""

    key: str
    value: str
    source: str
    """Such as `mlops.yaml:12`, `AWS_PROFILE` or `default`."""


def overridden(spec: EnvironmentSpec) -> tuple[str, ...]:
    """What the shell says about AWS that this environment does not heed, or heeds silently."""
    if isinstance(spec, LocalEnvironment):
        return ()
    lines = []
    if spec.profile:
        name, value = _variable(_PROFILES)
        if value and value != spec.profile:
            lines.append(_unheeded("profile", spec.profile, f"{name}={value}"))
        if os.environ.get(_KEYS):
            lines.append(_unheeded("profile", spec.profile, _KEYS))
    name, value = _variable(_REGIONS)
    if spec.region and value and value != spec.region:
        lines.append(_unheeded("region", spec.region, f"{name}={value}"))
    own = spec.store.endpoint if isinstance(spec, AirflowEnvironment) and isinstance(
        spec.store, S3Place
    ) else None  # fmt: skip
    for service, (name, value) in _endpoints(spec):
        if service == "s3" and own:
            if own != value:
                lines.append(_unheeded("endpoint", own, name))
            continue
        lines.append(f"{service} is asked at {value} (`{name}` in the shell)")
    return tuple(lines)


def values(project: Project, name: str, spec: EnvironmentSpec) -> tuple[Value, ...]:
    """Every setting of an environment with its source; nothing is asked of anybody."""
    places = written_at(project.root)
    found = []
    for key, value in _flat(spec.model_dump(mode="json")):
        at = places.get(("environments", name, *key))
        if at is not None:
            found.append(Value(".".join(key), _text(value), f"{MANIFEST}:{at.line}"))
        elif value is not None:
            found.append(Value(".".join(key), _text(value), "default"))
    return (*found, *_unwritten(spec))


def _unwritten(spec: EnvironmentSpec) -> Iterator[Value]:
    """What other places say of that which `mlops.yaml` leaves open."""
    yield from () if spec.when_running else [Value("when_running", spec.running_policy, "default")]
    if isinstance(spec, LocalEnvironment):
        return
    if uses_aws(spec):
        if spec.profile is None:
            yield _credentials()
        if spec.region is None:
            name, value = _variable(_REGIONS)
            yield (
                Value("region", value, name)
                if value
                else Value("region", "the profile's", "~/.aws/config")
            )
        for service, (name, value) in _endpoints(spec):
            yield Value(f"endpoint of {service}", value, name)
    if isinstance(spec, MwaaEnvironment):
        for key in ("bucket", "prefix"):
            if getattr(spec, key) is None:
                yield Value(key, "what MWAA says", "airflow:GetEnvironment")


def uses_aws(spec: EnvironmentSpec) -> bool:
    """Whether Amazon is asked for it; an S3 of somebody else is not Amazon."""
    if isinstance(spec, AirflowEnvironment):
        amazons = isinstance(spec.store, S3Place) and spec.store.endpoint is None
        return amazons or spec.account is not None
    return isinstance(spec, MwaaEnvironment)


def _credentials() -> Value:
    name, value = _variable(_PROFILES)
    if os.environ.get(_KEYS):
        return Value("credentials", "the shell's keys", _KEYS)
    if value:
        return Value("profile", value, name)
    return Value("profile", "default", "~/.aws/config")


def _endpoints(spec: EnvironmentSpec) -> Iterator[tuple[str, tuple[str, str]]]:
    if not uses_aws(spec):
        return
    services = ["s3", "sts"]
    if isinstance(spec, MwaaEnvironment):
        services += ["mwaa", "logs"]
    for service in services:
        name, value = _variable((f"AWS_ENDPOINT_URL_{service.upper()}", "AWS_ENDPOINT_URL"))
        if value:
            yield service, (name, value)


def _unheeded(key: str, ours: str, theirs: str) -> str:
    return f"`{theirs}` in the shell is not heeded: `{MANIFEST}` says `{key}: {ours}`"


def _variable(names: tuple[str, ...]) -> tuple[str, str]:
    for name in names:
        if value := os.environ.get(name):
            return name, value
    return names[0], ""


def _flat(
    value: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, item in value.items():
        if isinstance(item, dict):
            yield from _flat(item, (*above, key))
        else:
            yield (*above, key), item


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
