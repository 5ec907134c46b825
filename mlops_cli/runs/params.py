"""Checks what a run is given against the schemas of the DAG's own parameters.

A part of JSON Schema: what people write in `Param(…)`. Keywords that are not known here are left
to Airflow, which refuses a run that breaks them.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.errors import UsageError
from mlops_cli.core.redact import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlops_cli.environments.port import DagInfo

_SHOWN: Final = 60
_TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: _is_number(value) and float(value).is_integer(),
    "number": lambda value: _is_number(value),  # noqa: PLW0108 -- it is defined below
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
_SMALLEST: Final[tuple[tuple[str, str, Callable[[Any, Any], bool]], ...]] = (
    ("minimum", "at least", lambda value, bound: value >= bound),
    ("maximum", "at most", lambda value, bound: value <= bound),
    ("exclusiveMinimum", "more than", lambda value, bound: value > bound),
    ("exclusiveMaximum", "less than", lambda value, bound: value < bound),
)


def check_values(conf: Mapping[str, Any], dag: DagInfo) -> None:
    """Refuse values that break the schema of their parameter, and parameters left without one.

    Raises:
        UsageError: With the parameter, its value, and what it has to be.
    """
    for name, param in dag.params.items():
        if not isinstance(param, dict) or not isinstance(param.get("schema"), dict):
            continue
        schema = param["schema"]
        value = conf[name] if name in conf else param.get("value")
        problem = broken(value, schema)
        if problem is None:
            continue
        if name in conf:
            raise UsageError(
                f"Could not trigger `{dag.dag_id}`: its parameter `{printable(name)}` "
                f"must be {problem}, and is {_json(value)}",
                hint=f"Write `--conf {printable(name)}=…`{_described(param)}",
            )
        raise UsageError(
            f"Could not trigger `{dag.dag_id}`: its parameter `{printable(name)}` needs a value, "
            f"which must be {problem}",
            hint=f"Give it one: `--conf {printable(name)}=…`{_described(param)}",
        )


def broken(value: Any, schema: Mapping[str, Any]) -> str | None:  # noqa: ANN401 -- any JSON
    """What a value has to be and is not; None when it is all right."""
    for rule in (_by_type, _by_choice, _by_size, _by_text, _by_items, _by_alternatives):
        problem = rule(value, schema)
        if problem is not None:
            return problem
    return None


def _by_type(value: Any, schema: Mapping[str, Any]) -> str | None:  # noqa: ANN401
    kinds = schema.get("type", ())
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not kinds or any(_TYPES.get(kind, lambda _: True)(value) for kind in kinds):
        return None
    return " or ".join(f"of type {kind}" if kind != "null" else "null" for kind in kinds)


def _by_choice(value: Any, schema: Mapping[str, Any]) -> str | None:  # noqa: ANN401
    if "enum" in schema and not any(_same(value, one) for one in schema["enum"]):
        return "one of " + ", ".join(_json(one) for one in schema["enum"])
    if "const" in schema and not _same(value, schema["const"]):
        return _json(schema["const"])
    return None


def _by_size(value: Any, schema: Mapping[str, Any]) -> str | None:  # noqa: ANN401
    if not _is_number(value):
        return None
    for keyword, words, holds in _SMALLEST:
        if _is_number(schema.get(keyword)) and not holds(value, schema[keyword]):
            return f"{words} {schema[keyword]}"
    return None


def _by_text(value: Any, schema: Mapping[str, Any]) -> str | None:  # noqa: ANN401
    if not isinstance(value, str):
        return None
    if len(value) < schema.get("minLength", 0):
        return f"text of at least {schema['minLength']} characters"
    if len(value) > schema.get("maxLength", len(value)):
        return f"text of at most {schema['maxLength']} characters"
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        try:
            found = re.search(pattern, value)
        except re.error:
            return None  # not Python's dialect: Airflow's to judge
        if found is None:
            return f"text that `{printable(pattern)}` matches"
    return None


def _by_items(value: Any, schema: Mapping[str, Any]) -> str | None:  # noqa: ANN401
    if not isinstance(value, list):
        return None
    if len(value) < schema.get("minItems", 0):
        return f"a list of at least {schema['minItems']}"
    if len(value) > schema.get("maxItems", len(value)):
        return f"a list of at most {schema['maxItems']}"
    if isinstance(schema.get("items"), dict):
        problems = (broken(item, schema["items"]) for item in value)
        problem = next((found for found in problems if found), None)
        return problem and f"a list of what is {problem}"
    return None


def _by_alternatives(value: Any, schema: Mapping[str, Any]) -> str | None:  # noqa: ANN401
    for keyword in ("anyOf", "oneOf"):
        choices = [one for one in schema.get(keyword, ()) if isinstance(one, dict)]
        problems = [broken(value, one) for one in choices]
        if problems and all(problems):
            return ", or ".join(problem for problem in problems if problem)
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(one: Any, other: Any) -> bool:  # noqa: ANN401
    return (type(one) is type(other) and one == other) or (
        _is_number(one) and _is_number(other) and bool(one == other)
    )


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return f"`{printable(text if len(text) <= _SHOWN else text[:_SHOWN] + '…')}`"


def _described(param: Mapping[str, Any]) -> str:
    said = param.get("description")
    return f": {printable(' '.join(said.split()))}" if isinstance(said, str) and said else ""
