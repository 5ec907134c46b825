"""`mlops models ui`: MLflow's own interface, for as long as somebody looks at it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fakes.processes import children

from mlops_cli.cli.app import main
from mlops_cli.core.processes import child_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_cli.project.model import Project

SECONDS = 120


def test_without_a_registry_there_is_nothing_to_show(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "ui", "--project", str(project.root)]) == 3
    assert "nothing is registered yet" in capsys.readouterr().err


@pytest.fixture
def serving(
    project: Project, registered: Callable[..., Any]
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command while it serves a registry, and the URL it told."""
    registered({"tags": {"train": "Complete"}})
    command = [sys.executable, "-m", "mlops_cli", "models", "ui", "--project", str(project.root)]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=child_environment()
    ) as child:
        assert child.stderr is not None
        found = None
        while found is None:
            line = child.stderr.readline()
            assert line, "it ended"
            found = re.search(r"MLflow is at (http://127\.0\.0\.1:\d+)", line)
        try:
            yield child, found[1]
        finally:
            child.send_signal(signal.SIGINT)  # a killed one would leave MLflow behind
            child.wait(SECONDS)


@pytest.mark.real
@pytest.mark.timeout(600)
def test_it_serves_until_ctrl_c_and_takes_no_port_of_others(
    project: Project,
    serving: tuple[subprocess.Popen[str], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    child, url = serving
    assert "<title>MLflow</title>" in httpx.get(url, timeout=60).text
    port = url.rpartition(":")[2]
    assert main(["models", "ui", "--project", str(project.root), "--port", port]) == 2
    assert f"Could not start MLflow at port {port}" in capsys.readouterr().err
    child.send_signal(signal.SIGINT)
    assert child.wait(SECONDS) == 0
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", int(port)), timeout=5)


@pytest.mark.long
@pytest.mark.real
@pytest.mark.timeout(600)
def test_a_server_that_dies_is_no_success(serving: tuple[subprocess.Popen[str], str]) -> None:
    child, _ = serving
    [server] = children(child.pid)
    os.kill(server, signal.SIGKILL)
    _, err = child.communicate(timeout=SECONDS)
    assert child.returncode == 6
    assert "MLflow ended by itself" in err
