"""What holds while runs are started and followed."""

from __future__ import annotations

import random
import re
import tempfile
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import lost_replies as replies
from fakes.airflow_server import Dag, FakeAirflow
from fakes.clocks import FakeClock
from fakes.serving import up
from figures_ground import Figure
from runs import test_follow_logs as grounds

from mlops_cli.core.redact import Secret
from mlops_cli.environments.apis.rest import connect
from mlops_cli.runs.follow import LogLine, follow_logs

if TYPE_CHECKING:
    from figures_ground import Figures

TRIGGERS = 1_000
DISCONNECTS = 10


def lost_replies() -> Figures:
    """Replies to triggers get lost, and the command is given until it succeeds."""
    with tempfile.TemporaryDirectory() as folder:
        tally = replies.torture(Path(folder), count=TRIGGERS, seed=random.randrange(10**6))
    wrong = (tally.duplicates, tally.missing, tally.false_successes)
    told = f"{wrong[0]} twice, {wrong[1]} missing ({tally.commands:,} commands)"
    yield Figure(f"{TRIGGERS:,} triggers whose reply is lost", "each once", told, not any(wrong))


def follow() -> Figures:
    """Lines of a run whose stream breaks ten times, and whose token runs out once."""
    name, clock, chance = grounds.NAME, FakeClock(), random.Random(1)
    lines: list[str] = []
    with FakeAirflow().serving() as fake:
        fake.add(Dag(name, plan=grounds.talking))
        api = connect(fake.url, username=fake.username, password=Secret(fake.password), clock=clock)
        api.trigger(name, "r1", {})
        broken = looks = 0
        for item in follow_logs(api, name, "r1", task=None, timeout_seconds=None, clock=clock):
            if isinstance(item, LogLine):
                lines.append(item.text)
                continue
            looks += 1
            if looks % 5 == 0 and broken < DISCONNECTS:
                broken += 1
                fake.fail(r"GET .*/logs/", **chance.choice([{"drop": True}, {"reset": True}]))
                if broken == DISCONNECTS // 2:
                    fake.tokens.clear()
        api.close()
    lost = len(set(grounds.EXPECTED) - set(lines))
    doubled = len(lines) - len(set(lines))
    told = f"{lost} lost, {doubled} doubled of {len(lines)}; {broken} disconnects"
    met = lines == grounds.EXPECTED and broken == DISCONNECTS
    yield Figure("lines through 10 disconnects and a lost token", "0 and 0", told, met)


def a_gigabyte() -> Figures:
    """All of a log of 1 GiB through the command's own printing."""
    kind = type("Handler", (grounds.Endless,), {"lines": 2**30 // len(grounds.LINE)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    server.daemon_threads = True
    with up(server):
        child = grounds.reader(f"http://127.0.0.1:{server.server_address[1]}")
        assert child.stdout is not None
        size = sum(len(line) for line in child.stdout)
        _, said = child.communicate(timeout=600)
    found = re.search(rb"(\d+)\s*$", said)
    peak = int(found[1]) if found else 0
    told = f"{peak} MiB for {size / 2**30:.2f} GiB"
    yield Figure("peak memory of a gigabyte of logs", "< 150 MiB", told, 0 < peak < 150)
