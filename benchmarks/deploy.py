"""A deploy to S3 against `aws s3 sync` of the same tree to the same server."""

from __future__ import annotations

import hashlib
import secrets
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

ROUNDS = 5
SIZES = (200, 2_000)


def main() -> int:
    """A full deploy and a change of one file, of two trees."""
    # Here, because the child that is measured has no need of them.
    sys.path[:0] = [str(Path(__file__).parents[1] / "tests")]
    from compare import Comparison, environment, report, seconds
    from fakes import moto_server as moto

    results = []
    with tempfile.TemporaryDirectory() as folder, moto.moto_server() as url:
        base = Path(folder)
        aws = _aws(base)
        env = environment(**moto.credentials(url))
        for size in SIZES:
            full, full_theirs, one, one_theirs = [], [], [], []
            for number in range(ROUNDS):
                tree = _tree(base / f"{size}-{number}", size)
                ours, theirs = (moto.new_bucket(url, f"b-{secrets.token_hex(6)}") for _ in "ab")
                sync = [aws, "s3", "sync", tree, f"s3://{theirs}/dags/churn", "--only-show-errors"]
                deploy = [sys.executable, __file__, "--child", ours, tree]
                full_theirs.append(seconds(sync, env=env))
                full.append(seconds([*deploy, "r1"], env=env))
                changed = tree / "churn" / "part_0000.py"
                changed.write_text(changed.read_text() + "# changed\n")
                one_theirs.append(seconds(sync, env=env))
                one.append(seconds([*deploy, "r2"], env=env))
            name = "aws s3 sync"
            results += [
                Comparison(f"deploy, {size} files", full, name, full_theirs, 1.2),
                Comparison(f"deploy, one of {size} files", one, name, one_theirs, 1.0),
            ]
    return report(*results)


def _aws(base: Path) -> Path:
    """The AWS command line in an environment of its own: its botocore is another one."""
    from compare import BIN, seconds

    place = base / "awscli"
    uv = BIN / "uv"
    seconds([uv, "venv", "--quiet", "--python", sys.executable, place])
    seconds([uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", place, "awscli"])
    return place / "bin" / "aws"


def _tree(folder: Path, size: int) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "churn").mkdir(parents=True)
    for number in range(size):
        text = f"# {secrets.token_hex(8)}\n" + f"NUMBER = {number}\n" * 100
        (folder / "churn" / f"part_{number:04}.py").write_text(text)
    (folder / "settings.json").write_text("{}")
    return folder


def child(bucket: str, tree: Path, name: str) -> None:
    """Deploy a tree as a release, without an Airflow to confirm it."""
    from types import SimpleNamespace

    from mlops_cli.core.clock import SystemClock
    from mlops_cli.core.progress import Silent
    from mlops_cli.deployment.apply import apply
    from mlops_cli.environments import record
    from mlops_cli.environments.aws import Aws
    from mlops_cli.environments.release import manifest
    from mlops_cli.environments.release.build import Release
    from mlops_cli.environments.stores.s3 import S3Store

    clock = SystemClock()
    files = {
        path.relative_to(tree).as_posix(): path.read_bytes()
        for path in sorted(tree.rglob("*"))
        if path.is_file()
    }
    described = manifest.Manifest(
        project="churn",
        package="churn",
        environment="staging",
        release=name,
        digest=hashlib.sha256(name.encode()).hexdigest(),
        files={
            path: manifest.FileEntry(len(data), hashlib.sha256(data).hexdigest())
            for path, data in files.items()
        },
        dags=(),
        lock=None,
        commit=None,
        dirty=False,
        tool="0",
        created_by="benchmark",
        created_at=datetime.now(UTC),
    )
    place = {"prefix": "dags", "project": "churn", "environment": "staging"}
    store = S3Store(Aws(clock=clock), bucket, clock=clock, **place)
    live = record.live(store, "churn")
    plan = SimpleNamespace(
        project="churn",
        release=name,
        environment="staging",
        base=live.etag if live else None,
        live=live.current if live else None,
        dags=(),
    )
    target = SimpleNamespace(store=store, api=None, name="staging")
    apply(plan, Release(name, tree, described), target, progress=Silent(), clock=clock)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], Path(sys.argv[3]), sys.argv[4])
    else:
        sys.exit(main())
