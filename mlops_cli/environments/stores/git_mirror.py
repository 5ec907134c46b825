"""A private bare copy of a repository's newest commits: read, built on, and pushed from."""

from __future__ import annotations

import fcntl
import hashlib
import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_cli.core.files import remove_tree
from mlops_cli.core.redact import mask_values, printable

from .git_command import NETWORK_SECONDS, Git, checked_url, failed
from .holder import myself

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_BATCH_BYTES: Final = 32 * 1024 * 1024
_FETCH_ATTEMPTS: Final = 4
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NOTHING: Final = "0" * 40
# What servers say when another push was faster.
_RACED: Final = re.compile(
    r"stale info|fetch first|non-fast-forward|cannot lock ref|failed to update ref"
    r"|incorrect old value|already exists|failed to lock"
)


@dataclass(frozen=True, slots=True)
class Blob:
    """A file of a tree."""

    oid: str
    size: int


class Mirror:
    """The repository at `url` by way of a bare one under `cache`; no checkout is ever involved."""

    def __init__(self, url: str, *, cache: Path) -> None:
        self.url = checked_url(url)
        self.shown = printable(mask_values(self.url))
        self._folder = cache / f"{hashlib.sha256(self.url.encode()).hexdigest()[:12]}.git"
        self._git = Git(self._folder)
        self._identity: dict[str, str] | None = None

    def refs(self, *names: str) -> dict[str, str]:
        """What the remote's refs point at, those that exist.

        Raises:
            NotAllowedError: The remote refuses us.
            ProjectError: There is no such repository.
            UnavailableError: It does not answer.
        """
        self._prepare()
        done = self._git.run("ls-remote", "--", self.url, *names, seconds=NETWORK_SECONDS)
        if done.returncode != 0:
            raise failed(done, f"read `{self.shown}`", self.shown)
        pairs = (line.split("\t", 1) for line in done.out.decode().splitlines() if "\t" in line)
        return {name: oid for oid, name in pairs if name in names}

    def fetch(self, *names: str, look: Sequence[str] = ()) -> dict[str, str]:
        """Bring the newest commits of refs here; what they point at, those that exist.

        Args:
            *names: The refs.
            look: More refs, of which only what they point at is asked.
        """
        for attempt in range(_FETCH_ATTEMPTS):
            there = self.refs(*names, *look)
            here = self._here()
            missing = [ref for ref in names if ref in there and here.get(_seen(ref)) != there[ref]]
            if not missing:
                break
            with self._alone():
                done = self._git.run(
                    "fetch",
                    "--quiet",
                    "--no-tags",
                    "--depth=1",
                    "--no-write-fetch-head",
                    "--",
                    self.url,
                    *(f"+{ref}:{_seen(ref)}" for ref in missing),
                    seconds=NETWORK_SECONDS,
                )
                here = self._here()
            if done.returncode == 0:
                # They may have moved on since we asked; what came is what counts.
                return there | {ref: here[_seen(ref)] for ref in missing}
            if done.timed_out or attempt == _FETCH_ATTEMPTS - 1:
                raise failed(done, f"read `{self.shown}`", self.shown)
        return there

    def files(self, commit: str, folder: str) -> dict[str, Blob]:
        """All files of a commit below a folder (empty: all), by their full path."""
        below = ["--", f"{folder}/"] if folder else []
        out = self._git.ask("ls-tree", "-r", "-l", "-z", "--full-tree", commit, *below)
        found = {}
        for line in out.split(b"\0"):
            told, _, path = line.partition(b"\t")
            fields = told.split()
            if len(fields) == 4 and fields[1] == b"blob":
                found[path.decode("utf-8", "surrogateescape")] = Blob(
                    fields[2].decode(), int(fields[3])
                )
        return found

    def at(self, commit: str, path: str) -> Blob | None:
        """One file of any commit; None where it has none, or the remote gives no such commit."""
        if not _COMMIT.fullmatch(commit):
            return None
        self._prepare()
        if self._git.run("cat-file", "-e", f"{commit}^{{commit}}").returncode != 0:
            wanted = ("--quiet", "--no-tags", "--depth=1", "--no-write-fetch-head")
            with self._alone():
                self._git.run("fetch", *wanted, "--", self.url, commit, seconds=NETWORK_SECONDS)
            if self._git.run("cat-file", "-e", f"{commit}^{{commit}}").returncode != 0:
                return None
        return self.files(commit, path.rpartition("/")[0]).get(path)

    def blob(self, oid: str) -> bytes:
        """A file's content."""
        return self._git.ask("cat-file", "blob", oid)

    def message(self, commit: str) -> tuple[str, int]:
        """A commit's message, and when it was made, in seconds since 1970."""
        told = self._git.ask("show", "--no-patch", "--format=%ct%n%B", commit).decode()
        made, _, message = told.partition("\n")
        return message, int(made)

    def write(self, contents: Iterable[bytes]) -> list[Blob]:
        """Store contents here, as git's own objects."""
        self._prepare()
        made: list[Blob] = []
        batch: list[bytes] = []
        for data in contents:
            batch.append(data)
            if sum(map(len, batch)) > _BATCH_BYTES:
                made += self._import(batch)
                batch = []
        return made + (self._import(batch) if batch else [])

    def commit(self, parent: str | None, changes: Mapping[str, Blob | None], message: str) -> str:
        """Make a commit of the parent's files and the changes (None: removed); its name."""
        lines = [
            f"100644 {blob.oid}\t{path}\0" if blob else f"0 {_NOTHING}\t{path}\0"
            for path, blob in changes.items()
        ]
        with tempfile.TemporaryDirectory(prefix="mlops-git-") as folder:
            index = Path(folder) / "index"
            self._git.ask("read-tree", parent or "--empty", index=index)
            told = "".join(lines).encode("utf-8", "surrogateescape")
            self._git.ask("update-index", "-z", "--index-info", data=told, index=index)
            tree = self._git.ask("write-tree", index=index).decode().strip()
        before = ["-p", parent] if parent else []
        out = self._git.ask(
            "commit-tree", tree, *before, data=message.encode(), identity=self._who()
        )
        return out.decode().strip()

    def push(self, moves: Sequence[tuple[str, str, str | None]]) -> bool:
        """Move refs of the remote, all or none; False: another push was faster.

        Args:
            moves: Each the ref, the commit it shall point at, and the one it points at now (None:
                it does not exist).

        Raises:
            NotAllowedError: A hook or a protected branch rejects it, or we may not push.
            UnavailableError: The remote does not answer; it may have been done.
        """
        leases = [f"--force-with-lease={ref}:{now or ''}" for ref, _, now in moves]
        done = self._git.run(
            "push",
            "--porcelain",
            "--atomic",
            "--no-verify",
            *leases,
            "--",
            self.url,
            *(f"{commit}:{ref}" for ref, commit, _ in moves),
            seconds=NETWORK_SECONDS,
        )
        if done.returncode == 0:
            for ref, commit, _ in moves:
                if not ref.startswith("refs/tags/"):
                    # What the next fetch need not bring again.
                    self._git.run("update-ref", _seen(ref), commit)
            return True
        told = done.out.decode("utf-8", "replace") + done.told
        error = failed(replace(done, told=told), f"push to `{self.shown}`", self.shown)
        raced = _RACED.search(told) and not re.search(r"hook declined|protected|GH0\d\d", told)
        if raced and not done.timed_out:
            return False
        raise error

    def _import(self, contents: Sequence[bytes]) -> list[Blob]:
        stream = bytearray()
        for number, data in enumerate(contents, 1):
            stream += b"blob\nmark :%d\ndata %d\n%b\n" % (number, len(data), data)
        for number in range(1, len(contents) + 1):
            stream += b"get-mark :%d\n" % number
        out = self._git.ask("fast-import", "--quiet", "--done", data=bytes(stream) + b"done\n")
        oids = out.decode().split()
        return [Blob(oid, len(data)) for oid, data in zip(oids, contents, strict=True)]

    def _here(self) -> dict[str, str]:
        """The commits that are here in full, by the ref they were fetched from."""
        out = self._git.ask("for-each-ref", "--format=%(refname) %(objectname)", "refs/seen/")
        return dict(line.split(" ", 1) for line in out.decode().splitlines())

    def _prepare(self) -> None:
        if (self._folder / "HEAD").exists():
            return
        with self._alone():
            if (self._folder / "HEAD").exists():
                return
            # Elsewhere first: others take a repository that is there for one that is ready.
            with tempfile.TemporaryDirectory(dir=self._folder.parent) as place:
                made = Path(place) / "made.git"
                Git(made).ask("init", "--quiet", "--bare", "--template=", str(made))
                remove_tree(self._folder)
                made.rename(self._folder)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two fetches into one repository trip over each other's locks."""
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        with self._folder.with_suffix(".lock").open("a") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)
            yield

    def _who(self) -> dict[str, str]:
        """The user's own name and address where git knows them: some servers insist on them."""
        if self._identity is None:
            known = self._git.run("config", "--get", "user.email").out.strip()
            named = self._git.run("config", "--get", "user.name").out.strip()
            me = myself("")
            values = {
                "NAME": named.decode("utf-8", "replace") or str(me["who"]),
                "EMAIL": known.decode("utf-8", "replace") or f"{me['who']}@{me['host']}",
            }
            self._identity = {
                f"GIT_{role}_{name}": value
                for role in ("AUTHOR", "COMMITTER")
                for name, value in values.items()
            }
        return self._identity


def _seen(ref: str) -> str:
    return "refs/seen/" + ref.removeprefix("refs/")
