"""Asks a person before a protected environment is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import output

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_cli.deployment.plan import Plan


def approver(*, yes: bool) -> Callable[[Plan], bool]:
    """Shows the plan and has the environment's name typed; nobody there to ask means no."""

    def approve(plan: Plan) -> bool:
        if yes:
            return True
        if not output.is_terminal():
            return False
        output.show_on_stderr(plan)
        return output.ask(f"Type `{plan.environment}` to deploy to it: ") == plan.environment

    return approve
