"""What a run is given: read strictly, and checked against what the DAG knows."""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from mlops_cli.core.errors import UsageError
from mlops_cli.core.redact import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops_cli.environments.port import DagInfo

LIMIT_BYTES: Final = 64 * 1024
_DEPTH: Final = 20
_RUN_ID = re.compile(r"[A-Za-z0-9_.~:+-]+")
_RUN_ID_LENGTH: Final = 100
# Airflow tells the kinds of runs apart by these.
_AIRFLOWS_OWN: Final = ("scheduled__", "backfill__", "asset_triggered__", "manual__")


def read_conf(given: Sequence[str]) -> dict[str, Any]:
    """Put together all `--conf` values: `key=value`, `@file.json` or a JSON object.

    Raises:
        UsageError: One of them cannot be meant; nothing is guessed.
    """
    conf: dict[str, Any] = {}
    for text in given:
        for key, value in _one(text).items():
            if key in conf:
                raise UsageError(f"Could not read `--conf`: `{key}` is given twice")
            conf[key] = value
    size = len(json.dumps(conf).encode())
    if size > LIMIT_BYTES:
        raise UsageError(
            f"Could not read `--conf`: it has {size} bytes, and {LIMIT_BYTES} are the most",
            hint="Put the data in a file or a bucket, and pass its URI",
        )
    _check(conf, 1)
    return conf


def check_conf(conf: Mapping[str, Any], dag: DagInfo) -> None:
    """Refuse keys the DAG has no parameter for: Airflow would take them without a word.

    Raises:
        UsageError: With what may have been meant.
    """
    for key in conf:
        if key in dag.params:
            continue
        near = difflib.get_close_matches(key, dag.params, n=1)
        known = ", ".join(f"`{name}`" for name in dag.params) or "none"
        raise UsageError(
            f"Could not trigger `{dag.dag_id}`: it has no parameter `{printable(key)}`",
            hint=f"Did you mean `--conf {near[0]}=…`?" if near else f"Its parameters: {known}",
        )


def check_run_id(run_id: str) -> str:
    """A run id as given by the user, when Airflow and its databases can all take it.

    Raises:
        UsageError: They cannot.
    """
    shown = ascii(run_id[:60])[1:-1]
    if not _RUN_ID.fullmatch(run_id):
        raise UsageError(
            f"Could not use `{shown}` as a run id: only letters, digits and `_.~:+-` are allowed",
            hint="Leave `--run-id` out to have one made",
        )
    if len(run_id) > _RUN_ID_LENGTH:
        raise UsageError(
            f"Could not use `{shown}…` as a run id: it has {len(run_id)} characters, "
            f"and {_RUN_ID_LENGTH} are the most"
        )
    if run_id.startswith(_AIRFLOWS_OWN):
        raise UsageError(f"Could not use `{shown}` as a run id: Airflow uses such names itself")
    return run_id


def _one(text: str) -> dict[str, Any]:
    if text.startswith("@"):
        return _json_object(_read(Path(text[1:])), text)
    if text.lstrip().startswith(("{", "[")):
        return _json_object(text, "its value")
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UsageError(
            f"Could not read `--conf {_shown(text)}`: it is neither `key=value`, "
            "`@file.json` nor a JSON object",
            hint="Write for example `--conf rows=500`",
        )
    try:
        return {key.strip(): _loads(value)}
    except (ValueError, RecursionError):
        return {key.strip(): value}  # plain text needs no quotes


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(LIMIT_BYTES + 1)
        if len(data) > LIMIT_BYTES:
            raise UsageError(
                f"Could not read `--conf @{path}`: more than {LIMIT_BYTES} bytes are too many"
            )
        return data.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"Could not read `--conf @{path}`: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"Could not read `--conf @{path}`: it is not UTF-8 text") from error


def _json_object(text: str, what: str) -> dict[str, Any]:
    try:
        value = _loads(text)
    except RecursionError as error:
        raise UsageError(f"Could not read `--conf`: {what} is nested too deeply") from error
    except ValueError as error:
        raise UsageError(f"Could not read `--conf`: {what} is no JSON ({error})") from error
    if not isinstance(value, dict):
        raise UsageError(
            f"Could not read `--conf`: {what} must be a JSON object, with names for its values"
        )
    return value


def _loads(text: str) -> Any:  # noqa: ANN401 -- any JSON
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise UsageError(f"Could not read `--conf`: the key `{_shown(key)}` stands there twice")
        found[key] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise UsageError(f"Could not read `--conf`: `{name}` is no JSON number")


def _check(value: Any, depth: int) -> None:  # noqa: ANN401 -- any JSON
    if depth > _DEPTH:
        raise UsageError("Could not read `--conf`: it is nested too deeply")
    if isinstance(value, dict):
        for key, item in value.items():
            _check(key, depth)
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
    elif isinstance(value, str) and ("\0" in value or not _encodes(value)):
        raise UsageError("Could not read `--conf`: it holds a character no database takes")


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(text: str) -> str:
    return printable(text[:60])
