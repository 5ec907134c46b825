"""The result of a check as one page that needs no network: `mlops quality check --html`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .charts import shown
from .view import FileView, Material, Rows, file_view, material, rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

__all__ = ["FileView", "Material", "Rows", "file_view", "marked", "material", "rows_of", "to_html"]
_CODE: Final = re.compile(r"`([^`]+)`")
_TEMPLATE: Final = Path(__file__).with_name("page.html.j2")


def to_html(ruleset: str, files: Sequence[FileView]) -> str:
    """Write the page; all of what it shows is in it, and whatever the data says stays text."""
    import jinja2

    from .charts import HEIGHT, WIDTH

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["marked"] = marked
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(ruleset=shown(ruleset), files=files, width=WIDTH, height=HEIGHT)


def marked(message: str) -> Markup:
    """What stands between backticks is code; the text itself is escaped first."""
    from markupsafe import Markup, escape

    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(message))))  # noqa: S704 -- escaped
