"""What changes in a DAG between two releases, and what follows from it once it is live."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.environments import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops_cli.environments.port import Store

    Shape = Mapping[str, Any]

NAME: Final = "DAGS.json"
"""Lies beside the manifest, so that a plan needs not import the release that is live."""
_SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing about a DAG that is new (`+`), other (`~`) or gone (`-`)."""

    change: str
    what: str
    """Such as `schedule`, `retries`, ``task `fit` `` or ``edge `prepare` → `fit` ``."""
    before: str | None = None
    after: str | None = None
    task: str | None = None
    """Whose it is; None: the DAG's own."""


def dumps(shapes: Mapping[str, Shape]) -> bytes:
    """The shapes of a release as they lie in it."""
    body = {"schema": _SCHEMA, "dags": shapes}
    return (json.dumps(body, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def loads(data: bytes | None) -> Mapping[str, Shape]:
    """The shapes of a release; none where they were not kept, or are of a newer tool."""
    try:
        body = json.loads(data or b"{}")
        return dict(body["dags"]) if body["schema"] == _SCHEMA else {}
    except (ValueError, KeyError, TypeError):
        return {}


def of_release(store: Store, release: str) -> Mapping[str, Shape]:
    """The shapes kept with a stored release."""
    found = store.read(record.release_key(release, NAME))
    return loads(found.data if found else None)


def differences(old: Shape, new: Shape) -> tuple[Difference, ...]:
    """What is not the same in two shapes of one DAG: when it runs, its tasks, their order."""
    return (
        *_facts(old["facts"], new["facts"]),
        *_tasks(old["tasks"], new["tasks"]),
        *_edges(old, new),
    )


def consequences(
    old: Shape | None, new: Shape, *, last_run: datetime | None, is_paused: bool, now: datetime
) -> tuple[str, ...]:
    """What follows when a DAG of this shape goes live.

    Args:
        old: The live release's; None where it is not known, or there is none.
        new: The new one's.
        last_run: When the newest of its scheduled runs was due.
        is_paused: It is paused now, or will be when Airflow first sees it.
        now: Runs due before now start at once.
    """
    found = list(_catch_up(old, new, last_run=last_run, is_paused=is_paused, now=now))
    before, after = (old or new)["facts"]["schedule"], new["facts"]["schedule"]
    if before and not after:
        found.append("it has no schedule any more: only a trigger starts it")
    elif old and after and not before:
        found.append(f"it gets a schedule (`{after}`): it starts by itself")
    gone = sorted(set(old["tasks"]) - set(new["tasks"])) if old else []
    if gone:
        found.append(
            f"runs in flight lose {_named(gone)}; what {'it' if len(gone) == 1 else 'they'} did "
            "before stays in the history"
        )
    lost = sorted(set(old["facts"]["params"]) - set(new["facts"]["params"])) if old else []
    if lost:
        found.append(f"a trigger that gives {_named(lost)} is refused")
    return tuple(found)


def _catch_up(
    old: Shape | None, new: Shape, *, last_run: datetime | None, is_paused: bool, now: datetime
) -> Iterator[str]:
    if not new["facts"]["catchup"]:
        return
    starts = [datetime.fromisoformat(start) for start in new["starts"]]
    due = [start for start in starts if start <= now and (last_run is None or start > last_run)]
    count, about = len(due), ""
    if len(starts) > 1 and starts[-1] <= now:  # the list ends before now
        mean = (starts[-1] - starts[0]) / (len(starts) - 1)
        since = max(starts[-1], last_run) if last_run else starts[-1]
        count, about = count + int((now - since) / mean), "about "
    known = old is not None and old["facts"]["catchup"] and old["starts"] == new["starts"]
    # What is due anyway does not follow from this deploy.
    if count and not (known and count <= 1):
        runs = f"{about}{count} run{'s' if count > 1 else ''} will start"
        yield f"catchup is on: {runs}" + (" when it is unpaused" if is_paused else " at once")


def _facts(
    old: Mapping[str, Any], new: Mapping[str, Any], task: str | None = None
) -> Iterator[Difference]:
    for name in dict.fromkeys([*old, *new]):
        before, after = old.get(name), new.get(name)
        if before != after:
            what = name.replace("_", " ")
            yield Difference("~", what, _text(before), _text(after), task)


def _tasks(old: Mapping[str, Shape], new: Mapping[str, Shape]) -> Iterator[Difference]:
    for task in sorted(old.keys() | new.keys()):
        if task not in old:
            yield Difference("+", f"task `{task}`", after=str(new[task]["operator"]))
        elif task not in new:
            yield Difference("-", f"task `{task}`", before=str(old[task]["operator"]))
        else:
            yield from _facts(old[task], new[task], task)


def _edges(old: Shape, new: Shape) -> Iterator[Difference]:
    before, after = ({tuple(edge) for edge in shape["edges"]} for shape in (old, new))
    kept = set(old["tasks"]) & set(new["tasks"])
    for edge in sorted(before ^ after):
        # That a task came or went says enough of what it stood between, unless it is new.
        if edge in after or set(edge) <= kept:
            change = "+" if edge in after else "-"
            yield Difference(change, f"edge `{edge[0]}` → `{edge[1]}`")


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return "none" if value is None or value == "" else str(value)


def _named(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
