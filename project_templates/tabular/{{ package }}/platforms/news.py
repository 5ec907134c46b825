"""Steps that are told what came in with the events of an asset."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, Context, XComArg

from .local import StepOperator

# Longer than the scheduler takes to make a run.
MOMENTS = timedelta(seconds=5)


class NewsOperator(StepOperator):
    """Runs a step with `asked`, all that came in with the events of an asset, the oldest first.

    Airflow starts one run for events that come close together, and none for one that comes just
    while it makes that run. So the events of the moments after belong to it too, each with its
    time as `at`, by which the step knows what it has had. Where an event of another asset started
    the run, or a person, there is one more without `at`: the run's parameters.

    Args:
        asset: The asset.
        names: What an event tells, the same names as the run's parameters; one without the first
            of them is no news.
    """

    def __init__(self, *, asset: Asset, names: Sequence[str], **kwargs: Any) -> None:
        """Take the asset, the names and what a step takes."""
        super().__init__(inlets=[asset], **kwargs)
        self.asset = asset
        self.names = tuple(names)

    def execute(self, context: Context) -> Any:
        """Run the step with the news."""
        self.inputs = self.inputs | {"asked": self.asked(context)}
        return super().execute(context)

    def asked(self, context: Context) -> list[dict[str, str]]:
        """What the step is told."""
        events = [one for some in context["triggering_asset_events"].values() for one in some]
        found = []
        if events:
            times = [event.timestamp for event in events]
            until = max(times) + MOMENTS
            known = context["inlet_events"][self.asset].after(min(times).isoformat())
            for event in known.before(until.isoformat()):
                if event.extra.get(self.names[0]):
                    told = {name: str(event.extra.get(name) or "") for name in self.names}
                    found.append({**told, "at": event.timestamp.isoformat()})
        if not events or not all(event.extra.get(self.names[0]) for event in events):
            found.append({name: context["params"][name] for name in self.names})
        return found


def news(step_name: str, asset: Asset, *names: str) -> XComArg:
    """A task that runs a step with what came in with the events of an asset."""
    return NewsOperator(task_id=step_name, step=step_name, asset=asset, names=names).output
