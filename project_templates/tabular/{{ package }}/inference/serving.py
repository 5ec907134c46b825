"""The champion as inference uses it: proved to be what was registered, asked what it knows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import pyarrow as pa
from mlflow.models import Model as Logged
from mlflow.types import DataType, Schema

from .. import registry
from .._mlops.runtime import passport
from .._mlops.runtime.steps import Refused, Run

# What a column of the signature may be read from. Numbers become float64 before the model sees
# them, as they did in training.
_FITS = {
    DataType.double: (pa.types.is_floating, pa.types.is_integer),
    DataType.float: (pa.types.is_floating,),
    DataType.long: (pa.types.is_integer,),
    DataType.integer: (pa.types.is_integer,),
    DataType.boolean: (pa.types.is_boolean,),
    DataType.string: (pa.types.is_string, pa.types.is_large_string),
    DataType.datetime: (pa.types.is_timestamp, pa.types.is_date),
}


@dataclass(frozen=True)
class Serving:
    """The version in service."""

    version: str
    model: Any
    signature: Schema
    """The columns it was trained on."""

    @property
    def columns(self) -> list[str]:
        """What the model is given, in its order."""
        return [str(name) for name in self.signature.input_names()]

    def check_columns(self, read: pa.Schema) -> None:
        """Make sure that the rows have what the model was trained on.

        Raises:
            Refused: With the first column that is missing or of another type.
        """
        for wanted in self.signature.inputs:
            if wanted.name not in read.names:
                raise Refused(
                    f"version {self.version} was trained with the column `{wanted.name}`, and "
                    "`features` of mlops.yaml names it no more: train again"
                )
            kind = read.field(wanted.name).type
            fits = _FITS.get(wanted.type) if isinstance(wanted.type, DataType) else None
            if fits is not None and not any(one(kind) for one in fits):
                raise Refused(
                    f"version {self.version} was trained with `{wanted.name}` as "
                    f"{wanted.type}, and the rows have {kind}"
                )


def champion(run: Run) -> Serving | None:
    """The version the alias names; None before the first promotion.

    Raises:
        Refused: Its files are not those that were registered, or say of no columns.
    """
    found, name = registry.champion(run), run.settings.project
    if found is None:
        return None
    version = str(found.version)
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{name}/{version}"))
    _check_files(run, version, found.tags.get("model_sha256"), folder)
    logged = Logged.load(str(folder)).signature
    signature = logged.inputs if logged is not None else None
    if signature is None or not signature.has_input_names():
        raise Refused(f"{name} version {version} does not say which columns it was trained on")
    return Serving(version, mlflow.sklearn.load_model(str(folder)), signature)


def _check_files(run: Run, version: str, tagged: str | None, folder: Path) -> None:
    """Compare the model's files with the digest in the registry, and that with the passport's.

    A version that was registered before digests were taken has neither; it is let through. Where
    the passport has a digest, a tag that is gone is no way round it.
    """
    name = f"{run.settings.project} version {version}"
    recorded = {
        str(entry["model_sha256"])
        for entry in passport.read(run.kept(passport.NAME))
        if entry.get("event") == "registered"
        and str(entry.get("version")) == version
        and entry.get("model_sha256")
    }
    if tagged is None and not recorded:
        print(f"{name} was registered without a digest: its files cannot be checked")
        return
    if tagged is None or (recorded and tagged not in recorded):
        raise Refused(
            f"{name}: the registry says its files have the SHA-256 {tagged}, and the passport "
            f"{', '.join(sorted(recorded))}: nothing is predicted with it"
        )
    if (found := registry.digest_of(folder)) != tagged:
        raise Refused(
            f"{name}: its files in {folder} have the SHA-256 {found}, and {tagged} was "
            "registered: nothing is predicted with it"
        )
