"""Version control comes along when it can, and never stands in the way."""

from __future__ import annotations

import os
import subprocess
import time


def test_without_git_the_project_is_whole_and_says_so(here, mlops, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    outcome = mlops("new", "iris", "--json")
    assert (outcome.code, outcome.json()["repository"]) == (0, "none")
    assert outcome.json()["warnings"] == ["Version control was skipped: git is not installed"]
    assert (here / "iris/mlops.yaml").is_file()
    assert not (here / "iris/.git").exists()


def test_without_an_identity_the_commit_waits(here, mlops, tmp_path):
    (tmp_path / "home/.gitconfig").write_text("")
    outcome = mlops("new", "iris", "--json")
    assert (outcome.code, outcome.json()["repository"]) == (0, "started")
    assert "git does not know you" in outcome.json()["warnings"][0]


def test_hooks_signing_and_editors_of_the_user_never_run(here, mlops, tmp_path):
    canary = tmp_path / "canary"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {canary}\nsleep 60\n")
    program.chmod(0o755)
    hooks = tmp_path / "template/hooks"
    hooks.mkdir(parents=True)
    for hook in ("pre-commit", "commit-msg", "post-commit"):
        (hooks / hook).symlink_to(program)
    with (tmp_path / "home/.gitconfig").open("a") as config:
        config.write(
            f"[core]\nhooksPath = {hooks}\neditor = {program}\nfsmonitor = {program}\n"
            f"[commit]\ngpgsign = true\n[gpg]\nprogram = {program}\n"
            f"[init]\ntemplateDir = {hooks.parent}\ndefaultBranch = trunk\n"
        )
    outcome = mlops("new", "iris", "--json")
    assert outcome.json()["repository"] == "committed"
    assert not canary.exists()
    assert (here / "iris/.git/HEAD").read_text() == "ref: refs/heads/main\n"


def test_a_git_that_hangs_is_left_behind_within_ten_seconds(here, mlops, monkeypatch, tmp_path):
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/git"
    program.write_text("#!/bin/sh\nsleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    began = time.monotonic()
    outcome = mlops("new", "iris", "--json")
    assert time.monotonic() - began < 10
    assert outcome.code == 0
    assert "git did not answer" in outcome.json()["warnings"][0]
    assert not (here / "iris/.git").exists()


def test_inside_a_repository_no_other_is_made(here, mlops):
    subprocess.run(["git", "init", "--quiet"], cwd=here, check=True, timeout=20)
    outcome = mlops("new", "iris", "--json")
    assert (outcome.code, outcome.json()["repository"]) == (0, "enclosing")
    assert not (here / "iris/.git").exists()


def test_a_git_hook_that_calls_us_does_not_lend_us_its_repository(here, mlops, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(here / "theirs"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(here / "theirs/index"))
    outcome = mlops("new", "iris", "--json")
    assert outcome.json()["repository"] == "committed"
    assert not (here / "theirs").exists()


def test_no_git_means_none(here, mlops):
    outcome = mlops("new", "iris", "--no-git", "--json")
    assert outcome.json()["repository"] == "none"
    assert "--no-git" in outcome.json()["command"]
    assert not (here / "iris/.git").exists()
