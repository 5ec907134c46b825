"""What holds while processes are killed, servers fail and people press Ctrl-C."""

from __future__ import annotations

import itertools
import random
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kill_requests
from fakes.airflow_side import observing
from fakes.fault_proxy import Blackhole, Delay, Drop, Kill, Reset, Status, Truncate
from figures_ground import Figure, clean, place

from mlops_cli.core.errors import ConflictError, MlopsError
from mlops_cli.core.exits import Exit
from mlops_cli.environments import record

if TYPE_CHECKING:
    from fakes.fault_proxy import Action
    from figures_ground import Figures, Place

OBSERVATIONS = 10_000
PARTS = 12
DEPLOYS = 40
FAULTS: tuple[Action, ...] = (
    Status(500),
    Status(503, b"<Error><Code>SlowDown</Code></Error>"),
    Status(403, b"<Error><Code>AccessDenied</Code></Error>"),
    Status(500, after=True),
    Reset(),
    Drop(),
    Delay(1.0),
    Truncate(3),
)


def mixed_views() -> Figures:
    """A node copies in any order, and looks all the while; deploys go on."""
    with place() as here:
        parts = [here.ground.root / f"churn/part_{number}.py" for number in range(PARTS)]
        text = "".join(f"from . import part_{n}\nassert part_{n}.W == WORD\n" for n in range(PARTS))
        (here.ground.root / "churn/__init__.py").write_text(f"from .words import WORD\n{text}")

        def deploy(number: int) -> None:
            here.ground.say(f"word {number}")
            for part in parts:
                part.write_text(f"W = 'word {number}'\n")
            here.ground.deploy(deadline_seconds=120.0)

        deploy(0)
        number = 0
        with observing(here.ground.dags / "churn/churn.py") as seen:
            while len(seen) < OBSERVATIONS:
                number += 1
                deploy(number)
        words = [one["words"] for one in seen if "words" in one]
        numbers = [int(word.split()[1]) for found in words for word in found]
        mixed = sum("trace" in one or len(one["words"]) != 1 for one in seen)
        mixed += sum(after < before for before, after in itertools.pairwise(numbers))
    told = f"{mixed} of {len(seen):,}, during {number} deploys"
    name = "mixed, missing or older views of a release on a syncing node"
    yield Figure(name, f"0 of >= {OBSERVATIONS:,}", told, mixed == 0 and len(seen) >= OBSERVATIONS)


def false_successes() -> Figures:
    """Deploys through faults at random requests, and an Airflow that does not always look."""
    seed = random.randrange(10**6)
    chance, false, done = random.Random(seed), 0, 0
    with place() as here:
        here.ground.deploy()
        for number in range(DEPLOYS):
            here.ground.say(f"word {number}")
            here.ground.fake.frozen = chance.random() < 0.2
            for _ in range(chance.randrange(1, 4)):
                action, offset = chance.choice(FAULTS), chance.randrange(25)
                here.proxy.rule("*", "*", action, offset=offset, times=chance.randrange(1, 6))
            try:
                found: Any = here.ground.deploy(deadline_seconds=chance.choice((1.0, 20.0)))
            except MlopsError:
                found = None
            here.proxy.clear()
            if found is not None:
                done += 1
                tags = here.ground.fake.dags["churn_training"].tags
                is_live = here.ground.live() == found.release
                false += not (is_live and f"release:{found.release}" in tags)
            _unlock(here)
    told = f"{false} of {done} successes in {DEPLOYS} deploys with faults (seed {seed})"
    yield Figure("a success that Airflow does not show", "0", told, false == 0 and done > 0)


def _unlock(here: Place) -> None:
    """Nobody waits for a lease here; another figure does."""
    here.ground.fake.frozen = False
    here.ground.open().store.unlock()


def after_a_kill() -> Figures:
    """Kills at every fourth request; what the next deploy sends although it is there."""
    with place() as here, clean() as folder:
        import os

        from fakes import moto_server as moto

        os.environ |= moto.credentials(here.url) | {"AWS_ENDPOINT_URL": here.proxy.url}
        count = len(kill_requests.requests_of(here.proxy, here.url, Path(folder)))
        points = range(0, count + 1, 4)
        tally = kill_requests.torture(here.proxy, here.url, Path(folder), points)
    again = max(tally.put_again, default=0)
    told = f"missing + {again} at most, after {tally.kills} kills"
    yield Figure("objects sent by the deploy after a kill", "<= missing + 5", told, again <= 5)


def stops() -> Figures:
    """From Ctrl-C to the end of the process, at several points of a deploy."""
    took = {}
    with place() as here:
        here.ground.deploy()
        for path in ("*lock.json", "*/_releases/*.zip", "*/dags/churn/churn.py", "*/_history/*"):
            here.ground.say(f"word {path}")
            took[path] = _stopped(here, path, silent=False)
        took["a silent server"] = _stopped(here, "*/_releases/*.zip", silent=True)
        here.ground.fake.frozen = True
        here.ground.say("waiting")
        took["waiting for Airflow"] = _stopped(here, None, silent=False)
    worst = max(took, key=lambda name: took[name])
    told = f"{took[worst]:.2f} s at most (`{worst}`), at {len(took)} points"
    yield Figure("Ctrl-C to the end of the process", "<= 2 s", told, took[worst] <= 2)


def _stopped(here: Place, path: str | None, *, silent: bool) -> float:
    child = here.ground.start_deploy()
    if path is None:
        lines = iter(child.stderr.readline, "")
        assert any("Waiting for Airflow" in line for line in lines)
        time.sleep(0.3)
    else:
        rule = here.proxy.rule("PUT", path, Blackhole() if silent else Delay(0.2))
        while not rule.done and child.poll() is None:
            time.sleep(0.002)
    if silent:
        here.proxy.rule("*", "*", Blackhole(), times=None)
    child.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, told = child.communicate(timeout=60)
    took = time.monotonic() - began
    assert child.returncode == Exit.INTERRUPTED, told
    here.proxy.clear()
    _unlock(here)
    return took


def silent() -> Figures:
    """A server that takes the connection and never answers: the time to the first error."""
    with place() as here:
        here.proxy.rule("*", "*", Blackhole(), times=None)
        began = time.monotonic()
        child = here.ground.start_deploy()
        _, told = child.communicate(timeout=120)
        took = time.monotonic() - began
        here.proxy.clear()
    met = took <= 30 and child.returncode == Exit.UNAVAILABLE and "Traceback" not in told
    told = f"{took:.1f} s, exit {child.returncode}"
    yield Figure("a silent endpoint, to the first error", "<= 30 s, exit 6", told, met)


def a_dead_holder() -> Figures:
    """A deploy is killed while it holds the lock; others try until they get it."""
    with place() as here:
        here.ground.deploy()
        here.ground.say("two")
        rule = here.proxy.rule("PUT", "*/_releases/*.zip", Kill(lambda: child.pid))
        child = here.ground.start_deploy()
        child.wait(60)
        died = time.monotonic()
        assert (child.returncode, rule.done) == (-signal.SIGKILL, 1)
        while True:
            try:
                with here.ground.open().store.lock("the next one") as lease:
                    took = time.monotonic() - died
                    taken = lease.taken_over
                    break
            except ConflictError:
                time.sleep(0.5)
        live = record.live(here.ground.open().store, "churn")
        whole = live is not None
    met = took <= 120 and taken is not None and taken.pid == child.pid and whole
    yield Figure("a dead deployer's lock is free after", "<= 120 s", f"{took:.1f} s", met)
