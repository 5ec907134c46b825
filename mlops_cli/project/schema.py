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
    """The keys that may stand below `path`."""
    schema = json_schema()
    node: dict[str, Any] = schema
    for part in path:
        node = _resolve(node, schema)
        node = node.get("properties", {}).get(part) or node.get("additionalProperties") or {}
    return list(_resolve(node, schema).get("properties", {}))


def _resolve(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return node
