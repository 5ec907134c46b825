"""Writes a new project: all of it or nothing, by one rename at the end."""

from __future__ import annotations

import ast
import errno
import os
import shlex
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_cli import __version__
from mlops_cli.core.errors import ConflictError, ProjectError
from mlops_cli.project.loader import examine
from mlops_cli.project.names import project_name
from mlops_cli.project.paths import MANIFEST, QUALITY_TOOLS, quality_lock

from . import catalog, engine, repository, vendoring
from .workshop import workshop

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_cli.core.diagnostics import Diagnostic
    from mlops_cli.core.progress import Progress
    from mlops_cli.project.model import Project

    from .dataset import Dataset, Found

_ROOM_BYTES: Final = 64 * 1024
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """What the user wants, checked."""

    values: Mapping[str, Any] = field(default_factory=dict)
    """Question to answer; the template's defaults fill the rest."""
    dataset: Dataset | None = None
    """The data the project is made for; None is the template's own example."""
    command: tuple[str, ...] = ()
    """The options that give the same answers again."""
    git: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class NewProject:
    """A project that was written."""

    name: str
    path: Path
    template: str
    package: str
    mlops: str
    files: tuple[str, ...]
    next_steps: tuple[str, ...]
    command: str
    """The command line that writes the same project again."""
    repository: repository.Repository
    found: Found | None
    """What was seen in the data; None without `--data`."""
    warnings: tuple[str, ...]


def create(
    name: str,
    *,
    template: str,
    into: Path,
    answers: Answers,
    progress: Progress,
    source: Path | None = None,
) -> NewProject:
    """Write the project `into/name`.

    It is rendered in a folder beside the target and renamed at the end, with its repository and
    all; whoever is stopped, killed or out of space before that leaves nothing.

    Args:
        name: The project's name, as typed.
        template: Which template.
        into: The folder the project's own folder is made in.
        answers: What the user wants.
        progress: Where to say what is being done.
        source: The folder with `copier.yml`; by default the installed one.

    Raises:
        ProjectError: The name, an answer or the place cannot be used.
        UsageError: There is no such template.
        NotAllowedError: The template tries more than to render text.
        ConflictError: There is something of that name already.
    """
    package = project_name(name)
    source = source or catalog.locate()
    catalog.find(template, source)
    target = into.absolute() / package
    _refuse_existing(target)
    if not into.is_dir():
        raise ProjectError(
            f"Could not create `{package}`: there is no folder `{into}`",
            hint=f"mkdir -p {shlex.quote(str(into))}",
        )
    values = dict(answers.values) | {"template": template, "name": package, "package": package}
    try:
        with workshop(target.parent) as folder:
            built = folder / "project"
            with progress.step(f"Writing `{package}`"):
                engine.render(source, template, built, answers=values)
                _complete(built, package, template=template, dataset=answers.dataset)
                files = _files(built)
            state, warning = _start_repository(built, answers)
            _publish(built, target)
    except OSError as error:
        raise _storage_error(error, target, source / catalog.FOLDER / template) from error
    except KeyboardInterrupt:
        made = target.exists()
        progress.note(f"`{target}` is complete" if made else "Nothing was created")
        raise
    dataset = answers.dataset
    said = _renamed(name, package)
    return NewProject(
        name=package,
        path=target,
        template=template,
        package=package,
        mlops=__version__,
        files=files,
        next_steps=_next_steps(target),
        command=_command(package, template=template, into=into, answers=answers),
        repository=state,
        found=dataset.found if dataset else None,
        warnings=(*said, *(dataset.warnings if dataset else ()), *((warning,) if warning else ())),
    )


def _start_repository(built: Path, answers: Answers) -> tuple[repository.Repository, str | None]:
    if not answers.git:
        return repository.Repository.NONE, None
    workshop_folder = built.parent
    state, warning = repository.start(built, beside=workshop_folder.parent)
    if state is repository.Repository.NONE:
        shutil.rmtree(built / ".git", ignore_errors=True)
    if warning:
        # Git only says that it failed. If the disk is full, that is the thing to tell.
        (workshop_folder / "room").write_bytes(bytes(_ROOM_BYTES))
    return state, warning


def _complete(root: Path, package: str, *, template: str, dataset: Dataset | None) -> None:
    vendoring.vendor(root / package)
    if dataset:
        dataset.write(root)
    _sign_answers(root, template)
    engine.check_paths(root)
    if not (root / ".gitignore").is_file():
        raise ProjectError(f"Could not use the template `{template}`: it has no `.gitignore`")
    _check_python(root, template)
    project, problems = examine(root)
    if project is not None:
        _lock_tools(project)
    if problems:
        at_home = tuple(_at_home(problem, root, package) for problem in problems)
        raise ProjectError(
            f"Could not create `{package}`: the answers make no valid `{MANIFEST}`",
            diagnostics=at_home,
            state="nothing was created",
        )


def _lock_tools(project: Project) -> None:
    """Give the project the lock of each tool that runs gates in one of its environments."""
    from mlops_cli.quality.exporters import lock_file

    engines = {spec.quality for spec in project.environments.values()}
    for tool in engines.intersection(QUALITY_TOOLS):
        shutil.copyfile(lock_file(tool), project.root / quality_lock(tool))


def _check_python(root: Path, template: str) -> None:
    """An answer must not be able to end a text in the code and begin something else."""
    for path in sorted(root.rglob("*.py")):
        if vendoring.FOLDER in path.parts:
            continue
        try:
            compile(path.read_bytes(), str(path), "exec", flags=ast.PyCF_ONLY_AST)
        except (SyntaxError, ValueError) as error:
            shown = path.relative_to(root)
            raise ProjectError(
                f"Could not create the project: `{shown}` of the template `{template}` does not "
                "parse with these answers",
                state="nothing was created",
            ) from error


def _at_home(problem: Diagnostic, root: Path, package: str) -> Diagnostic:
    """A problem with the path the user would know, not the folder it was built in."""
    if problem.at is None:
        return problem
    path = Path(package) / problem.at.path.relative_to(root)
    return replace(problem, at=replace(problem.at, path=path))


def _sign_answers(root: Path, template: str) -> None:
    """Record the template by name and version: where it lay on this machine helps nobody."""
    path = root / engine.ANSWERS
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(("_src_path:", "_commit:"))]
    while kept and not kept[-1].strip():
        kept.pop()
    signed = [f"_commit: {__version__}", f"_src_path: mlops:{template}", *kept]
    path.write_text("\n".join(signed) + "\n", encoding="utf-8")


def _files(root: Path) -> tuple[str, ...]:
    found = (path for path in root.rglob("*") if path.is_file())
    return tuple(sorted(path.relative_to(root).as_posix() for path in found))


def _refuse_existing(target: Path) -> None:
    if not os.path.lexists(target):
        return
    inside = ""
    if target.is_dir() and not target.is_symlink():
        names = sorted(path.name for path in target.iterdir())
        shown = ", ".join(f"`{name}`" for name in names[:3])
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        inside = f" (it holds {shown}{more})" if names else " (an empty folder)"
    raise ConflictError(
        f"Could not create `{target.name}`: `{target}` exists already{inside}",
        hint=f"Choose another folder: `mlops new {target.name} --into DIR`",
        state="nothing was changed",
    )


def _publish(built: Path, target: Path) -> None:
    """The one step that makes the project exist.

    A rename onto a folder with content, a file or a link fails by itself; onto an empty folder it
    would succeed, which the look just before it makes as good as impossible.
    """
    _refuse_existing(target)
    try:
        built.rename(target)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            _refuse_existing(target)
        raise


def _storage_error(error: OSError, target: Path, template: Path) -> ProjectError:
    reason = error.strerror or str(error)
    hint = None
    if error.errno in _NO_ROOM:
        # The template is there twice while it is rendered, beside what is vendored.
        needed = 2 * sum(path.stat().st_size for path in template.rglob("*") if path.is_file())
        needed += sum(len(content) for content in vendoring.current().values())
        reason = f"no space left on `{target.parent}`: it needs about {needed // 1024 + 64} KB"
        hint = f"Make room, or choose another folder: `mlops new {target.name} --into DIR`"
    elif error.filename:
        reason = f"{reason} (`{_shown(error.filename)}`)"
    return ProjectError(
        f"Could not create `{target.name}`: {reason}", hint=hint, state="nothing was created"
    )


def _shown(path: object) -> str:
    return ascii(os.fsdecode(path) if isinstance(path, bytes) else str(path))[1:-1]


def _renamed(given: str, name: str) -> tuple[str, ...]:
    return () if given == name else (f"The project is called `{name}`: names use `_`, not `-`",)


def _next_steps(target: Path) -> tuple[str, ...]:
    here = Path.cwd()
    shown = target.relative_to(here) if target.is_relative_to(here) else target
    return (
        f"cd {shlex.quote(str(shown))}",
        "mlops validate",
        "mlops test",
        "mlops deploy --env local",
        "mlops trigger training --follow",
    )


def _command(name: str, *, template: str, into: Path, answers: Answers) -> str:
    parts = ["mlops", "new", name]
    if template != catalog.DEFAULT:
        parts += ["--template", template]
    if into != Path():
        parts += ["--into", str(into)]
    parts += answers.command
    if not answers.git:
        parts.append("--no-git")
    return shlex.join([*parts, "--defaults"])
