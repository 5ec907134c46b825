"""Runs git where it touches nobody's checkout, asks nobody anything and runs nobody's hooks."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from mlops_cli.core.errors import (
    ConflictError,
    MlopsError,
    NotAllowedError,
    ProjectError,
    UnavailableError,
)
from mlops_cli.core.processes import child_environment, kill_group
from mlops_cli.core.redact import mask_values, printable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NETWORK_SECONDS: Final = 28.0
LOCAL_SECONDS: Final = 120.0
_KEPT: Final = ("GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_CONFIG_GLOBAL",
                "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")  # fmt: skip
_SETTINGS: Final = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "push.gpgSign=false",
    "push.recurseSubmodules=no",
    "fetch.recurseSubmodules=no",
    "push.followTags=false",
    "advice.pushUpdateRejected=false",
    "transfer.credentialsInUrl=die",
)
_SCP: Final = re.compile(r"^(?:[\w.-]+@)?[\w.-]+:(?!/?/)[^\s]+$")
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")

_REASONS: Final[tuple[tuple[re.Pattern[str], type[MlopsError], str, str], ...]] = (
    (
        re.compile(
            r"could not read (Username|Password)|Authentication failed|Permission denied"
            r"|terminal prompts disabled|Invalid username or (password|token)|HTTP Basic: Access"
            r"|error: 40[13]|Write access .* not granted|not allowed to (push|upload)"
            r"|Host key verification failed",
            re.I,
        ),
        NotAllowedError,
        "it refused these credentials",
        "Check them: `git ls-remote {url}`",
    ),
    (
        re.compile(
            r"Could not resolve|Connection (refused|timed out|reset|closed)|Network is unreachable"
            r"|Operation timed out|Failed to connect|Couldn't connect|early EOF|hung up"
            r"|No route to host|kex_exchange|error: 5\d\d|RPC failed",
            re.I,
        ),
        UnavailableError,
        "it cannot be reached",
        "Check the network: `git ls-remote {url}`",
    ),
    (
        re.compile(
            r"does not appear to be a git repository|Repository not found|not found|does not exist"
            r"|unable to access .*: The requested URL|No such file",
            re.I,
        ),
        ProjectError,
        "there is no such repository",
        "Correct `repository` in `mlops.yaml`: `git ls-remote {url}`",
    ),
)


@dataclass(frozen=True, slots=True)
class Done:
    """How a git command ended."""

    returncode: int
    out: bytes
    told: str
    """What it said on its error output."""
    timed_out: bool


def checked_url(url: str) -> str:
    """A repository's URL, if nothing but git over ssh, https or a path can come of it.

    Raises:
        ProjectError: It is of another kind, or holds a password.
    """
    parts = urlsplit(url)
    if parts.scheme in ("https", "ssh", "file", "http") and "::" not in url.split("/", 1)[0]:
        if parts.password or (parts.scheme.startswith("http") and parts.username):
            raise ProjectError(
                f"Could not use the repository `{parts.scheme}://{parts.hostname}{parts.path}`: "
                "its URL holds a credential",
                hint="Take it out of the URL; git asks the credential helper of this machine",
            )
        if parts.scheme != "http" or parts.hostname in _LOOPBACK:
            return url
    elif url.startswith("/") or (_SCP.match(url) and not url.startswith("-") and "::" not in url):
        return url
    raise ProjectError(
        f"Could not use the repository `{printable(mask_values(url))}`: "
        "it is no `https://`, `ssh://`, `user@host:path` or absolute path",
        hint="Correct `repository` in `mlops.yaml`",
    )


class Git:
    """The git command on one private bare repository."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def run(
        self,
        *arguments: str,
        data: bytes | None = None,
        index: Path | None = None,
        identity: Mapping[str, str] | None = None,
        seconds: float = LOCAL_SECONDS,
    ) -> Done:
        """Run a command to its end; the caller looks at how it ended.

        Raises:
            UnavailableError: There is no git on this machine.
        """
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        env = _environment() | dict(identity or {})
        if index is not None:
            env["GIT_INDEX_FILE"] = str(index)
        try:
            child = subprocess.Popen(
                ["git", *settings, "--git-dir", str(self._folder), *arguments],
                cwd="/",
                env=env,
                stdin=subprocess.PIPE if data is not None else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise UnavailableError(
                "Could not use git: it is not on this machine",
                hint="Install it, then run the same command again",
            ) from error
        timed_out = False
        try:
            out, told = child.communicate(data, timeout=seconds)
        except subprocess.TimeoutExpired:
            timed_out = True
            kill_group(child.pid)
            out, told = child.communicate()
        except BaseException:
            # Ctrl-C: first politely, so that git takes its lock files away.
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                child.wait(0.3)
            kill_group(child.pid)
            child.wait()
            raise
        return Done(child.returncode, out, told.decode("utf-8", "replace"), timed_out)

    def ask(
        self,
        *arguments: str,
        data: bytes | None = None,
        index: Path | None = None,
        identity: Mapping[str, str] | None = None,
    ) -> bytes:
        """Run a command that works on this disk alone; its output.

        Raises:
            UnavailableError: It failed: the disk is full, or the repository is damaged.
        """
        done = self.run(*arguments, data=data, index=index, identity=identity)
        if done.returncode != 0:
            raise UnavailableError(
                f"Could not run `git {arguments[0]}` in `{self._folder}`: {last_line(done.told)}",
                hint=f"Delete `{self._folder}`, a copy, then run the same command again",
            )
        return done.out


def failed(done: Done, what: str, url: str) -> MlopsError:
    """The error for a command that talked to the remote repository and failed."""
    start = f"Could not {what}: "
    if done.timed_out:
        return UnavailableError(
            f"{start}it did not answer in time", hint=f"Check the network: `git ls-remote {url}`"
        )
    refused = [
        line.removeprefix("remote:").strip()
        for line in done.told.splitlines()
        if line.startswith("remote:") and line.removeprefix("remote:").strip()
    ]
    if re.search(
        r"hook declined|protected branch|GH0\d\d|pre-receive|\[remote rejected\]", done.told
    ):
        told = "; ".join(printable(mask_values(line)) for line in refused[:3])
        return NotAllowedError(
            f"{start}the repository rejects it" + (f" ({told[:300]})" if told else ""),
            hint="Let this account push to the branch, or name another `branch` in `mlops.yaml`",
        )
    for pattern, kind, reason, hint in _REASONS:
        if pattern.search(done.told):
            return kind(start + reason, hint=hint.format(url=url))
    return UnavailableError(
        start + (last_line(done.told) or "git failed"), hint=f"Try it: `git ls-remote {url}`"
    )


def lost(what: str, store: str) -> ConflictError:
    """The error for a write that somebody else was faster with."""
    return ConflictError(
        f"Could not write `{what}` in {store}: somebody else wrote it first",
        hint="Run the command again to start from what is there now",
    )


def last_line(told: str) -> str:
    """The last thing git said, fit for a message."""
    lines = [line for line in told.splitlines() if line.strip()]
    return printable(mask_values(lines[-1]))[:300].strip(". ") if lines else ""


def _environment() -> dict[str, str]:
    # What a hook or an editor set for its own repository must not lead us there.
    env = {
        name: value
        for name, value in child_environment().items()
        if not name.startswith("GIT_") or name in _KEPT
    }
    # Without a terminal (it runs in a session of its own) ssh cannot ask either.
    return env | {
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "SSH_ASKPASS": "",
        "SSH_ASKPASS_REQUIRE": "never",
        "GCM_INTERACTIVE": "never",
        "GIT_ALLOW_PROTOCOL": "file:http:https:ssh",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
    }
