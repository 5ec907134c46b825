"""The policies of `docs/iam.md` are enough for everything mlops does in AWS, and no more."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fakes import moto_server as moto
from fakes.grounds import CLOCK, PASSWORD, MwaaGround, add_environment, airflow_text, mwaa_ground

from mlops_cli.checks.doctor import diagnose
from mlops_cli.core.errors import NotAllowedError, ProjectError
from mlops_cli.core.exits import Exit
from mlops_cli.deployment.destroy import destroy
from mlops_cli.deployment.rollback import releases, rollback
from mlops_cli.environments import mwaa as mwaa_module
from mlops_cli.environments.open import open_environment
from mlops_cli.environments.port import TaskInfo
from mlops_cli.environments.stores import s3 as s3_module
from mlops_cli.project.loader import load
from mlops_cli.runs.status import status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/iam.md"
SERVICES = {
    "s3": "s3",
    "mwaa": "airflow",
    "logs": "logs",
    "sts": "sts",
    "secretsmanager": "secretsmanager",
}
"""What botocore calls a service, and what IAM does."""
OTHERWISE = {
    "ListObjectsV2": "ListBucket",
    "DeleteObjects": "DeleteObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
}
FREE = "sts:GetCallerIdentity"


def policies() -> dict[str, Any]:
    """Heading to policy."""
    parts = re.findall(r"^## (.*?)\n.*?^```json\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    return {heading: json.loads(text) for heading, text in parts}


def listed(value: object) -> list[str]:
    return [value] if isinstance(value, str) else list(value)  # type: ignore[call-overload]


def action_of(service: str, operation: str, parameters: dict[str, Any] | None = None) -> str:
    name = OTHERWISE.get(operation, operation)
    if operation == "GetObject" and parameters and "VersionId" in parameters:
        name = "GetObjectVersion"
    return f"{SERVICES[service]}:{name}"


# --- what the code can send ------------------------------------------------------------------


def operations() -> set[tuple[str, str]]:
    """Every operation of these services whose name stands in the code."""
    from botocore import xform_name
    from botocore.loaders import Loader

    names = {
        xform_name(operation): (service, operation)
        for service in SERVICES
        for operation in Loader().load_service_model(service, "service-2")["operations"]
    }
    found = set()
    for path in (ROOT / "mlops_cli").rglob("*.py"):
        # The emulator is no client, and rulesets read data with the rights of whoever checks it.
        if {"emulated", "quality"} & set(path.parts[:-1]):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and node.value in names:
                found.add(names[node.value])
    return found


def test_every_operation_in_the_code_is_in_a_policy_and_nothing_else_is() -> None:
    sent = {action_of(*one) for one in operations()} | {"s3:GetObjectVersion"}
    allowed = {
        action
        for policy in policies().values()
        for statement in policy["Statement"]
        for action in listed(statement["Action"])
    }
    assert sent - {FREE} == allowed


def test_no_policy_allows_more_than_it_names() -> None:
    for heading, policy in policies().items():
        for statement in policy["Statement"]:
            assert not any("*" in action for action in listed(statement["Action"])), heading
            if listed(statement["Resource"]) == ["*"]:
                # There is no resource to name, and it only reads names.
                assert statement["Action"] == "airflow:ListEnvironments"


# --- an AWS that refuses all else ------------------------------------------------------------


@dataclass
class Guard:
    """Refuses what the policies do not allow, as AWS would, and remembers what they did."""

    statements: Sequence[dict[str, Any]]
    used: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)

    def check(self, service: str, operation: str, parameters: dict[str, Any]) -> None:
        from botocore.exceptions import ClientError

        action = action_of(service, operation, parameters)
        if action == FREE:
            return
        for resource in _resources(service, operation, parameters):
            if any(_allows(one, action, resource, parameters) for one in self.statements):
                self.used.add(action)
                continue
            self.refused.append(f"{action} on {resource}")
            error = {"Code": "AccessDenied", "Message": f"not authorized: {action} on {resource}"}
            told = {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 403, "HTTPHeaders": {}}}
            raise ClientError(told, operation)


def _resources(service: str, operation: str, parameters: dict[str, Any]) -> list[str]:
    if service == "s3":
        bucket = f"arn:aws:s3:::{parameters['Bucket']}"
        if operation == "DeleteObjects":
            return [f"{bucket}/{item['Key']}" for item in parameters["Delete"]["Objects"]]
        return [f"{bucket}/{parameters['Key']}" if "Key" in parameters else bucket]
    if service == "mwaa":
        if "Name" not in parameters:
            return ["*"]
        start = f"arn:aws:airflow:{moto.REGION}:{moto.ACCOUNT}"
        if operation in ("InvokeRestApi", "CreateWebLoginToken"):
            return [f"{start}:role/{parameters['Name']}/Op"]
        return [f"{start}:environment/{parameters['Name']}"]
    if service == "logs":
        group, stream = parameters["logGroupName"], parameters["logStreamName"]
        start = f"arn:aws:logs:{moto.REGION}:{moto.ACCOUNT}"
        return [f"{start}:log-group:{group}:log-stream:{stream}"]
    # The service puts six characters behind the name.
    start = f"arn:aws:secretsmanager:{moto.REGION}:{moto.ACCOUNT}"
    return [f"{start}:secret:{parameters['SecretId']}-AbCdEf"]


def _allows(
    statement: dict[str, Any], action: str, resource: str, parameters: dict[str, Any]
) -> bool:
    conditions = statement.get("Condition", {})
    wanted = conditions.get("StringLikeIfExists", {}).get("s3:prefix")
    prefix = parameters.get("Prefix")
    return (
        statement["Effect"] == "Allow"
        and action in listed(statement["Action"])
        and any(fnmatchcase(resource, pattern) for pattern in listed(statement["Resource"]))
        and (
            wanted is None
            or prefix is None
            or any(fnmatchcase(prefix, pattern) for pattern in wanted)
        )
    )


@pytest.fixture
def ground(
    tmp_path: Path, s3_url: str, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MwaaGround]:
    monkeypatch.setattr(mwaa_module, "_POLL_SECONDS", 0.05)
    with mwaa_ground(tmp_path, bucket, s3_url, monkeypatch) as made:
        yield made


def guard_with(monkeypatch: pytest.MonkeyPatch, ground: MwaaGround, *without: str) -> Guard:
    """Put the page's policies, with this ground's values, in front of every client."""
    from botocore.client import BaseClient

    values = {
        "BUCKET": ground.bucket, "PREFIX": "dags", "PROJECT": "churn", "ENVIRONMENT": ground.name,
        "MWAA": "acme", "REGION": moto.REGION, "ACCOUNT": moto.ACCOUNT, "ID": "ground/airflow",
    }  # fmt: skip
    text = json.dumps([policy for name, policy in policies().items() if name not in without])
    for name, value in values.items():
        text = re.sub(rf"\b{name}\b", value, text)
    guard = Guard([one for policy in json.loads(text) for one in policy["Statement"]])
    send = BaseClient._make_api_call

    def checked(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        # The node and the emulator have rights of their own; ours say who we are.
        if "mlops" in str(client.meta.config.user_agent_extra):
            guard.check(client.meta.service_model.service_name, operation, parameters)
        return send(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", checked)
    return guard


def test_the_policies_are_enough_for_a_life_in_mwaa(
    ground: MwaaGround, monkeypatch: pytest.MonkeyPatch, s3_url: str
) -> None:
    guard = guard_with(monkeypatch, ground)
    more = {"progress": ground.notes, "clock": CLOCK}
    examined = diagnose(load(ground.root), ground.name, **more)
    assert [item.summary for item in examined.findings if item.status == "failed"] == [
        "`apache-airflow-providers-amazon` is not installed"
    ]
    (ground.root / "mwaa").mkdir()
    (ground.root / "mwaa/requirements.txt").write_text("apache-airflow==3.3.1\n")
    first = ground.deploy(with_environment=True)
    monkeypatch.setattr(s3_module, "_IN_ONE", 1)  # every file is sent in parts
    monkeypatch.setattr(s3_module, "_IN_MEMORY", 1)
    ground.say("two")
    second = ground.deploy()
    assert (first.release, second.previous) == (second.previous, first.release)
    project = load(ground.root)
    back = rollback(project, ground.name, to=None, deadline_seconds=20, **more)
    assert back.release == first.release
    assert len(releases(project, ground.name, **more).releases) == 2
    status(project, None, ground.name, **more)
    api = ground.open().airflow
    task = TaskInfo("a" * 60, -1, "success", 1, None, None)
    api.log("churn_training", "run", task)  # too long for InvokeRestApi
    ground.server.environments["acme"].facts["WebserverAccessMode"] = "PRIVATE_ONLY"
    ground.open().airflow.log("churn_training", "run", task)
    done = destroy(project, ground.name, history=True, approve=lambda _: True, **more)
    assert done
    assert guard.refused == []
    _fail_on_purpose(ground, guard)
    _look_up_a_secret(ground, guard, s3_url, monkeypatch)
    assert guard.refused == []
    allowed = {action for one in guard.statements for action in listed(one["Action"])} - guard.used
    # That it is needed at all shows only when an upload in parts breaks off.
    assert allowed <= {"s3:AbortMultipartUpload"}


def _fail_on_purpose(ground: MwaaGround, guard: Guard) -> None:
    """An environment that is not there: the others are named."""
    text = (ground.root / "mlops.yaml").read_text()
    (ground.root / "mlops.yaml").write_text(text.replace("name: acme", "name: acmee"))
    name = {"Name": "acmee"}
    guard.statements = [
        json.loads(json.dumps(one).replace("environment/acme", "environment/acme*"))
        for one in guard.statements
    ]
    guard.check("mwaa", "GetEnvironment", name)
    with pytest.raises(ProjectError) as caught:
        ground.open()
    assert caught.value.hint == "There are `acme`"
    (ground.root / "mlops.yaml").write_text(text)


def _look_up_a_secret(
    ground: MwaaGround, guard: Guard, s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD, "not used")
    moto.client(s3_url, "secretsmanager").create_secret(
        Name="ground/airflow", SecretString=ground.fake.password
    )
    text = airflow_text(
        ground.fake, "{kind: folder, path: dags2}", more=f", region: {moto.REGION}"
    ).replace(f"env:{PASSWORD}", "aws-secretsmanager:ground/airflow")
    add_environment(ground.root, "hosted", text)
    api = open_environment(
        load(ground.root), "hosted", start=False, progress=ground.notes, clock=CLOCK
    ).airflow
    assert api.import_errors() == ()
    assert "secretsmanager:GetSecretValue" in guard.used


def test_the_doctor_finds_a_policy_that_is_too_small(
    ground: MwaaGround, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = guard_with(monkeypatch, ground)
    guard.statements = [
        one for one in guard.statements if "s3:GetBucketVersioning" not in listed(one["Action"])
    ]
    examined = diagnose(load(ground.root), ground.name, progress=ground.notes, clock=CLOCK)
    assert examined.exit_code is Exit.NO
    hints = [item.hint for item in examined.findings if item.check == "versioning"]
    assert hints[0] is not None
    assert hints[0].startswith(f"Allow `s3:GetBucketVersioning` on `arn:aws:s3:::{ground.bucket}`")


def test_without_the_policy_for_what_is_installed_code_can_be_deployed_all_the_same(
    ground: MwaaGround, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = guard_with(monkeypatch, ground, "What MWAA installs", "Secrets")
    assert ground.deploy().release
    assert guard.refused == []
    (ground.root / "mwaa").mkdir()
    (ground.root / "mwaa/requirements.txt").write_text("apache-airflow==3.3.1\n")
    with pytest.raises(NotAllowedError, match="s3:PutObject"):
        ground.deploy(with_environment=True)
