"""How a verb becomes a command: the common options, and its result on the screen."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Annotated, Any, Final, get_type_hints

import typer

from mlops_cli import presentation

if TYPE_CHECKING:
    from collections.abc import Callable

_COMMON: Final[dict[str, tuple[Any, Any]]] = {
    "json": (
        Annotated[
            bool, typer.Option("--json", help="Print the result as JSON.", rich_help_panel="Output")
        ],
        False,
    ),
    "quiet": (
        Annotated[
            bool,
            typer.Option(
                "--quiet", "-q", help="No progress, only results.", rich_help_panel="Output"
            ),
        ],
        False,
    ),
    "debug": (
        Annotated[
            bool,
            typer.Option("--debug", help="Show tracebacks of errors.", rich_help_panel="Output"),
        ],
        False,
    ),
}


def command(
    app: typer.Typer,
    name: str | None = None,
    *,
    panel: str | None = None,
    epilog: str | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., None]]:
    """Register a verb that returns its result; the result is rendered and its code is the exit's.

    Args:
        app: Where the command goes.
        name: What it is called; by default the function's name.
        panel: The heading it stands under in `--help`.
        epilog: Examples, shown below the options.
    """

    def register(verb: Callable[..., Any]) -> Callable[..., None]:
        # The result's type is imported by the verb itself, so its name is unknown here.
        verb.__annotations__.pop("return", None)
        hints = get_type_hints(verb, include_extras=True)
        signature = inspect.signature(verb)

        @functools.wraps(verb)
        def run(**arguments: Any) -> None:  # noqa: ANN401 -- whatever the verb takes
            common = {option: bool(arguments.pop(option)) for option in _COMMON}
            presentation.configure(**common)
            raise typer.Exit(presentation.show(verb(**arguments)))

        own = [p.replace(annotation=hints[p.name]) for p in signature.parameters.values()]
        shared = [
            inspect.Parameter(
                option, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind
            )
            for option, (kind, default) in _COMMON.items()
        ]
        own = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
        run.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]  # read by Typer
        run.__annotations__ = {p.name: p.annotation for p in [*own, *shared]}
        app.command(name, rich_help_panel=panel, epilog=epilog)(run)
        return run

    return register
