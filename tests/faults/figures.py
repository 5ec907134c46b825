"""Measures what the docs promise when things go wrong, and says which figure is missed.

python tests/faults/figures.py [NAME…]
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

# It runs as a script, too.
sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

import figures_deploys  # noqa: E402 -- see above
import figures_faults  # noqa: E402
import figures_runs  # noqa: E402
from figures_ground import clean  # noqa: E402

EVERY = {
    "requests": figures_deploys.of_what_is_live,
    "sizes": figures_deploys.of_many_files,
    "memory": figures_deploys.memory,
    "rollback": figures_deploys.rollback,
    "mixed": figures_faults.mixed_views,
    "false": figures_faults.false_successes,
    "kills": figures_faults.after_a_kill,
    "stops": figures_faults.stops,
    "silent": figures_faults.silent,
    "lock": figures_faults.a_dead_holder,
    "replies": figures_runs.lost_replies,
    "follow": figures_runs.follow,
    "logs": figures_runs.a_gigabyte,
}


def main(names: list[str]) -> int:
    """Measure these, by default all; 1 when one of them is missed."""
    # Where it runs in the background, what it starts would be deaf to Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    say(f"Load of the machine {os.getloadavg()[0]:.1f}, cores {os.cpu_count()}\n")
    say("| figure | target | measured | met |\n|---|---|---|---|")
    missed, began = 0, time.monotonic()
    for name in names or EVERY:
        with clean():
            for figure in EVERY[name]():
                missed += not figure.met
                say(figure.row())
    say(f"\n{missed} missed; {time.monotonic() - began:.0f} s")
    return min(1, missed)


def say(text: str) -> None:
    """On its way at once: some of them take minutes."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
