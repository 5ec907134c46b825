"""Where the emulated MWAA lies, and how `mlops` and the AWS tools find it: a profile of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import UnavailableError
from mlops_cli.core.files import write_atomic
from mlops_cli.environments.local.configuration import Home
from mlops_cli.environments.local.leftovers import is_locked
from mlops_cli.project.paths import data_dir

if TYPE_CHECKING:
    from pathlib import Path

KIND: Final = "mwaa"
"""What can be emulated, by its name in `mlops.yaml`."""
PROFILE: Final = "mlops-emulated"
"""The AWS profile that leads to it; it stands in a file of its own, not in the user's."""
NAME: Final = "emulated"
"""The environment's name to MWAA."""
BUCKET: Final = "mlops-emulated"
REGION: Final = "eu-central-1"
ACCOUNT: Final = "123456789012"
"""The account that moto's identities are in; it is nobody's."""


def emulated_home() -> Home:
    """The home of the Airflow behind it, which is not that of the environment `local`."""
    return Home(data_dir() / KIND)


def aws_config(home: Home) -> Path:
    """An AWS configuration file with `PROFILE` in it; there as long as it runs."""
    return home.root / "aws.config"


def kept_bucket(home: Home) -> Path:
    """What is in the bucket, as files: it outlives a restart."""
    return home.root / "bucket"


def kept_facts(home: Home) -> Path:
    """Which files of the bucket the environment has installed."""
    return home.root / "environment.json"


def running_config() -> Path:
    """The AWS configuration file of the one that runs.

    Raises:
        UnavailableError: It does not run.
    """
    home = emulated_home()
    path = aws_config(home)
    if not path.is_file() or not is_locked(home):
        raise UnavailableError(
            "Could not reach the emulated MWAA: it is not running",
            hint="Start it: `mlops airflow start --emulate mwaa`",
        )
    return path


def shell_variables(home: Home) -> dict[str, str]:
    """What a shell exports so that the AWS tools reach it, and never a real account."""
    path = str(aws_config(home))
    return {
        "AWS_CONFIG_FILE": path,
        "AWS_SHARED_CREDENTIALS_FILE": path,
        "AWS_PROFILE": PROFILE,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def write_config(home: Home, *, key: str, aws_url: str, mwaa_url: str) -> None:
    """Tell how it is reached; the access key is for this user alone."""
    text = f"""\
# Written by `mlops airflow start --emulate mwaa`, anew each time.
[profile {PROFILE}]
region = {REGION}
aws_access_key_id = {key}
aws_secret_access_key = {key}
endpoint_url = {aws_url}
services = {PROFILE}
[services {PROFILE}]
mwaa =
  endpoint_url = {mwaa_url}
"""
    write_atomic(aws_config(home), text, mode=0o600)
