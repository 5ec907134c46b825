"""Whatever becomes of the streams, the exit code is true and nobody sees a traceback."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from mlops_cli.cli import app
from mlops_cli.core.errors import FailedError, ProjectError, from_os_error
from mlops_cli.core.exits import Exit
from mlops_cli.core.redact import Secret, printable, redact
from mlops_cli.presentation import machine, output
from mlops_cli.quality.errors import DataReadError

if TYPE_CHECKING:
    from pathlib import Path

MLOPS = [sys.executable, "-m", "mlops_cli"]


def call(*arguments: str, shell: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """`mlops` in a process of its own, with what a shell would put behind it."""
    command = " ".join([*(f"'{part}'" for part in (*MLOPS, *arguments)), shell])
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        text=True,
        errors="replace",
        check=False,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("new",),
        ("frob",),
        ("validate", "--frob"),
        ("models",),
        ("status", "-C", "/"),
        ("new", "a/b"),
    ],
)
def test_with_json_every_failure_is_one_object(arguments: tuple[str, ...]) -> None:
    done = call(*arguments, "--json")
    body = json.loads(done.stdout)
    assert body["kind"] == "Error"
    assert body["error"]["exit_code"] == done.returncode != 0


def test_no_command_at_all_shows_the_help() -> None:
    done = call()
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert "Usage: mlops" in done.stderr


@pytest.mark.parametrize("extra", [(), ("--json",)])
def test_a_reader_who_leaves_does_not_change_the_exit_code(extra: tuple[str, ...]) -> None:
    assert call("schema", *extra, shell="| true").returncode == 0
    assert call("status", "-C", "/", *extra, shell="| true").returncode == Exit.INVALID


@pytest.mark.parametrize("shell", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_fine(shell: str) -> None:
    assert call("schema", shell=shell).returncode == 0
    assert call("status", "-C", "/", shell=shell).returncode == Exit.INVALID


@pytest.mark.parametrize("extra", [(), ("--json",)])
def test_a_result_that_cannot_be_written_is_no_success(extra: tuple[str, ...]) -> None:
    done = call("schema", *extra, shell="> /dev/full")
    assert done.returncode == Exit.UNFINISHED
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_encoding_without_our_letters_is_fine(tmp_path: Path) -> None:
    poor = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    folder = tmp_path / "größe"
    folder.mkdir()
    done = call("status", "-C", str(folder), "--json", PYTHONIOENCODING="ascii", **poor)
    assert done.returncode == Exit.INVALID
    assert json.loads(done.stdout)["error"]["exit_code"] == Exit.INVALID
    assert call("schema", PYTHONIOENCODING="ascii", **poor).returncode == 0


def test_ctrl_c_never_shows_a_traceback(tmp_path: Path) -> None:
    for wait in (0.05, 0.1, 0.2, 0.4):
        child = subprocess.Popen(
            [*MLOPS, "new", "churn", "--defaults", "--no-git"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        time.sleep(wait)
        child.send_signal(2)
        out, err = child.communicate(timeout=30)
        if child.returncode:
            assert not list(tmp_path.iterdir())
        if child.returncode == 1 and "mlops_cli" not in err:
            continue  # Python itself was starting: what it answers then is not ours to say
        assert child.returncode in (0, -2, Exit.INTERRUPTED), err
        assert "Traceback" not in out + err


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (DataReadError("Could not read `x.csv`: no header", hint="Add it"), 3, "no header"),
        (PermissionError(13, "Permission denied", "/secret/place"), 4, "`/secret/place`"),
        (OSError(30, "Read-only file system", "/mnt/x"), 4, "Read-only"),
        (OSError(28, "No space left on device"), 3, "No space left"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (SystemExit(143), 143, "interrupted"),
        (RuntimeError("Ada's secret hunter2hunter2"), 70, "this is a bug of ours"),
    ],
)
def test_what_nobody_foresaw_ends_with_its_own_code(
    raised: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(argv: object) -> int:
        raise raised

    monkeypatch.setenv("MLOPS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(app, "_register", lambda: fail(()))
    assert app.main(["status", "--json"]) == code
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["exit_code"] == code
    assert said in err
    assert "Traceback" not in out + err


def test_a_crash_report_names_no_secret_and_no_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = Secret("s3ntinel/+value")

    def fail() -> None:
        local = "only-a-local-" + "variable"
        assert local
        raise RuntimeError(f"{told.reveal()} https://ada:pw123@host/ AKIAIOSFODNN7EXAMPLE")

    monkeypatch.setenv("MLOPS_DATA_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(app, "_register", fail)
    argv = ["new", "x", "--set", "password=hunter2hunter2", "--debug"]
    assert app.main(argv) == Exit.BUG
    (report,) = (tmp_path / "state" / "crashes").iterdir()
    assert report.stat().st_mode & 0o777 == 0o600
    everything = report.read_text() + "".join(capsys.readouterr())
    for secret in ("s3ntinel", "pw123", "AKIA", "hunter2", "only-a-local-variable"):
        assert secret not in everything


def test_a_crash_report_goes_elsewhere_when_the_home_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MLOPS_DATA_DIR", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(app, "_register", lambda: 1 / 0)
    assert app.main(["status"]) == Exit.BUG
    (report,) = tmp_path.glob("mlops-*.txt")
    assert str(report) in capsys.readouterr().err


KEY = "-----BEGIN RSA PRIVATE KEY-----\nabc\ndef\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJI.eyJzdWIiOiIx.c2ln",
        "https://ada:hunter2hunter2@host/x",
        "Authorization: Bearer hunter2hunter2",
        KEY,
        "aws_secret_access_key = hunter2hunter2",
        '{"password": "hunter2hunter2"}',
    ],
)
def test_what_looks_like_a_secret_is_masked_everywhere(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for json_mode in (False, True):
        output.configure(json=json_mode)
        output.show_error(FailedError(f"Could not do `{text}`", hint=text, state=text))
        with output.progress().step(text):
            output.progress().note(text)
    output.configure()
    said = "".join(capsys.readouterr())
    assert "***" in said
    for part in ("AKIA", "eyJ", "hunter2", "abc"):
        assert part not in said


def test_a_known_secret_is_masked_in_every_form() -> None:
    value = 'quo"te/and+more'
    Secret(value)
    forms = (value, quote(value, safe=""), base64.b64encode(value.encode()).decode())
    assert redact(" ".join(forms)) == "*** *** ***"
    body = json.loads(machine.error(ProjectError(f"with {value}", hint=KEY[:40])))
    assert body["error"]["message"] == "with ***"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
        ("over\rwritten", "over\\rwritten"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("a\u2028b\ufeff", "a\\u2028b\\ufeff"),
        ("\x9b31m", "\\x9b31m"),
        ("\udcff", "\\udcff"),
        ("größe → ✓\n\tend", "größe → ✓\n\tend"),
    ],
)
def test_text_from_elsewhere_cannot_steer_a_terminal(
    text: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert printable(text) == shown
    output.configure()
    output.progress().note(text)
    output.show_error(FailedError(f"Could not do `{text}`"))
    if shown != text:
        assert text not in "".join(capsys.readouterr())


def test_an_error_of_the_system_that_may_be_our_bug_stays_one() -> None:
    assert from_os_error(FileNotFoundError(2, "No such file or directory", "x")) is None
