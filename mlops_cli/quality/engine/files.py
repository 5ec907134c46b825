"""Which files a rule about files means: plain local ones, by a path, a folder or a pattern.

Nothing but what the ruleset or the data names is looked at. A link, a device or a pipe among it
is an error: what it leads to is not what was named.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..language import model
from ..language.cursor import did_you_mean
from .values import CannotEvaluateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .measurement import Context

_ALGORITHMS = {"MD5": ("md5", 32), "SHA-1": ("sha1", 40), "SHA-256": ("sha256", 64)}
_TAGS = {
    "FileFreshness": ("timeZone", "recentFiles"),
    "FileSize": ("recentFiles",),
    "FileMatch": ("hashAlgorithm", "recentFiles"),
    "FileUniqueness": ("hashAlgorithm", "recentFiles", "matchFileName"),
}
_MOST = 100_000


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A plain file."""

    path: Path
    name: str
    """Its path within what was named."""
    size: int
    modified: float
    """Seconds since 1970."""


def found_files(rule: model.Rule, context: Context, position: int = 0) -> list[FoundFile]:
    """List the files a rule is about, the newest first when it asks for recent ones.

    Raises:
        CannotEvaluateError: There are none, or something that is no plain local file.
    """
    _check_tags(rule)
    given = rule.parameters[position].value if len(rule.parameters) > position else context.source
    try:
        found = list(_found(_local(given)))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CannotEvaluateError(f"`{given}` cannot be read: {reason.lower()}") from error
    if not found:
        raise CannotEvaluateError(f"There is no file at `{given}`")
    recent = tag(rule, "recentFiles")
    if recent is None:
        return found
    if not recent.isdigit() or not 0 < int(recent) <= _MOST:
        raise CannotEvaluateError(f"`recentFiles = {recent}` is no number of files")
    return sorted(found, key=lambda one: one.modified, reverse=True)[: int(recent)]


def tag(rule: model.Rule, name: str) -> str | None:
    """Read a tag of a rule, a text or a number."""
    for one in rule.tags:
        if one.name == name:
            return one.value.value if isinstance(one.value, model.Text) else one.value.text
    return None


def algorithm(rule: model.Rule) -> str:
    """Read how files are hashed; SHA-256 by default.

    Raises:
        CannotEvaluateError: It is none of MD5, SHA-1 and SHA-256.
    """
    name = tag(rule, "hashAlgorithm") or "SHA-256"
    if name not in _ALGORITHMS:
        raise CannotEvaluateError(
            f"There is no hash algorithm `{name}`; there are {', '.join(_ALGORITHMS)}"
        )
    return name


def checksum(file: FoundFile, name: str) -> str:
    """Hash the content of a file, piece by piece.

    Raises:
        CannotEvaluateError: It cannot be read, or was replaced by a link.
    """
    import hashlib

    try:
        handle = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as content:
            if not stat.S_ISREG(os.fstat(content.fileno()).st_mode):
                raise CannotEvaluateError(f"`{file.path}` is not a plain file any more")
            return hashlib.file_digest(content, _ALGORITHMS[name][0]).hexdigest()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CannotEvaluateError(f"`{file.path}` cannot be read: {reason}") from error


def as_checksum(text: str, name: str) -> str:
    """Read a checksum of the ruleset.

    Raises:
        CannotEvaluateError: It cannot be one of this algorithm.
    """
    digits = text.strip().lower()
    length = _ALGORITHMS[name][1]
    if len(digits) != length or not set(digits) <= set("0123456789abcdef"):
        fits = [one for one, (_, other) in _ALGORITHMS.items() if other == len(digits)]
        hint = f'; write `with hashAlgorithm = "{fits[0]}"`' if fits else ""
        raise CannotEvaluateError(
            f"`{text}` is no {name} checksum, which has {length} hexadecimal digits{hint}"
        )
    return digits


def _check_tags(rule: model.Rule) -> None:
    known = _TAGS[rule.type]
    for one in rule.tags:
        if one.name not in known:
            near = did_you_mean(one.name, known) or f"There are {', '.join(known)}"
            raise CannotEvaluateError(f"{rule.type} takes no tag `{one.name}`. {near}")


def _local(given: str) -> Path:
    if "://" not in given:
        if not given:
            raise CannotEvaluateError("The data is no file, and the rule names none")
        return Path(given)
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(given)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        raise CannotEvaluateError(f"`{given}` is not on this machine: only local files are read")
    return Path(unquote(parts.path))


def _found(path: Path) -> Iterator[FoundFile]:
    """List a file, all in a folder and below it, or what a pattern matches."""
    if os.path.lexists(path):
        yield from _inside(path, path)
        return
    for place, part in enumerate(path.parts):
        if any(character in part for character in "*?["):
            base = Path(*path.parts[:place])
            for one in _limited(sorted(base.glob(str(Path(*path.parts[place:]))))):
                yield _plain(one, str(one.relative_to(base)))
            return


def _inside(path: Path, base: Path) -> Iterator[FoundFile]:
    if stat.S_ISDIR(path.lstat().st_mode):
        below: list[Path] = []
        for folder, folders, names in os.walk(path, onerror=_raise):
            below += [Path(folder) / name for name in names]
            # A link to a folder is not followed, and not passed over without a word either.
            below += [Path(folder) / name for name in folders if (Path(folder) / name).is_symlink()]
            if len(below) > _MOST:
                break
        for one in _limited(sorted(below)):
            yield _plain(one, str(one.relative_to(base)))
    else:
        yield _plain(path, path.name)


def _raise(error: OSError) -> None:
    raise error


def _limited(paths: Sequence[Path]) -> Sequence[Path]:
    if len(paths) > _MOST:
        raise CannotEvaluateError(f"There are more than {_MOST} files")
    return paths


def _plain(path: Path, name: str) -> FoundFile:
    found = path.lstat()
    if stat.S_ISREG(found.st_mode):
        return FoundFile(path, name, found.st_size, found.st_mtime)
    kinds = ((stat.S_ISLNK, "a link"), (stat.S_ISDIR, "a folder"))
    what = next((noun for test, noun in kinds if test(found.st_mode)), "not a plain file")
    raise CannotEvaluateError(f"`{path}` is {what}: only plain files are looked at")
