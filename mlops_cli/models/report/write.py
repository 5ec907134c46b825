"""Writes the overview page of a model: one file that needs no network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_cli.checks.quality.page import marked
from mlops_cli.core.files import write_atomic
from mlops_cli.models.naming import own_model

from .gathering import gather
from .versions import champion, waiting
from .view import view

if TYPE_CHECKING:
    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.project.model import Project

    from .gathering import Material
    from .summary import Missing
    from .view import View

_TEMPLATE: Final = Path(__file__).with_name("page.html.j2")


@dataclass(frozen=True, slots=True)
class ModelReport:
    """An overview page, and the numbers on it that count."""

    model: str
    environment: str
    page: Path
    champion: int | None
    versions: int
    waiting: tuple[int, ...]
    """Versions that wait for an approval."""
    windows: int
    broke: int
    newest_broke: bool | None
    """Whether the newest window did; None when there is none."""
    retrainings: int
    quarantined: int
    retrain_by_days: int | None
    """The age at which the family's models are more often not accurate than accurate."""
    passport_broken: int | None
    """The number of the first entry that does not follow the one before it."""
    missing: tuple[Missing, ...]
    notes: tuple[str, ...]
    """What could not be read."""


def report(
    project: Project,
    model: str | None,
    environment: str,
    *,
    output: Path | None,
    progress: Progress,
    clock: Clock,
) -> ModelReport:
    """Write the overview page of a model.

    Args:
        project: Whose model.
        model: Its name; by default the project's.
        environment: Where it serves.
        output: The file; by default one in the project's `.mlops/`, which git does not keep.
        progress: Told what happens.
        clock: For the page's date.

    Raises:
        UsageError: There is no such environment, or the model is another project's.
        UnavailableError: The registry could not be read.
    """
    name = own_model(project.within(environment), model)
    material = gather(project, environment, progress=progress, clock=clock)
    shown = view(material)
    page = output or project.root / ".mlops" / f"report-{environment}.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(page, to_html(shown))
    return _result(name, material, shown, page.resolve())


def to_html(shown: View) -> str:
    """The page; whatever the data says stays text."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["marked"] = marked
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(view=shown)


def _result(name: str, material: Material, shown: View, page: Path) -> ModelReport:
    serving, windows = champion(material), material.windows
    return ModelReport(
        model=name,
        environment=material.environment,
        page=page,
        champion=serving.version if serving else None,
        versions=len(shown.versions),
        waiting=waiting(material),
        windows=len(windows),
        broke=sum(bool(window["broke"]) for window in windows),
        newest_broke=bool(windows[-1]["broke"]) if windows else None,
        retrainings=sum(bool(one.get("retrain")) for one in material.decisions),
        quarantined=len(material.quarantine),
        retrain_by_days=(material.ageing or {}).get("retrain_by_days"),
        passport_broken=material.history.broken if material.history else None,
        missing=tuple(shown.missing.values()),
        notes=shown.notes,
    )
