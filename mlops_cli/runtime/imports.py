"""Imports that last as long as the process, at the price of imports alone."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def lasting_imports() -> Iterator[None]:
    """Import modules without looking for garbage among them, neither now nor when Python ends.

    They make much and none of it is garbage: to search it takes a tenth of the time of a small
    gate. What is made afterwards is searched as ever.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()
