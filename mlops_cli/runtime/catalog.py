"""What the Glue catalog has to know of a Parquet file: its columns, with the types of Hive."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .steps import Refused, local_path

if TYPE_CHECKING:
    from .steps import Run

_TYPES: Final = {
    "bool": "boolean",
    "int8": "tinyint",
    "int16": "smallint",
    "int32": "int",
    "int64": "bigint",
    "float": "float",
    "double": "double",
    "string": "string",
    "large_string": "string",
    "date32[day]": "date",
}
_DECIMAL: Final = re.compile(r"decimal128\((\d+, \d+)\)")


def columns(run: Run, *, data: str) -> list[dict[str, str]]:  # noqa: ARG001 -- every step takes it
    """List the columns of a Parquet file as the Glue catalog takes them.

    Args:
        run: The pipeline run.
        data: URI of the file.

    Raises:
        Refused: A column is of a type that the catalog has no word for.
    """
    import pyarrow.parquet as pq

    schema = pq.read_schema(local_path(data))
    found = {field.name: _hive(str(field.type)) for field in schema}
    if unknown := [f"{name} ({schema.field(name).type})" for name in found if not found[name]]:
        raise Refused(f"{data}: the Glue catalog has no type for {', '.join(unknown)}")
    return [{"Name": name, "Type": kind} for name, kind in found.items()]


def _hive(arrow: str) -> str:
    if arrow.startswith("timestamp["):
        return "timestamp"
    if decimal := _DECIMAL.fullmatch(arrow):
        return f"decimal({decimal[1].replace(' ', '')})"
    if arrow.startswith("dictionary<values=string,"):
        return "string"
    return _TYPES.get(arrow, "")
