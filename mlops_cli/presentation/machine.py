"""Results and errors as JSON: a stable shape with a schema number, one object on stdout."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.exits import Exit
from mlops_cli.core.redact import redact

if TYPE_CHECKING:
    from mlops_cli.core.errors import MlopsError

SCHEMA: Final = 1


def dumps(result: object) -> str:
    """A result as one JSON object with `schema` and `kind`."""
    body = plain(result)
    content = body if isinstance(body, dict) else {"value": body}
    return _dump({"schema": SCHEMA, "kind": type(result).__name__, **content})


def error(failure: MlopsError) -> str:
    """An error as one JSON object."""
    return _dump(
        {
            "schema": SCHEMA,
            "kind": "Error",
            "error": {
                "type": type(failure).__name__,
                "exit_code": int(failure.exit_code),
                "message": failure.message,
                "at": str(failure.at) if failure.at else None,
                "state": failure.state,
                "hint": failure.hint,
                "diagnostics": plain(failure.diagnostics),
            },
        }
    )


def interrupted(code: int) -> str:
    """Ctrl-C, or a signal to end, as one JSON object."""
    body = {"type": "Interrupted", "exit_code": code, "message": "interrupted"}
    return _dump({"schema": SCHEMA, "kind": "Error", "error": body})


def crash(report: str | None) -> str:
    """A bug of ours as one JSON object."""
    body = {"type": "Bug", "exit_code": int(Exit.BUG), "message": "mlops crashed", "report": report}
    return _dump({"schema": SCHEMA, "kind": "Error", "error": body})


def plain(value: Any) -> Any:  # noqa: ANN401 -- any result, any JSON
    """A value as what JSON knows; dataclasses by their fields, `to_dict` where there is one."""
    if hasattr(value, "to_dict"):
        return plain(value.to_dict())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    return value


def _dump(body: dict[str, Any]) -> str:
    # Masked before it is quoted, or a secret with a quote in it would pass. In ASCII, so that no
    # locale breaks it and no control character of a name or a log reaches a terminal.
    return json.dumps(_masked(body), indent=2, default=str)


def _masked(value: Any) -> Any:  # noqa: ANN401 -- any JSON
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact(key): _masked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return value
