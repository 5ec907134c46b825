"""The program beside Airflow that is the account around it: S3, MWAA's service, nodes, logs.

Usage: program.py HOME S3-HANDLE MWAA-HANDLE, run by `mlops_cli.environments.local.supervisor`.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import signal
import socket
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from mlops_cli.environments.local.configuration import USERNAME, Home, read_password

from . import places
from .behind import Airflow
from .bucket import KeptBucket, client, read_facts, serving_aws, write_facts
from .nodes import Node, syncing
from .service import MwaaServer, task_logs_of
from .task_logs import sending_logs

UPDATE_SECONDS: Final = 5.0
_DAGS: Final = "dags"


def main(argv: list[str]) -> int:
    """Be the account until somebody says it is enough."""
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: over.set())
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]  # they lead to us
    home = Home(Path(argv[0]))
    os.open(home.members, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)  # we are one of them
    key = f"EMULATED{secrets.token_hex(16).upper()}"
    with ExitStack() as stack:
        url = stack.enter_context(serving_aws(_listener(argv[1]), key))
        s3 = client(url, key, "s3")
        bucket = KeptBucket(s3, places.BUCKET, places.kept_bucket(home))
        bucket.restore()
        stack.enter_context(bucket.keeping())
        server = _service(home, bucket, key, _listener(argv[2]))
        facts = server.environments[places.NAME].facts
        stack.callback(lambda: write_facts(places.kept_facts(home), facts))
        stack.enter_context(server.serving())
        node = Node(s3, bucket.name, f"{_DAGS}/", home.dags, random.Random())  # noqa: S311 -- an order
        stack.enter_context(syncing([node]))
        group = task_logs_of(places.NAME)
        logs = client(url, key, "logs")
        stack.enter_context(sending_logs(logs, group, home.root / "logs", every_seconds=1.0))
        # Last: who finds this file finds all the rest at work.
        places.write_config(home, key=key, aws_url=url, mwaa_url=server.url)
        stack.callback(places.aws_config(home).unlink, missing_ok=True)
        over.wait()
    return 0


def _service(home: Home, bucket: KeptBucket, key: str, listener: socket.socket) -> MwaaServer:
    password = read_password(home)
    assert password is not None  # noqa: S101 -- written before anything is started
    airflow = Airflow(_airflow_url(home), USERNAME, password.reveal())
    server = MwaaServer(bucket.s3, listener=listener)
    server.credentials = {key}
    facts = read_facts(places.kept_facts(home), bucket)
    version = (home.root / "database-version").read_text().strip()
    environment = server.add(
        places.NAME, airflow, bucket=bucket.name, DagS3Path=_DAGS, AirflowVersion=version, **facts
    )
    environment.update_seconds = UPDATE_SECONDS
    return server


def _airflow_url(home: Home) -> str:
    return f"http://127.0.0.1:{json.loads(home.state.read_text())['port']}"


def _listener(handle: str) -> socket.socket:
    listener = socket.socket(fileno=int(handle))
    listener.set_inheritable(False)
    return listener


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
