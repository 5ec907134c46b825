"""Renders a template; the only file that knows Copier. Trust stays off, nothing is asked."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.errors import NotAllowedError, ProjectError

from .catalog import FOLDER, QUESTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# What tools leave behind in a checkout that somebody works on.
_LEFT_BEHIND: Final = {"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".venv"}
ANSWERS: Final = ".copier-answers.yml"
_ANSWERS_TEXT: Final = "{{ _copier_answers | to_nice_yaml(indent=2, sort_keys=False) }}"


def render(source: Path, template: str, into: Path, *, answers: Mapping[str, Any]) -> None:
    """Write what the template makes of the answers into the folder `into`.

    The template is first copied beside `into`: Copier would clone a source that is a git
    repository, and a copy holds nothing but what belongs to the template.

    Args:
        source: The folder with `copier.yml`.
        template: The template's name.
        into: The folder to write; its parent is ours alone.
        answers: Question to answer; the template's defaults fill the rest.

    Raises:
        NotAllowedError: The template asks for more than text: tasks, extensions, paths outside.
        ProjectError: It cannot be rendered with these answers.
        OSError: A file could not be written.
    """
    staged = into.with_name("template")
    copy_template(source, template, staged)
    _run(staged, into, dict(answers))
    check_paths(into)


def copy_template(source: Path, template: str, to: Path) -> None:
    """Copy one template with its questions, and ask for a record of the answers.

    Raises:
        NotAllowedError: There is a link in it.
        OSError: A file could not be read or written.
    """
    top, folder = source / FOLDER / template, to / FOLDER / template
    folder.mkdir(parents=True)
    for path in sorted(top.rglob("*")):
        name = path.relative_to(top)
        if _LEFT_BEHIND & set(name.parts):
            continue
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise NotAllowedError(
                f"Could not render the template: `{name}` is neither a file nor a folder"
            )
        if path.is_dir():
            (folder / name).mkdir()
        else:
            shutil.copy(path, folder / name)
    shutil.copyfile(source / QUESTIONS, to / QUESTIONS)
    (folder / f"{ANSWERS}.jinja").write_text(_ANSWERS_TEXT, encoding="utf-8")


def _run(source: Path, into: Path, answers: dict[str, Any]) -> None:
    from copier import Settings, run_copy
    from copier.errors import CopierError, ForbiddenPathError, UnsafeTemplateError
    from jinja2 import TemplateError
    from plumbum import local

    try:
        # Copier asks git about every file it writes, and git reads the user's configuration.
        # What is rendered is no repository yet, so there is nothing to ask.
        with local.env(PATH=os.devnull):
            run_copy(
                str(source),
                into,
                data=answers,
                defaults=True,
                overwrite=True,
                quiet=True,
                unsafe=False,
                cleanup_on_error=False,
                settings=Settings(),
            )
    except (UnsafeTemplateError, ForbiddenPathError) as error:
        raise NotAllowedError(f"Could not render the template: {_reason(error)}") from error
    except (CopierError, TemplateError, ValueError) as error:
        raise ProjectError(f"Could not render the template: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def check_paths(root: Path) -> None:
    """Make sure that a tree holds only files and folders, all of them its own.

    Raises:
        NotAllowedError: There is a link, a special file or a way out of the folder.
    """
    top = root.resolve()
    for path in sorted(root.rglob("*")):
        shown = ascii(str(path.relative_to(root)))[1:-1]
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise NotAllowedError(
                f"Could not render the template: `{shown}` is neither a file nor a folder"
            )
        if not path.resolve().is_relative_to(top):
            raise NotAllowedError(f"Could not render the template: `{shown}` leaves the project")
