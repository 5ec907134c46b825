"""Writes the home of the local Airflow: its `airflow.cfg`, its keys and its password.

All of it is for the user alone: the folder is 0700, files that hold a secret are 0600.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from configparser import ConfigParser, Error
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_cli.core.files import write_atomic
from mlops_cli.core.redact import Secret
from mlops_cli.project.paths import data_dir

from .supervisor import COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

USERNAME: Final = "admin"
COMPANIONS: Final = ("mwaa",)
"""What may run beside the components."""

_PRIVATE: Final = 0o600
_PORTS: Final = 65_536


@dataclass(frozen=True, slots=True)
class Home:
    """The places inside the local Airflow's folder."""

    root: Path

    @property
    def dags(self) -> Path:
        """Where releases are deployed to."""
        return self.root / "dags"

    @property
    def configuration(self) -> Path:
        """Airflow's own configuration, written anew at each start."""
        return self.root / "airflow.cfg"

    @property
    def password_file(self) -> Path:
        """User name to password, as JSON: what Airflow's simple auth manager reads."""
        return self.root / "password.json"

    @property
    def lock(self) -> Path:
        """Held, by `flock`, as long as any process of the local Airflow lives."""
        return self.root / "running.lock"

    @property
    def members(self) -> Path:
        """Open in every process that was forked for it, and in no other."""
        return self.root / "members"

    @property
    def state(self) -> Path:
        """What is running: process id, address, version."""
        return self.root / "instance.json"

    @property
    def logs(self) -> Path:
        """The components' own logs."""
        return self.root / "components"


def local_home() -> Home:
    """The one local Airflow this user has."""
    return Home(data_dir() / "airflow")


def log_files(home: Home) -> Mapping[str, Path]:
    """Component to its own log file, in the order they are started, where there is one."""
    files = {name: home.logs / f"{name}.log" for name in ("supervisor", *COMPONENTS, *COMPANIONS)}
    return {name: path for name, path in files.items() if path.is_file()}


def prepare(home: Home, *, api_port: int, execution_port: int) -> Secret:
    """Make the home ready for a start at these ports.

    Keys and the password are generated once and kept: sessions and stored connections outlive
    a restart.

    Returns:
        The password of the user `admin`.
    """
    home.root.mkdir(parents=True, exist_ok=True)
    home.root.chmod(0o700)
    for folder in (home.dags, home.logs):
        folder.mkdir(exist_ok=True)
    text = _render(home, _keys(home), api_port=api_port, execution_port=execution_port)
    write_atomic(home.configuration, text, mode=_PRIVATE)
    return _password(home)


def read_password(home: Home) -> Secret | None:
    """The password of the user `admin`, or None where none was generated yet."""
    try:
        value = json.loads(home.password_file.read_text())[USERNAME]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Secret(value) if isinstance(value, str) and value else None


def last_port(home: Home) -> int | None:
    """Where the API was the last time: bookmarks go on working."""
    port = _known(home).get("api", "port", fallback="")
    return int(port) if port.isdecimal() and 0 < int(port) < _PORTS else None


def _password(home: Home) -> Secret:
    known = read_password(home)
    if known is None:
        known = Secret(secrets.token_urlsafe(18))
    # Written every time: a file that was made readable for others is repaired.
    write_atomic(home.password_file, json.dumps({USERNAME: known.reveal()}) + "\n", mode=_PRIVATE)
    return known


@dataclass(frozen=True, slots=True)
class _Keys:
    jwt: str
    api: str
    fernet: str


def _keys(home: Home) -> _Keys:
    known = _known(home)
    return _Keys(
        jwt=known.get("api_auth", "jwt_secret", fallback="") or secrets.token_hex(32),
        api=known.get("api", "secret_key", fallback="") or secrets.token_hex(32),
        fernet=known.get("core", "fernet_key", fallback="")
        or base64.urlsafe_b64encode(os.urandom(32)).decode(),
    )


def _known(home: Home) -> ConfigParser:
    known = ConfigParser(interpolation=None)
    with suppress(OSError, Error, UnicodeDecodeError):
        known.read(home.configuration)
    return known


def _render(home: Home, keys: _Keys, *, api_port: int, execution_port: int) -> str:
    # `%` would be taken for interpolation by Airflow's parser.
    root, dags, passwords = (
        str(path).replace("%", "%%") for path in (home.root, home.dags, home.password_file)
    )
    return f"""\
# Written by `mlops airflow start`, anew each time.
[core]
executor = LocalExecutor
dags_folder = {dags}
load_examples = False
# The execution API has its own server and port; both must be known to every task.
execution_api_server_url = http://127.0.0.1:{execution_port}/execution/
fernet_key = {keys.fernet}
simple_auth_manager_users = {USERNAME}:admin
simple_auth_manager_passwords_file = {passwords}
# A run of a paused DAG stays queued for ever.
dags_are_paused_at_creation = False
# 30 seconds by default: so long a changed DAG would still run the tasks of before.
min_serialized_dag_update_interval = 0
# 32 workers by default, all started at once.
parallelism = 4
[api]
host = 127.0.0.1
port = {api_port}
base_url = http://127.0.0.1:{api_port}
secret_key = {keys.api}
[api_auth]
jwt_secret = {keys.jwt}
[database]
sql_alchemy_conn = sqlite:///{root}/airflow.db
[scheduler]
# One second by default, which each task of a run waits for again. At a tenth, an idle scheduler
# takes 28 % of a core, at three tenths 13 %, and a training takes no longer.
scheduler_idle_sleep_time = 0.3
# These three: after a crash, tasks go on in seconds instead of five minutes.
scheduler_heartbeat_sec = 3
scheduler_health_check_threshold = 12
orphaned_tasks_check_interval = 10
task_instance_heartbeat_timeout = 60
[workers]
# Five seconds by default, and so long a worker may sit there after its task has ended.
min_heartbeat_interval = 1
# Five seconds by default, after which a task asks anew and makes a busy machine busier: five times,
# and it failed before it began.
execution_api_timeout = 30
[triggerer]
# So long after a restart deferred tasks go on.
triggerer_health_check_threshold = 12
[dag_processor]
# A new or changed file is seen after at most this; five minutes by default.
refresh_interval = 1
bundle_refresh_check_interval = 1
# For files that did not change; a changed one is parsed at once.
min_file_process_interval = 30
# Off: it would write a table of all files into the log.
print_stats_interval = 0
dag_bundle_storage_path = {root}/bundles
[logging]
base_log_folder = {root}/logs
uvicorn_logging_level = WARNING
# A line for each request and each parsed file would fill the disk of one who never stops it.
namespace_levels = http.access=WARNING airflow.serialization=WARNING airflow.models.dag=WARNING
[usage_data_collection]
enabled = False
"""
