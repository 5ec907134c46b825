"""Many requests at once, in threads that never keep the process from ending."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_Item = TypeVar("_Item")


def each(work: Callable[[_Item], None], items: Iterable[_Item], *, threads: int) -> None:
    """Do `work` on every item; the first failure ends it and is raised.

    The threads are daemons: after Ctrl-C the process ends at once, whatever a server makes them
    wait for. (`concurrent.futures` would wait for them.)
    """
    waiting = list(items)
    todo: queue.SimpleQueue[_Item] = queue.SimpleQueue()
    for item in waiting:
        todo.put(item)
    done: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    stop = threading.Event()

    def run() -> None:
        try:
            while not stop.is_set():
                work(todo.get_nowait())
        except queue.Empty:
            done.put(None)
        except BaseException as error:  # noqa: BLE001 -- raised again by the caller
            done.put(error)
        else:
            done.put(None)

    count = min(threads, len(waiting))
    for _ in range(count):
        threading.Thread(target=run, daemon=True).start()
    try:
        for _ in range(count):
            if (error := done.get()) is not None:
                raise error
    finally:
        stop.set()
