"""How long work reports on itself without knowing who is looking."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


class Progress(Protocol):
    """Where a workflow says what it is doing."""

    def step(self, text: str) -> AbstractContextManager[None]:
        """Announce a piece of work that lasts as long as the context."""

    def note(self, text: str) -> None:
        """Say something worth keeping on the screen."""


class Silent:
    """A listener that shows nothing."""

    @contextmanager
    def step(self, text: str) -> Iterator[None]:  # noqa: ARG002 -- the port's signature
        """Announce nothing."""
        yield

    def note(self, text: str) -> None:
        """Say nothing."""
