"""MLP7xx: secrets that would leave this machine; a value found is never shown."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_cli.core.redact import mask_values
from mlops_cli.project.environments import REFERENCES

from .base import Finding, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .subject import Subject

_NAMES: Final = r"(?:password|passwd|secret|token|api_?key|access_?key|private_?key|credential)"
_ASSIGNED: Final = re.compile(
    rf"""(?i)\b[\w-]*{_NAMES}[\w-]*["']?\s*[:=]\s*["'](?P<value>[^"'\s]{{12,}})["']"""
)
_STANDS_FOR_ONE: Final = re.compile(r"[${<*]|example|changeme|placeholder|xxxx", re.IGNORECASE)
# Says where a secret is, as `mlops.yaml` does.
_REFERENCE: Final = re.compile(rf"(?:{'|'.join(REFERENCES)}):")
_KEY_FILES: Final = ("*.pem", "*.key", "*.p12", "*.pfx", "id_rsa", "id_ed25519", "credentials")
_LOCAL_ONLY: Final = (".env", ".env.local")


@check("MLP701")
def no_secret_in_files(subject: Subject) -> Iterator[Finding]:
    """No file holds something that looks like a secret.

    Why: a release is copied to buckets and workers, and a repository keeps what was once in it.

    Fix: take the value out, make a new one where it was issued, and read it from an Airflow
    connection at run time. What is found is never printed, only its place.
    """
    for path, text in subject.texts.items():
        if path.name in _LOCAL_ONLY or "_mlops" in path.parts:
            continue
        for number in _suspicious(text):
            yield Finding("This looks like a secret", path, number)


@check("MLP702")
def no_key_files(subject: Subject) -> Iterator[Finding]:
    """No private key file lies in what is released.

    Why: the whole folder is uploaded with the release.

    Fix: move the file out of the project and store it as an Airflow connection.
    """
    for path in subject.files:
        is_released = path.parts[0] in {"dags", "quality", subject.package}
        if is_released and any(path.match(pattern) for pattern in _KEY_FILES):
            yield Finding(f"`{path.name}` looks like a key file", path)


@check("MLP703")
def local_secrets_are_ignored(subject: Subject) -> Iterator[Finding]:
    """A `.env` file is kept out of the repository.

    Why: it is made to hold secrets; one `git add` and they are in the history for good.

    Fix: add a line `.env` to `.gitignore`.
    """
    ignored = {line.strip().strip("/") for line in _gitignore(subject).splitlines()}
    for path in subject.files:
        if path.name in _LOCAL_ONLY and not ignored & {path.name, ".env*", ".env.*", "*.env"}:
            yield Finding(f"`{path}` is not in `.gitignore`", path, hint=f"Add `{path.name}` to it")


def _gitignore(subject: Subject) -> str:
    return subject.texts.get(Path(".gitignore"), "")


def _suspicious(text: str) -> Iterator[int]:
    masked = mask_values(text)
    found = 0
    for number, line in enumerate(text.splitlines(), 1):
        if (masked != text and mask_values(line) != line) or _assigns_secret(line):
            found += 1
            yield number
    if masked != text and not found:  # a key over several lines: its first line says where
        number = next((n for n, line in enumerate(text.splitlines(), 1) if "-----BEGIN" in line), 1)
        yield number


def _assigns_secret(line: str) -> bool:
    match = _ASSIGNED.search(line)
    if match is None or _STANDS_FOR_ONE.search(match["value"]) or _REFERENCE.match(match["value"]):
        return False
    return _bits(match["value"]) > 3.0


def _bits(text: str) -> float:
    """Shannon entropy of a character: words have less, generated keys more."""
    shares = [text.count(letter) / len(text) for letter in set(text)]
    return -sum(share * math.log2(share) for share in shares)
