"""From options and replies to checked answers; asks only for what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_cli.core.errors import ProjectError, UsageError
from mlops_cli.project.names import project_name

from . import dataset, table
from .answers import check, gather
from .create import Answers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mlops_cli.core.progress import Progress

    from .table import Table

_ATTEMPTS = 3


def prepare(
    name: str,
    *,
    data: str | None = None,
    target: str | None = None,
    task: str | None = None,
    key: str | None = None,
    time: str | None = None,
    owner: str | None = None,
    description: str | None = None,
    quality: str | None = None,
    file: Path | None = None,
    settings: Sequence[str] = (),
    git: bool = True,
    ask: Callable[[str], str] | None = None,
    progress: Progress,
) -> Answers:
    """Everything `create` needs to know, with the data looked at.

    Args:
        name: The project's name; checked before anything is asked.
        data: A data file to make the project for.
        target: The column to predict.
        task: Classification or regression; by default inferred.
        key: The column that names a row.
        time: The column with a row's date.
        owner: Who looks after the model.
        description: What it is for.
        quality: What runs the quality gates in a second environment.
        file: Answers in YAML or JSON.
        settings: `question=value`, each as if it stood in the file.
        git: Put the project under version control.
        ask: How to ask a person; None when nobody is there.
        progress: Where to say what is being done.

    Raises:
        UsageError: Something needed is missing, or two options do not go together.
        ProjectError: An answer or the data cannot be used.
    """
    project_name(name)
    flags = {
        "target": target,
        "task": task,
        "key": key,
        "time": time,
        "owner": owner,
        "description": description,
        "quality": quality,
    }
    given = gather(file=file, settings=settings, flags=flags)
    _refuse_contradictions(data, given, flags)
    read = table.read(data, progress=progress) if data is not None else None
    replies = _ask(ask, given, read) if ask else {}
    if problems := check(replies):
        raise ProjectError("Could not use the replies", diagnostics=problems)
    given |= replies
    shown = {question: given[question] for question in replies} | flags_given(flags)
    command = _options(data, shown, file=file, settings=settings)
    if read is None:
        return Answers(values=given, command=command, git=git)
    chosen = {name: given.get(name) for name in ("target", "task", "key", "time")}
    made = dataset.choose(read, **chosen, progress=progress)
    return Answers(values={**made.answers, **given}, dataset=made, command=command, git=git)


def flags_given(flags: dict[str, str | None]) -> dict[str, str]:
    """The flags a user gave."""
    return {name: value for name, value in flags.items() if value is not None}


def _refuse_contradictions(
    data: str | None, given: dict[str, Any], flags: dict[str, str | None]
) -> None:
    if data is not None and "source" in given:
        raise UsageError("The answer `source` and `--data` both say where the data lies")
    about = [name for name in ("target", "task", "key", "time") if flags[name] is not None]
    if data is None and about:
        option = f"--{about[0]}"
        raise UsageError(
            f"`{option}` needs the data it is about",
            hint=f"Add `--data FILE`, or leave `{option}` out for the Iris example",
        )


def _ask(ask: Callable[[str], str], given: dict[str, Any], read: Table | None) -> dict[str, Any]:
    replies: dict[str, Any] = {}
    try:
        if read is not None:
            replies |= _ask_about(ask, given, read)
        if "owner" not in given:
            replies["owner"] = ask("Who looks after the model? (Enter for `data-team`) ")
        if "description" not in given:
            replies["description"] = ask("What is it for, in a sentence? (Enter to skip) ")
    except EOFError as error:
        raise UsageError(
            "The input ended before every question was answered",
            hint="Give the answers as options, or take the defaults with `--defaults`",
        ) from error
    return {name: reply for name, reply in replies.items() if reply}


def _ask_about(ask: Callable[[str], str], given: dict[str, Any], read: Table) -> dict[str, Any]:
    replies: dict[str, Any] = {}
    names = [column.name for column in read.columns]
    target = given.get("target")
    for _ in range(_ATTEMPTS):
        if target in names:
            break
        target = replies["target"] = ask(f"Which column is predicted? ({', '.join(names)}) ")
    column = read.column(str(target))
    if column is not None and "task" not in given:
        task, reason = dataset.infer_task(read, column)
        replies["task"] = ask(f"Which task? (Enter for {task}: {reason}) ") or task
    return replies


def _options(
    data: str | None, shown: dict[str, Any], *, file: Path | None, settings: Sequence[str]
) -> tuple[str, ...]:
    options = ["--data", data] if data is not None else []
    if file:
        options += ["--answers", str(file)]
    for setting in settings:
        options += ["--set", setting]
    for name in ("target", "task", "key", "time", "owner", "description", "quality"):
        if name in shown:
            options += [f"--{name}", str(shown[name])]
    return tuple(options)
