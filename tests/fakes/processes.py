"""What runs on this machine."""

from __future__ import annotations

import subprocess


def children(pid: int) -> list[int]:
    """The processes that a process has started, in that order."""
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=True
    )
    return sorted(int(line) for line in listed.stdout.split())
