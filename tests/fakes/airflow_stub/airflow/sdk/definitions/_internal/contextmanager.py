from __future__ import annotations

from typing import ClassVar


class DagContext:
    autoregistered_dags: ClassVar[set[tuple[object, object]]] = set()
