"""The project under proof: its modules, a run in a folder of its own, its data."""

from __future__ import annotations

import contextlib
import io
import traceback
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CAUGHT: Final = "caught"
LET_THROUGH: Final = "let through"
OFF: Final = "off"
UNPROVEN: Final = "not proven"
VOID: Final = "void"
"""Good data did not pass: then a refusal of bad data says nothing."""
BROKEN: Final = "broken"
"""The gate crashed, or could not be tried."""


@dataclass(frozen=True)
class Proof:
    """What a gate did with a defect."""

    gate: str
    about: str
    """What of the gate: a rule, a setting."""
    defect: str
    outcome: str
    said: str = ""
    """The gate's own words, or why there is no proof."""


class Stage:
    """Where the gates of one project are tried."""

    def __init__(self, root: Path, package: str, folder: Path) -> None:
        """Load the project's settings.

        Args:
            root: The project.
            package: Its package.
            folder: Everything the proof writes goes here.
        """
        self.root, self.package, self.folder = root, package, folder
        settings = self.module("_mlops.runtime.settings")
        paths = settings.Paths(
            python="",
            runs=(folder / "runs").as_uri(),
            data=(folder / "data").as_uri(),
            tracking_uri=f"sqlite:///{folder}/mlflow.db",
            artifacts=(folder / "artifacts").as_uri(),
        )
        found = settings.load(root)
        # Labels are looked for below our own folder: nobody's own are read, or written over.
        watched = replace(found.monitoring, labels=None)
        self.settings = replace(found, paths=paths, monitoring=watched)
        self.steps = self.module("_mlops.runtime.steps")
        self.refused: type[Exception] = self.steps.Refused

    @property
    def model(self) -> Any:  # noqa: ANN401 -- the project's own type
        """The `model:` section of `mlops.yaml`."""
        return self.settings.model

    def module(self, name: str) -> Any:  # noqa: ANN401 -- a module of the project
        """A module of the project's package."""
        return import_module(f"{self.package}.{name}")

    def step(self, name: str) -> Any:  # noqa: ANN401 -- a function of the project
        """A step of the project's pipelines, from wherever the project says that it is."""
        return getattr(self.module(self.module("__main__").STEPS[name]), name)

    def run(self, name: str) -> Any:  # noqa: ANN401 -- the project's own type
        """A pipeline run with a folder of its own."""
        return self.steps.Run(
            self.settings, self.root, name, (self.folder / "runs" / name).as_uri()
        )


@contextlib.contextmanager
def quiet() -> Iterator[io.StringIO]:
    """Keep what steps print: a task's log is no place in a table."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        yield said


def tried(proofs: Iterator[Proof], gate: str, about: str) -> Iterator[Proof]:
    """The proofs of a gate; where it crashes, that is said, and the other gates are still tried."""
    try:
        yield from proofs
    except Exception as error:  # noqa: BLE001 -- said, not raised
        yield Proof(gate, about, "–", BROKEN, why(error))


def why(error: BaseException) -> str:
    """The last line of an error."""
    return traceback.format_exception_only(error)[-1].strip()
