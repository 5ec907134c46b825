"""Asks a person before a protected environment is changed, or something is taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import output

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_cli.core.errors import ConflictError
    from mlops_cli.deployment.destroy import Destruction
    from mlops_cli.deployment.plan import Plan
    from mlops_cli.models.change import Wanted


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


def destroyer(*, yes: bool) -> Callable[[Destruction], bool]:
    """Shows what would be taken away and has the project's name typed."""

    def approve(doomed: Destruction) -> bool:
        if yes:
            return True
        if not output.is_terminal():
            return False
        output.show_on_stderr(doomed)
        question = f"Type `{doomed.project}` to take it out of `{doomed.environment}`: "
        return output.ask(question) == doomed.project

    return approve


def unlocker(*, yes: bool) -> Callable[[ConflictError], bool]:
    """Shows who holds the lock and asks whether to break it."""

    def approve(held: ConflictError) -> bool:
        if yes:
            return True
        if not output.is_terminal():
            return False
        output.show_error(held)
        return output.ask("Type `unlock` to break the lock: ") == "unlock"

    return approve


def model_changer(*, yes: bool) -> Callable[[Wanted], bool]:
    """Says what is to be done and has the environment's name typed."""

    def approve(wanted: Wanted) -> bool:
        if yes:
            return True
        if not output.is_terminal():
            return False
        question = f"Type `{wanted.environment}` to {wanted.text} in it: "
        return output.ask(question) == wanted.environment

    return approve
