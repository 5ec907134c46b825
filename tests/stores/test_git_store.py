"""A git repository when things go wrong; and what a deploy by git must never touch."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from fakes.repositories import add_hook, bare_repository, git

from mlops_cli.core.clock import SystemClock
from mlops_cli.core.errors import (
    ConflictError,
    MlopsError,
    NotAllowedError,
    ProjectError,
    UnavailableError,
)
from mlops_cli.environments.release import loader
from mlops_cli.environments.stores import git_mirror
from mlops_cli.environments.stores.git import GitStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FORK = multiprocessing.get_context("fork")
BRANCH = "deploy/staging"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return bare_repository(tmp_path / "dags.git")


@pytest.fixture
def open_store(tmp_path: Path, repository: Path) -> Callable[..., GitStore]:
    def opened(url: str = str(repository), *, project: str = "churn") -> GitStore:
        return GitStore(
            url,
            BRANCH,
            project=project,
            environment="staging",
            folder="dags",
            cache=tmp_path / "cache",
            clock=SystemClock(),
        )

    return opened


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def deploy(store: GitStore, release: str, *, files: int = 3, project: str = "churn") -> str:
    """Upload and flip as the real thing does."""
    with store.lock(f"deploy {release}"):
        before = store.read(f"{project}.py")
        for number in range(files):
            data = f"{release} {number}".encode()
            store.put(f"_releases/{release}/{number}.py", data, sha256=sha(data))
        text = loader.pointer(project, project, release)
        return store.swap(f"{project}.py", text, expected=before.etag if before else None)


def test_a_release_is_one_commit_and_one_tag(
    open_store: Callable[..., GitStore], repository: Path
) -> None:
    deploy(open_store(), "r1")
    deploy(open_store(), "r2")
    assert git(repository, "rev-list", "--count", BRANCH) == "2"
    assert git(repository, "tag") == "release/staging/r1\nrelease/staging/r2"
    assert git(repository, "rev-parse", "release/staging/r2") == git(
        repository, "rev-parse", BRANCH
    )
    listed = git(repository, "ls-tree", "-r", "--name-only", BRANCH).splitlines()
    assert listed == [
        f"dags/churn/_releases/{r}/{n}.py" for r in ("r1", "r2") for n in range(3)
    ] + ["dags/churn/churn.py"]


def test_rolling_back_goes_forward(open_store: Callable[..., GitStore], repository: Path) -> None:
    deploy(open_store(), "r1")
    deploy(open_store(), "r2")
    tip = git(repository, "rev-parse", BRANCH)
    deploy(open_store(), "r1")
    assert git(repository, "rev-parse", f"{BRANCH}~1") == tip
    found = open_store().read("churn.py")
    assert found is not None
    assert loader.names(found.data) == ("r1", None)
    assert git(repository, "tag") == "release/staging/r1\nrelease/staging/r2"


def test_history_is_no_commit_of_the_branch_airflow_follows(
    open_store: Callable[..., GitStore], repository: Path
) -> None:
    deploy(open_store(), "r1")
    tip = git(repository, "rev-parse", BRANCH)
    open_store().swap("_history/000001.json", b"{}", expected=None)
    assert git(repository, "rev-parse", BRANCH) == tip
    ref = "refs/mlops/churn/staging/state"
    assert git(repository, "ls-tree", "-r", "--name-only", ref) == "_history/000001.json"


def test_projects_and_people_share_a_branch(
    open_store: Callable[..., GitStore], repository: Path, tmp_path: Path
) -> None:
    churn, other = open_store(), open_store(project="other")
    deploy(churn, "r1")
    assert other.list("") == {}
    deploy(other, "r9", project="other")
    git(tmp_path, "clone", "-q", "-b", BRANCH, str(repository), "work")
    (tmp_path / "work/README").write_text("by a person")
    git(tmp_path / "work", "add", "README")
    who = ("-c", "user.name=p", "-c", "user.email=p@example.com")
    git(tmp_path / "work", *who, "commit", "-qm", "by a person")
    git(tmp_path / "work", "push", "-q")
    deploy(churn, "r2")
    assert git(repository, "show", f"{BRANCH}:README") == "by a person"
    found = open_store(project="other").read("other.py")
    assert found is not None
    assert loader.names(found.data) == ("r9", None)


def _fingerprint(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_users_checkout_is_not_touched_and_no_hook_runs(
    open_store: Callable[..., GitStore],
    repository: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work = tmp_path / "work"
    git(tmp_path, "init", "-q", "work")
    git(work, "remote", "add", "origin", str(repository))
    (work / "a.py").write_text("not committed")
    git(work, "add", "a.py")
    (work / "a.py").write_text("changed since")
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in (
        "pre-push",
        "reference-transaction",
        "post-commit",
        "pre-commit",
        "post-index-change",
    ):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/a-hook-ran\n")
        (hooks / name).chmod(0o755)
    (tmp_path / "gitconfig").write_text(
        f"[core]\n hooksPath = {hooks}\n[commit]\n gpgSign = true\n[push]\n gpgSign = true\n"
        "[user]\n name = Ada\n email = ada@example.com\n"
    )
    # The server is this machine, too; its hooks are its own.
    git(repository, "config", "core.hooksPath", str(repository / "hooks"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    # As in a hook or an editor of the user's own repository.
    monkeypatch.setenv("GIT_DIR", str(work / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(work))
    monkeypatch.setenv("GIT_INDEX_FILE", str(work / ".git/index"))
    monkeypatch.chdir(work)
    before = _fingerprint(work)
    deploy(open_store(), "r1")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name)
    assert _fingerprint(work) == before
    assert not (tmp_path / "a-hook-ran").exists()
    assert git(repository, "log", "-1", "--format=%an %ae", BRANCH) == "Ada ada@example.com"


def _flip(open_store: Callable[..., GitStore], number: int, gate: Any, told: Any) -> None:
    store = open_store()
    gate.wait(20)
    try:
        text = loader.pointer("churn", "churn", f"r{number}")
        store.put(f"_releases/r{number}/a.py", b"", sha256=sha(b""))
        store.swap("churn.py", text, expected=None)
        told.put(number)
    except ConflictError:
        told.put(None)


def test_of_eight_who_flip_at_once_one_wins_and_one_tag_lands(
    open_store: Callable[..., GitStore], repository: Path
) -> None:
    gate, told = FORK.Barrier(8), FORK.Queue()
    racers = [FORK.Process(target=_flip, args=(open_store, n, gate, told)) for n in range(8)]
    for racer in racers:
        racer.start()
    results = [told.get(timeout=60) for _ in racers]
    for racer in racers:
        racer.join(20)
    won = [number for number in results if number is not None]
    assert len(won) == 1
    assert git(repository, "tag") == f"release/staging/r{won[0]}"
    assert list(open_store().list("_releases/")) == [f"_releases/r{won[0]}/a.py"]


# --- Refused ------------------------------------------------------------------------------------


def test_a_hook_that_rejects_is_quoted_without_secrets(
    open_store: Callable[..., GitStore], repository: Path
) -> None:
    deploy(open_store(), "r1")
    token = "ghp_" + "a" * 36
    add_hook(repository, f'echo "the branch is frozen until Monday {token}" >&2; exit 1')
    with pytest.raises(NotAllowedError, match="frozen until Monday") as told:
        deploy(open_store(), "r2")
    assert token not in str(vars(told.value))
    found = open_store().read("churn.py")
    assert found is not None
    assert loader.names(found.data) == ("r1", None)


def test_a_protected_branch_is_said(open_store: Callable[..., GitStore], repository: Path) -> None:
    hook = 'case "$1" in refs/heads/*) echo "GH006: Protected branch update failed"; exit 1;; esac'
    add_hook(repository, hook, "update")
    with pytest.raises(NotAllowedError, match="Protected branch update failed"):
        deploy(open_store(), "r1")
    # All or nothing: the tag did not land either.
    assert git(repository, "tag") == ""


@contextmanager
def _web(status: int) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/dags.git"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, NotAllowedError), (403, NotAllowedError), (404, ProjectError), (503, UnavailableError)],
)
def test_what_a_server_says_is_told_and_nobody_is_asked(
    open_store: Callable[..., GitStore], status: int, kind: type[MlopsError]
) -> None:
    began = time.monotonic()
    with _web(status) as url, pytest.raises(kind):
        open_store(url).read("churn.py")
    assert time.monotonic() - began < 5


def test_a_server_that_is_not_there_or_silent_is_given_up(
    open_store: Callable[..., GitStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnavailableError, match="cannot be reached"):
        open_store("http://127.0.0.1:9/dags.git").read("churn.py")
    assert git_mirror.NETWORK_SECONDS < 30
    monkeypatch.setattr(git_mirror, "NETWORK_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/dags.git"
        began = time.monotonic()
        with pytest.raises(UnavailableError, match="did not answer in time"):
            open_store(url).read("churn.py")
    assert time.monotonic() - began < 3


def test_a_repository_that_is_not_there_is_said(
    open_store: Callable[..., GitStore], tmp_path: Path
) -> None:
    with pytest.raises(ProjectError, match="there is no such repository"):
        open_store(str(tmp_path / "nowhere.git")).read("churn.py")


@pytest.mark.parametrize(
    "url",
    [
        "https://user:secret-token@example.com/dags.git",
        "https://secret-token@example.com/dags.git",
        "ext::sh -c touch% /tmp/owned",
        "--upload-pack=touch /tmp/owned",
        "-oProxyCommand=touch:x",
        "git://example.com/dags.git",
        "http://example.com/dags.git",
        "fd::17/dags",
        "dags.git",
    ],
)
def test_only_safe_urls_without_credentials_are_used(
    open_store: Callable[..., GitStore], url: str
) -> None:
    with pytest.raises(ProjectError) as told:
        open_store(url)
    assert "secret-token" not in str(vars(told.value))


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/team/dags.git",
        "ssh://git@example.com:2222/team/dags.git",
        "git@example.com:team/dags.git",
        "/srv/git/dags.git",
        "file:///srv/git/dags.git",
    ],
)
def test_usual_urls_are_used(open_store: Callable[..., GitStore], url: str) -> None:
    assert open_store(url).name == f"{url} ({BRANCH})"


# --- Lost replies and kills ---------------------------------------------------------------------


def test_a_push_whose_answer_is_lost_was_done(
    open_store: Callable[..., GitStore], repository: Path
) -> None:
    deploy(open_store(), "r1")
    store = open_store()
    before = store.read("churn.py")
    assert before is not None
    add_hook(repository, "kill -9 $PPID", "post-receive")
    text = loader.pointer("churn", "churn", "r2")
    etag = store.swap("churn.py", text, expected=before.etag)
    found = open_store().read("churn.py")
    assert found is not None
    assert (found.data, found.etag) == (text, etag)


def test_what_could_not_be_taken_away_is_not_called_gone(
    open_store: Callable[..., GitStore], repository: Path
) -> None:
    """A git that was killed on the server leaves a lock of the branch, which looks like a race."""
    deploy(open_store(), "r1")
    store = open_store()
    (repository / f"refs/heads/{BRANCH}.lock").touch()
    with pytest.raises(ConflictError, match="somebody else wrote it first"), store.lock("destroy"):
        store.delete(["churn.py"])
    assert open_store().read("churn.py") is not None


def _deploy_slowly(open_store: Callable[..., GitStore], ready: Any) -> None:
    ready.set()
    deploy(open_store(), "r2", files=40)


@pytest.mark.parametrize("after", [0.02, 0.1, 0.2, 0.3, 0.45])
def test_a_deploy_that_is_killed_leaves_a_whole_release(
    open_store: Callable[..., GitStore], repository: Path, after: float
) -> None:
    deploy(open_store(), "r1", files=40)
    ready = FORK.Event()
    victim = FORK.Process(target=_deploy_slowly, args=(open_store, ready))
    victim.start()
    assert ready.wait(10)
    time.sleep(after)
    victim.kill()
    victim.join(10)
    store = open_store()
    found = store.read("churn.py")
    assert found is not None
    live = loader.names(found.data)
    assert live in (("r1", None), ("r2", None))
    assert len(store.list(f"_releases/{live[0]}/")) == 40
    _deploy_at_last(open_store)
    assert len(open_store().list("_releases/r3/")) == 40
    git(repository, "fsck", "--connectivity-only")


def _deploy_at_last(open_store: Callable[..., GitStore]) -> None:
    """What git was about to push when its parent was killed may still land: the lock, too."""
    for _ in range(10):
        open_store().unlock()
        try:
            return deploy(open_store(), "r3", files=40)
        except ConflictError:
            time.sleep(0.5)
    raise AssertionError("the lock never came free")


def _interrupted(open_store: Callable[..., GitStore]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        deploy(open_store(), "r2")
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def test_ctrl_c_ends_a_push_that_hangs_at_once(
    open_store: Callable[..., GitStore], repository: Path, tmp_path: Path
) -> None:
    deploy(open_store(), "r1")
    add_hook(repository, f"cat | grep -q heads || exit 0; touch {tmp_path}/pushing; sleep 30")
    victim = FORK.Process(target=_interrupted, args=(open_store,))
    victim.start()
    deadline = time.monotonic() + 20
    while not (tmp_path / "pushing").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    began = time.monotonic()
    assert victim.pid
    os.kill(victim.pid, signal.SIGINT)
    victim.join(10)
    assert victim.exitcode == 130
    assert time.monotonic() - began < 2
    found = open_store().read("churn.py")
    assert found is not None
    assert loader.names(found.data) == ("r1", None)
    # The lock is free.
    assert open_store().unlock() is None


def test_no_url_or_output_holds_what_the_shell_knows(
    open_store: Callable[..., GitStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_SENTINEL", "sentinel-of-a-secret")
    with _web(401) as url, pytest.raises(NotAllowedError) as told:
        open_store(url).read("churn.py")
    assert "sentinel-of-a-secret" not in str(vars(told.value)) + os.fspath(url)
