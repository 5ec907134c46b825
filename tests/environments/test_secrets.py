"""References to secrets: found late, shown never."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from typing import TYPE_CHECKING, Any

import pytest
from fakes.clocks import FakeClock
from fakes.moto_server import client, credentials, moto_server

from mlops_cli.core.errors import NotAllowedError, ProjectError
from mlops_cli.core.redact import MASK, redact
from mlops_cli.environments.aws import Aws
from mlops_cli.environments.secrets import parse, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORD = "sentinel-Hunter2-word"


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
def aws(moto: str, monkeypatch: pytest.MonkeyPatch) -> Aws:
    for name, value in credentials(moto).items():
        monkeypatch.setenv(name, value)
    return Aws(clock=FakeClock())


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    """The package of that name, as far as it is used."""
    entries: dict[tuple[str, str], str] = {}

    class KeyringError(Exception):
        pass

    def get_password(service: str, user: str) -> str | None:
        if service == "locked":
            raise KeyringError("locked")
        return entries.get((service, user))

    package: Any = types.ModuleType("keyring")
    package.get_password = get_password
    errors: Any = types.ModuleType("keyring.errors")
    errors.KeyringError = KeyringError
    monkeypatch.setitem(sys.modules, "keyring", package)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    return entries


def secret_file(folder: Path, mode: int = 0o600, text: str = WORD + "\n") -> Path:
    path = folder / "token"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = parse("env:ACME_TOKEN")
    with pytest.raises(NotAllowedError, match="`env:ACME_TOKEN`: the variable is not set"):
        resolve(reference)
    monkeypatch.setenv("ACME_TOKEN", WORD)
    assert resolve(reference).reveal() == WORD


def test_an_empty_variable_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_TOKEN", "")
    with pytest.raises(NotAllowedError, match="it is empty"):
        resolve(parse("env:ACME_TOKEN"))


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = secret_file(tmp_path)
    assert resolve(parse(f"file:{path}")).reveal() == WORD
    assert resolve(parse("file:token"), root=tmp_path).reveal() == WORD


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o610])
def test_a_file_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = secret_file(tmp_path, mode)
    with pytest.raises(NotAllowedError, match=f"others may use the file .mode 0{mode:o}") as caught:
        resolve(parse(f"file:{path}"))
    assert caught.value.hint == f"Keep it to yourself: `chmod 600 {path}`"


def test_what_is_no_file_with_a_text_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(mode=0o700)
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe" + WORD.encode())
    large = tmp_path / "large"
    large.write_bytes(b"x" * 70_000)
    for path in (binary, large):
        path.chmod(0o600)
    said = {
        "missing": "No such file",
        "pipe": "no regular file",
        "folder": "Is a directory",
        "binary": "not UTF-8",
        "large": "larger than 64 KiB",
    }
    for name, reason in said.items():
        with pytest.raises(NotAllowedError, match=reason) as caught:
            resolve(parse(f"file:{name}"), root=tmp_path)
        assert WORD not in f"{caught.value} {caught.value.__cause__} {caught.value.hint}"


def test_the_keyring(keyring: dict[tuple[str, str], str]) -> None:
    keyring["acme", "deploy"] = WORD
    assert resolve(parse("keyring:acme/deploy")).reveal() == WORD
    with pytest.raises(NotAllowedError, match="has no such entry") as caught:
        resolve(parse("keyring:acme/other"))
    assert caught.value.hint == "Add it: `keyring set acme other`"
    with pytest.raises(NotAllowedError, match="the keyring does not open"):
        resolve(parse("keyring:locked/deploy"))


def test_without_the_package_the_keyring_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(NotAllowedError, match="package `keyring` is not installed"):
        resolve(parse("keyring:acme/deploy"))


def test_secrets_manager_whole_or_by_a_key(aws: Aws, moto: str) -> None:
    manager = client(moto, "secretsmanager")
    manager.create_secret(Name="acme/plain", SecretString=WORD)
    made = manager.create_secret(
        Name="acme/json", SecretString=json.dumps({"password": WORD, "port": 1})
    )
    assert resolve(parse("aws-secretsmanager:acme/plain"), aws=aws).reveal() == WORD
    assert resolve(parse("aws-secretsmanager:acme/json#password"), aws=aws).reveal() == WORD
    by_arn = parse(f"aws-secretsmanager:{made['ARN']}#password")
    assert resolve(by_arn, aws=aws).reveal() == WORD
    for place, reason in {
        "acme/none": "has no such secret",
        "acme/json#user": "no JSON object with a text `user`",
        "acme/json#port": "no JSON object with a text `port`",
        "acme/plain#user": "no JSON object with a text `user`",
    }.items():
        with pytest.raises(NotAllowedError, match=reason) as caught:
            resolve(parse(f"aws-secretsmanager:{place}"), aws=aws)
        assert WORD not in str(caught.value)


def test_without_an_account_secrets_manager_says_what_is_missing() -> None:
    with pytest.raises(ProjectError, match="says nothing about AWS"):
        resolve(parse("aws-secretsmanager:acme"))


@pytest.mark.parametrize(
    "text", [WORD, f"pass:{WORD}", f"https://user:{WORD}@host", "env:", ":x", ""]
)
def test_a_secret_instead_of_a_reference_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(NotAllowedError, match="where a reference to a secret belongs") as caught:
        parse(text)
    assert WORD not in f"{caught.value} {caught.value.hint}"
    if WORD in text:
        assert WORD not in redact(f"read {text}")


@pytest.mark.parametrize("text", ["keyring:acme", "keyring:/user", "keyring:acme/"])
def test_a_keyring_needs_a_service_and_a_user(text: str) -> None:
    with pytest.raises(ProjectError, match="a service and a user"):
        parse(text)


def test_a_secret_shows_itself_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_TOKEN", WORD)
    reference = parse("env:ACME_TOKEN")
    secret = resolve(reference)
    assert (repr(secret), str(secret), f"{secret}") == (MASK, MASK, MASK)
    assert str(reference) == "env:ACME_TOKEN"
    assert WORD not in redact(f"token {WORD}")


def test_a_module_that_looks_secrets_up_is_light_to_import() -> None:
    script = (
        "import sys, mlops_cli.environments.secrets, mlops_cli.environments.mwaa\n"
        "heavy = {'boto3', 'httpx', 'keyring'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
