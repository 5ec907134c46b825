"""The JSON Schema of `mlops.yaml`, for editors and for "did you mean"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """The schema as a command's result; in JSON it is itself."""

    document: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The schema."""
        return self.document


def json_schema() -> dict[str, Any]:
    """The schema, as JSON Schema 2020-12."""
    from .model import Project

    schema = Project.model_json_schema()
    schema["properties"].pop("root")
    schema["required"].remove("root")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema


def keys_at(path: tuple[str | int, ...]) -> list[str]:
    """The keys that may stand below a place, named as pydantic names it (see `place_in_file`)."""
    _, node, schema = _walk(path)
    kinds = node.get("oneOf", [node])
    return list({key: 0 for kind in kinds for key in _resolve(kind, schema).get("properties", {})})


def place_in_file(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """A place as the file has it: pydantic also puts the kind of a section in front of its keys."""
    return _walk(path)[0]


def _walk(
    path: tuple[str | int, ...],
) -> tuple[tuple[str | int, ...], dict[str, Any], dict[str, Any]]:
    schema = json_schema()
    node: dict[str, Any] = schema
    plain: list[str | int] = []
    for part in path:
        node = _resolve(node, schema)
        kinds = node.get("discriminator", {}).get("mapping", {})
        if part in kinds:
            node = {"$ref": kinds[part]}
            continue
        plain.append(part)
        node = node.get("properties", {}).get(part) or node.get("additionalProperties") or {}
    return tuple(plain), _resolve(node, schema), schema


def _resolve(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node or "anyOf" in node:
        # Of the alternatives, the first: the second is that there is nothing.
        node = node["anyOf"][0] if "anyOf" in node else schema["$defs"][node["$ref"].split("/")[-1]]
    return node
