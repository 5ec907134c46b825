"""What came of proving a project's gates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

CAUGHT: Final = "caught"
LET_THROUGH: Final = "let through"
OFF: Final = "off"
UNPROVEN: Final = "not proven"
VOID: Final = "void"
"""Good data did not pass either, so that a refusal says nothing."""
BROKEN: Final = "broken"
"""The gate crashed, or could not be tried."""
OUTCOMES: Final = (CAUGHT, LET_THROUGH, VOID, BROKEN, UNPROVEN, OFF)
_NO: Final = (LET_THROUGH, VOID, BROKEN)


@dataclass(frozen=True, slots=True)
class GateProof:
    """What one gate did with one defect."""

    gate: str
    about: str
    """What of the gate: a rule of its ruleset, or what a new model is held against."""
    defect: str
    outcome: str
    """`caught`, `let through`, `void`, `broken`, `not proven` or `off`."""
    said: str
    """The gate's own words, or the reason."""

    @property
    def failed(self) -> bool:
        """The gate is no gate: what it must stop gets past."""
        return self.outcome in _NO


@dataclass(frozen=True, slots=True)
class GatesReport:
    """All gates of a project, each with what it must stop."""

    project: str
    environment: str
    engine: str
    """What runs the environment's ruleset gates; the proof itself uses the local engine."""
    rows: int | None
    """Of the training data; None when rows were made up, because it is not on this machine."""
    proofs: tuple[GateProof, ...]
    seconds: float
    strict: bool
    kept: Path | None
    """Where the proof's files still are, when that was asked for."""
    exit_code: int

    @property
    def counts(self) -> dict[str, int]:
        """Outcome to how many there are of it."""
        return {
            outcome: sum(proof.outcome == outcome for proof in self.proofs) for outcome in OUTCOMES
        }

    @property
    def open_gates(self) -> tuple[str, ...]:
        """The gates that let something pass, each once."""
        return tuple(dict.fromkeys(proof.gate for proof in self.proofs if proof.failed))


def passed(proofs: tuple[GateProof, ...], *, strict: bool) -> bool:
    """Whether every gate bites; with nothing caught at all, none does."""
    if any(proof.failed for proof in proofs):
        return False
    if strict and any(proof.outcome == UNPROVEN for proof in proofs):
        return False
    return any(proof.outcome == CAUGHT for proof in proofs)
