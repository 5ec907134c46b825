"""Plans, deployments and releases as a person reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from . import tables

if TYPE_CHECKING:
    from rich.console import Console

    from mlops_cli.deployment.deploy import Deployment
    from mlops_cli.deployment.plan import Plan
    from mlops_cli.deployment.rollback import ReleaseList, Rollback

_COLOURS: Final = {"+": "green", "~": "yellow", "-": "red"}
_DAG_COLOURS: Final = {"added": "green", "changed": "yellow", "removed": "red", "kept": "dim"}
_SHOWN_FILES: Final = 20


def render_plan(plan: Plan, console: Console) -> None:
    """What a deploy would change, and what it would leave."""
    facts = [
        ("project", plan.project),
        ("environment", plan.environment + (" (protected)" if plan.protected else "")),
        ("target", plan.target),
        ("airflow", plan.airflow or "not running; a deploy starts it"),
        ("release", plan.release),
        ("commit", (plan.commit or "none") + (" with uncommitted changes" if plan.dirty else "")),
        ("live now", plan.live or "nothing"),
    ]
    for name, value in facts:
        console.print(f"  [dim]{name:<12}[/]{_escape(value)}", soft_wrap=True)
    if plan.unchanged:
        console.print("\nThis content is live already: a deploy writes nothing")
        return
    console.print("\nDAGs", style="bold")
    for dag in plan.dags:
        console.print(f"  [{_DAG_COLOURS[dag.change]}]{dag.change:<8}[/] {_escape(dag.dag_id)}")
    console.print("\nFiles", style="bold")
    for file in plan.files[:_SHOWN_FILES]:
        console.print(f"  [{_COLOURS[file.change]}]{file.change}[/] {_escape(file.path)}")
    if more := len(plan.files) - _SHOWN_FILES:
        console.print(f"  … and {more} more" if more > 0 else "", end="\n" if more > 0 else "")
    for run in plan.running:
        console.print(f"[yellow]in flight[/] {_escape(run)}: its next tasks run the new code")


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
    console.print(f"  [dim]airflow[/]  {_escape(deployment.airflow)}", soft_wrap=True)
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


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(tables.clean(text))
