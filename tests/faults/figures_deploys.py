"""What a deploy costs: requests, seconds, memory."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from fakes.grounds import CLOCK
from figures_ground import Figure, fill, place

from mlops_cli.core.exits import Exit
from mlops_cli.deployment.rollback import roll_back

if TYPE_CHECKING:
    from figures_ground import Figures

_PEAK = """
import sys
from pathlib import Path
from mlops_cli.cli.app import main
code = main(["deploy", "--env", "staging", "--skip-checks", "--timeout", "1"])
# What `getrusage` says has the parent's peak in it, from before this program began.
told = next(n for n in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in n)
sys.stderr.write(f"peak {int(told.split()[1]) // 1024} MiB\\n")
sys.exit(code)
"""


def of_what_is_live() -> Figures:
    """Deploying 200 files again that are live already, by the command itself."""
    with place() as here:
        fill(here.ground.root, 200)
        here.ground.deploy()
        took, used = [], []
        for _ in range(3):
            here.proxy.settle()
            here.proxy.clear()
            before = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
            began = time.monotonic()
            asked = [*here.ground.command("deploy"), "--skip-checks"]
            subprocess.run(asked, cwd=here.ground.root, check=True, capture_output=True)
            took.append(time.monotonic() - began)
            used.append(sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) - before)
        here.proxy.settle()
        count = len(here.proxy.requests())
    name = "what is live already, 200 files: requests to the store"
    yield Figure(name, "<= 5", str(count), count <= 5)
    # On a machine that others keep busy, the clock tells of them.
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    best = min(used) if load > cores else min(took)
    told = f"{min(took):.2f} s at load {load:.1f} on {cores} cores, {min(used):.2f} s of CPU"
    name = "… and seconds, the start of Python with it (best of 3; CPU where the machine is busy)"
    yield Figure(name, "<= 2 s", told, best <= 2)


def of_many_files() -> Figures:
    """A first deploy, all of it but what the node and Airflow take to pick it up."""
    for count, limit in ((200, 3.0), (2_000, 20.0)):
        took = []
        for _ in range(3):  # the first one imports what it needs
            with place() as here:
                fill(here.ground.root, count)
                done = here.ground.deploy(deadline_seconds=120.0)
            took.append(done.seconds - done.confirmed_seconds)
        name = f"a first deploy of {count:,} files, without the pick-up (best of 3)"
        told = f"{min(took):.2f} s at load {os.getloadavg()[0]:.1f}"
        yield Figure(name, f"<= {limit:.0f} s", told, min(took) <= limit)


def memory() -> Figures:
    """The peak of a deploy of 10,000 files, 200 MB; nobody waits for the node to have them."""
    with place() as here:
        fill(here.ground.root, 10_000, size=20_000)
        here.ground.fake.frozen = True
        child = subprocess.run(
            [sys.executable, "-c", _PEAK],
            cwd=here.ground.root,
            capture_output=True,
            text=True,
            check=False,
        )
        is_live = here.ground.live() is not None
    found = re.search(r"peak (\d+) MiB", child.stderr)
    peak = int(found[1]) if found else 0
    met = 0 < peak < 300 and is_live and child.returncode == Exit.UNFINISHED
    name = "peak memory of a deploy of 10,000 files of 20 kB"
    yield Figure(name, "< 300 MiB", f"{peak} MiB", met)


def rollback() -> Figures:
    """Going back, without the pick-up."""
    with place() as here:
        here.ground.deploy()
        here.ground.say("two")
        here.ground.deploy()
        began = time.monotonic()
        back = roll_back(
            "churn",
            here.ground.open(),
            to=None,
            deadline_seconds=60,
            progress=here.ground.notes,
            clock=CLOCK,
        )
        took = time.monotonic() - began - back.confirmed_seconds
    yield Figure("rollback, without the pick-up", "<= 5 s", f"{took:.2f} s", took <= 5)
