"""Plans, deployments and releases as a person reads them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from . import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from mlops_cli.deployment.destroy import Destroyed, Destruction, Unlocked
    from mlops_cli.deployment.live import Deployment
    from mlops_cli.deployment.plan import DagChange, Plan
    from mlops_cli.deployment.rollback import ReleaseList, Rollback
    from mlops_cli.deployment.shapes import Difference

_COLOURS: Final = {"+": "green", "~": "yellow", "-": "red"}
_DAG_COLOURS: Final = {"added": "green", "changed": "yellow", "removed": "red", "kept": "dim"}
_SHOWN_FILES: Final = 20
_SHOWN_DIFFERENCES: Final = 30
_REQUIREMENTS: Final = {
    "new": "the environment of requirements.lock",
    "same": "the same environment as before",
    "changed": "another environment than before (requirements.lock changed)",
}


def render_plan(plan: Plan, console: Console) -> None:
    """What a deploy would change, and what it would leave."""
    facts = [
        ("project", plan.project),
        ("environment", plan.environment + (" (protected)" if plan.protected else "")),
        ("target", plan.target),
        ("airflow", plan.airflow or "not running; a deploy starts it"),
        ("release", plan.release),
        ("content", plan.content[:12]),
        ("commit", (plan.commit or "none") + (" with uncommitted changes" if plan.dirty else "")),
        ("live now", plan.live or "nothing"),
        ("steps need", _REQUIREMENTS[plan.requirements]),
    ]
    if plan.promoted_from:
        facts.insert(5, ("taken from", plan.promoted_from))
    if plan.identity:
        facts.insert(3, ("aws account", plan.identity))
    if plan.installs:
        facts.append(("installs", f"{', '.join(plan.installs)} first (`--with-environment`)"))
    for name, value in facts:
        console.print(f"  [dim]{name:<12}[/]{_escape(value)}", soft_wrap=True)
    if plan.unchanged:
        rest = "only what is installed changes" if plan.installs else "a deploy writes nothing"
        console.print(f"\nThis content is live already: {rest}")
        return
    console.print("\nDAGs", style="bold")
    for dag in plan.dags:
        _render_dag(dag, console)
    console.print("\nFiles", style="bold")
    for file in plan.files[:_SHOWN_FILES]:
        console.print(f"  [{_COLOURS[file.change]}]{file.change}[/] {_escape(file.path)}")
    if (more := len(plan.files) - _SHOWN_FILES) > 0:
        console.print(f"  … and {more} more")
    for run in plan.running:
        console.print(f"[yellow]in flight[/] {_escape(run)}: its next tasks run the new code")


def _render_dag(dag: DagChange, console: Console) -> None:
    console.print(f"  [{_DAG_COLOURS[dag.change]}]{dag.change:<8}[/] {_escape(dag.dag_id)}")
    lines = _together(dag.differences or ())
    for change, text in lines[:_SHOWN_DIFFERENCES]:
        console.print(f"      [{_COLOURS[change]}]{change}[/] {_escape(text)}", soft_wrap=True)
    if (more := len(lines) - _SHOWN_DIFFERENCES) > 0:
        console.print(f"      … and {more} more")
    if dag.change == "changed":
        if dag.differences is None:
            console.print("      [dim]what changes in it is not known[/]")
        elif not dag.differences:
            console.print("      [dim]the same tasks, order, schedule and retries; other code[/]")
    for line in dag.consequences:
        console.print(f"      [yellow]![/] {_escape(line)}", soft_wrap=True)


def _together(differences: Sequence[Difference]) -> list[tuple[str, str]]:
    """A line for each; what is the same in several tasks is said once."""
    tasks: dict[Difference, list[str]] = {}
    for found in differences:
        tasks.setdefault(replace(found, task=None), []).append(found.task or "")
    lines = []
    for found, names in tasks.items():
        values = ""
        if found.change == "~":
            values = f": {found.before} → {found.after}"
        elif found.before or found.after:
            values = f" ({found.before or found.after})"
        whose = ""
        if names[0]:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            shown = ", ".join(f"`{name}`" for name in names[:3])
            whose = f"{'tasks' if len(names) > 1 else 'task'} {shown}{more}: "
        lines.append((found.change, f"{whose}{found.what}{values}"))
    return lines


def render_deployment(deployment: Deployment, console: Console) -> None:
    """What is live now, where to look and what to type next."""
    word = "is already live" if deployment.unchanged else "is live"
    console.print(
        f"[green]✓[/] Release [bold]{_escape(deployment.release)}[/] {word} "
        f"in {_escape(deployment.environment)} ({tables.duration(deployment.seconds)}; "
        f"seen by Airflow after {tables.duration(deployment.confirmed_seconds)})",
        soft_wrap=True,
    )
    console.print(f"  [dim]dags[/]     {_escape(', '.join(deployment.dags))}", soft_wrap=True)
    if deployment.previous:
        console.print(
            f"  [dim]before[/]   {_escape(deployment.previous)} (back to it: "
            f"`mlops rollback --env {_escape(deployment.environment)}`)",
            soft_wrap=True,
        )
    if deployment.promoted_from:
        console.print(f"  [dim]from[/]     {_escape(deployment.promoted_from)}")
    if deployment.installed:
        console.print(f"  [dim]installed[/] {_escape(', '.join(deployment.installed))}")
    console.print(f"  [dim]airflow[/]  {_escape(deployment.airflow)}", soft_wrap=True)
    for dag_id in deployment.still_shown:
        console.print(
            f"[yellow]removed[/] {_escape(dag_id)}: paused; Airflow shows it some minutes more"
        )
    _render_paused(deployment.paused, deployment.environment, console)
    console.print(
        f"\nNext: `mlops trigger training --env {_escape(deployment.environment)}`", soft_wrap=True
    )


def render_rollback(rollback: Rollback, console: Console) -> None:
    """What is live again."""
    console.print(
        f"[green]✓[/] Release [bold]{_escape(rollback.release)}[/] is live again in "
        f"{_escape(rollback.environment)}, instead of {_escape(rollback.replaced)} "
        f"(seen by Airflow after {tables.duration(rollback.confirmed_seconds)})",
        soft_wrap=True,
    )
    _render_paused(rollback.paused, rollback.environment, console)


def _render_paused(dag_ids: Sequence[str], environment: str, console: Console) -> None:
    if not dag_ids:
        return
    console.print(
        f"[yellow]paused[/]   {_escape(', '.join(dag_ids))}: nothing starts it by itself; "
        f"`mlops trigger PIPELINE --env {_escape(environment)} --unpause` does",
        soft_wrap=True,
    )


def render_release_list(found: ReleaseList, console: Console) -> None:
    """The releases, the newest first."""
    if not found.releases:
        console.print(f"{_escape(found.project)} has no release in {_escape(found.environment)}")
        return
    shown = tables.table("release", "state", "made", "by", "commit")
    for release in found.releases:
        made = f"{release.made:%Y-%m-%d %H:%M:%S}" if release.made else ""
        commit = (release.commit or "")[:12]
        tables.add(shown, (release.release, release.state, made, release.by, commit))
    console.print(shown)


def render_destruction(doomed: Destruction, console: Console) -> None:
    """What would be taken away."""
    live = f"release {doomed.live} is live" if doomed.live else "nothing is live"
    console.print(
        f"[red]Taking away[/] [bold]{_escape(doomed.project)}[/] from "
        f"{_escape(doomed.environment)} ({_escape(doomed.target)}); {_escape(live)}",
        soft_wrap=True,
    )
    for dag_id in doomed.dags:
        console.print(f"  [red]removed[/]  {_escape(dag_id)}")
    count = len(doomed.releases)
    history = "with" if doomed.history else "without"
    console.print(f"  {count} release{'' if count == 1 else 's'}, {history} the history of deploys")
    for run in doomed.running:
        console.print(f"[yellow]in flight[/] {_escape(run)}: its next tasks will fail")


def render_destroyed(gone: Destroyed, console: Console) -> None:
    """What was taken away."""
    console.print(
        f"[green]✓[/] [bold]{_escape(gone.project)}[/] is no longer in "
        f"{_escape(gone.environment)}: {gone.deleted} files deleted from {_escape(gone.target)}",
        soft_wrap=True,
    )
    for dag_id in gone.paused:
        console.print(f"  [dim]paused[/]   {_escape(dag_id)}; Airflow shows it a few minutes more")
    if gone.history_kept:
        console.print("  [dim]kept[/]     the history of deploys (`--history` deletes it)")
    for key in gone.left:
        console.print(f"  [yellow]left[/]     {_escape(key)}: not ours")


def render_unlocked(unlocked: Unlocked, console: Console) -> None:
    """Whose lock it was."""
    who = "nobody held the lock"
    if holder := unlocked.holder:
        dead = ", which is dead" if unlocked.was_dead else ""
        who = f"it was held by {holder.who} on {holder.host} (process {holder.pid}{dead}) "
        who += f"for {holder.what}"
    console.print(
        f"[green]✓[/] [bold]{_escape(unlocked.project)}[/] in {_escape(unlocked.environment)} "
        f"is free: {_escape(who)}",
        soft_wrap=True,
    )


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(tables.clean(text))
