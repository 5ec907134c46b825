"""Two versions of a model side by side: what they reach, and what they were made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.errors import UsageError
from mlops_cli.core.files import write_atomic

from .registry import STAGES, show_model

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlops_cli.core.progress import Progress
    from mlops_cli.project.model import Project

    from .registry import ModelVersion

LOWER_IS_BETTER: Final = frozenset({"rmse", "mae"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One fact of both versions."""

    name: str
    first: str | float | None
    second: str | float | None
    better: int | None = None
    """Which version has the better number; None where neither has, or it is no question."""

    @property
    def same(self) -> bool:
        """Both have it alike."""
        return self.first == self.second


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """Two versions of a model; what only one of them has is None for the other."""

    model: str
    environment: str
    first: int
    second: int
    metrics: tuple[Difference, ...]
    """On the rows each was evaluated on, which are the same ones only if their data is."""
    same_data: bool | None
    """Both learned from the same source file; None when that is not known of one."""
    slices: tuple[Difference, ...]
    """The metric that is compared by, for each value of the columns in `evaluation.slices`."""
    partitions: tuple[Difference, ...]
    """The same for the partitions of the backtest."""
    parameters: tuple[Difference, ...]
    facts: tuple[Difference, ...]
    """States, approver, run, release, commit and digests."""
    page: Path | None
    """Where the page with the plots is, when one was asked for."""


def compare(
    project: Project,
    name: str | None,
    first: int,
    second: int,
    environment: str,
    *,
    html: Path | None,
    progress: Progress,
) -> ModelComparison:
    """Put two versions side by side.

    Args:
        project: Whose registry.
        name: The model; by default the project's own.
        first: A version.
        second: Another one.
        environment: Whose registry.
        html: Write a page with plots there.
        progress: Told what happens.

    Raises:
        UsageError: There is no such version, or they are one.
        ProjectError: There is no such model.
        UnavailableError: The registry could not be read.
        OSError: The page could not be written.
    """
    if first == second:
        raise UsageError(f"Could not compare version {first} with itself", hint="Name two versions")
    found = show_model(
        project, name, environment, version=None, evaluations=True, progress=progress
    )
    known = {one.version: one for one in found.versions}
    for number in (first, second):
        if number not in known:
            raise UsageError(
                f"There is no version {number} of `{found.name}`",
                hint=f"Its versions: {', '.join(str(one) for one in sorted(known))}",
            )
    one, other = known[first], known[second]
    compared = ModelComparison(
        model=found.name,
        environment=environment,
        first=first,
        second=second,
        metrics=_metrics(one, other),
        same_data=_same_data(one, other),
        slices=_measured(_slices(one), _slices(other), one, other),
        partitions=_measured(_partitions(one), _partitions(other), one, other),
        parameters=_pairs(one.parameters, other.parameters),
        facts=_pairs(_facts(one), _facts(other)),
        page=html,
    )
    if html is not None:
        from .page import comparison_page

        write_atomic(html, comparison_page(compared))
    return compared


def _metrics(one: ModelVersion, other: ModelVersion) -> tuple[Difference, ...]:
    return tuple(
        _numbers(name, one.metrics.get(name), other.metrics.get(name), one, other, metric=name)
        for name in dict.fromkeys([*one.metrics, *other.metrics])
    )


def _measured(
    mine: Mapping[str, float], theirs: Mapping[str, float], one: ModelVersion, other: ModelVersion
) -> tuple[Difference, ...]:
    metric = _compared_by(one) or _compared_by(other)
    return tuple(
        _numbers(name, mine.get(name), theirs.get(name), one, other, metric=metric)
        for name in sorted({*mine, *theirs})
    )


def _numbers(
    name: str,
    mine: float | None,
    theirs: float | None,
    one: ModelVersion,
    other: ModelVersion,
    *,
    metric: str | None,
) -> Difference:
    better = None
    if mine is not None and theirs is not None and mine != theirs:
        better = (one if mine > theirs else other).version
        if metric in LOWER_IS_BETTER:
            better = (one if mine < theirs else other).version
    return Difference(name, mine, theirs, better)


def _pairs(mine: Mapping[str, str], theirs: Mapping[str, str]) -> tuple[Difference, ...]:
    names = dict.fromkeys([*mine, *theirs])
    return tuple(Difference(name, mine.get(name), theirs.get(name)) for name in names)


def _same_data(one: ModelVersion, other: ModelVersion) -> bool | None:
    mine, theirs = (version.digests.get("source_sha256") for version in (one, other))
    return None if mine is None or theirs is None else mine == theirs


def _compared_by(version: ModelVersion) -> str | None:
    champion = (version.evaluation or {}).get("champion") or {}
    found = champion.get("metric")
    return str(found) if found else None


def _slices(version: ModelVersion) -> dict[str, float]:
    found: list[dict[str, Any]] = (version.evaluation or {}).get("slices") or []
    return {
        f"{one['column']} = {one['value']}": one["challenger"]
        for one in found
        if one.get("challenger") is not None
    }


def _partitions(version: ModelVersion) -> dict[str, float]:
    backtest = (version.evaluation or {}).get("backtest") or {}
    return {one["partition"]: one["challenger"] for one in backtest.get("partitions") or []}


def _facts(version: ModelVersion) -> dict[str, str]:
    known = {
        **{stage: version.stages.get(stage) for stage in STAGES},
        "alias": ", ".join(version.aliases) or None,
        "decided by": version.decided_by,
        "reason": version.reason,
        "registered": f"{version.created:%Y-%m-%d %H:%M:%S} UTC",
        "run": version.run,
        "release": version.release,
        "commit": version.commit,
        **version.digests,
    }
    return {name: value for name, value in known.items() if value}
