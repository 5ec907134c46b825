"""A command that asks the store each thing once, and what it may not remember."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from faults.kill_requests import deploy, open_store, release

from mlops_cli.core.clock import SystemClock
from mlops_cli.core.progress import Silent
from mlops_cli.deployment.apply import note
from mlops_cli.deployment.live import settle
from mlops_cli.deployment.plan import plan
from mlops_cli.environments import record
from mlops_cli.environments.open import Environment
from mlops_cli.environments.stores.folder import FolderStore
from mlops_cli.environments.stores.remembered import Remembered
from mlops_cli.project.model import LocalEnvironment

if TYPE_CHECKING:
    from pathlib import Path

    from fakes.fault_proxy import FaultProxy


def test_what_is_live_already_costs_five_requests(
    proxy: FaultProxy, bucket: str, tmp_path: Path
) -> None:
    clock = SystemClock()
    for number in range(4):
        staged = release(tmp_path, f"r{number}")
        deploy(bucket, staged)
    store = Remembered(open_store(bucket))
    spec = LocalEnvironment(kind="local")
    environment = Environment("staging", "local", spec, store, None)
    note(environment, staged.manifest, "confirmed", clock=clock)
    proxy.settle()
    proxy.clear()
    # The questions of `deploy`, in its order.
    assert record.releases(store) == ("r3", "r2", "r1", "r0")
    made = plan(environment, staged)
    assert made.unchanged
    assert settle(made, environment, progress=Silent(), clock=clock).release == "r3"
    assert record.live(store, "churn") is not None
    proxy.settle()
    assert len(proxy.requests()) == 5, [(one.method, one.path) for one in proxy.seen]


def test_nothing_is_remembered_across_a_write_or_into_the_lock(tmp_path: Path) -> None:
    behind = FolderStore(tmp_path)
    store = Remembered(behind)
    assert store.read("churn.py") is None
    assert store.list("_releases/") == {}
    behind.swap("churn.py", b"theirs", expected=None)
    behind.put("_releases/r1/a", b"", sha256=hashlib.sha256(b"").hexdigest())
    assert store.read("churn.py") is None
    with store.lock("deploy"):
        found = store.read("churn.py")
        assert found is not None
        assert list(store.list("_releases/")) == ["_releases/r1/a"]
        stamp = datetime.now(UTC).isoformat().encode()
        store.swap("churn.py", stamp, expected=found.etag)
        found = store.read("churn.py")
        assert found is not None
        assert found.data == stamp
