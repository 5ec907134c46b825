"""The emulated MWAA speaks as the service's own model says, to boto3 as it is."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest
from botocore.config import Config
from fakes.airflow_server import Dag, FakeAirflow

from mlops_cli.environments.emulated.behind import Airflow
from mlops_cli.environments.emulated.http import WEB_LOGIN
from mlops_cli.environments.emulated.places import REGION
from mlops_cli.environments.emulated.service import MwaaServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def fake() -> Iterator[FakeAirflow]:
    fake = FakeAirflow()
    fake.add(Dag("churn_training"))
    with fake.serving():
        yield fake


@pytest.fixture
def server(fake: FakeAirflow) -> Iterator[MwaaServer]:
    server = MwaaServer()
    server.add("acme", Airflow(fake.url, "admin", fake.password), bucket="acme-dags")
    with server.serving():
        yield server


@pytest.fixture
def mwaa(server: MwaaServer) -> Any:
    return boto3.client(
        "mwaa",
        endpoint_url=server.url,
        region_name=REGION,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(inject_host_prefix=False, retries={"total_max_attempts": 1}),
    )


def test_environments_are_listed_and_described(mwaa: Any, server: MwaaServer) -> None:
    assert mwaa.list_environments()["Environments"] == ["acme"]
    told = mwaa.get_environment(Name="acme")["Environment"]
    assert told["SourceBucketArn"] == "arn:aws:s3:::acme-dags"
    assert abs(datetime.now(UTC) - told["CreatedAt"].astimezone(UTC)).total_seconds() < 60
    known = mwaa.meta.service_model.shape_for("Environment").members
    assert set(told) <= set(known)
    with pytest.raises(mwaa.exceptions.ResourceNotFoundException, match="acne not found"):
        mwaa.get_environment(Name="acne")


def test_airflows_answers_come_with_status_and_body(mwaa: Any, fake: FakeAirflow) -> None:
    found = mwaa.invoke_rest_api(
        Name="acme", Path="/dags", Method="GET", QueryParameters={"limit": 5, "tags": ["a", "b"]}
    )
    assert (found["RestApiStatusCode"], found["RestApiResponse"]["total_entries"]) == (200, 0)
    assert fake.asked("GET /api/v2/dags.limit=5&tags=a&tags=b$") == 1
    body = {"dag_run_id": "r1", "logical_date": None, "conf": {"deep": [1, None]}}
    request = {"Name": "acme", "Path": "/dags/churn_training/dagRuns", "Method": "POST"}
    mwaa.invoke_rest_api(**request, Body=body)
    assert fake.requests[-1][2] == body
    with pytest.raises(mwaa.exceptions.RestApiClientException) as caught:
        mwaa.invoke_rest_api(**request, Body=body)
    assert caught.value.response["RestApiStatusCode"] == 409
    assert caught.value.response["RestApiResponse"]["detail"]["reason"].startswith("Unique")
    fake.fail("GET /api/v2/dags", status=503)
    with pytest.raises(mwaa.exceptions.RestApiServerException) as caught:
        mwaa.invoke_rest_api(Name="acme", Path="/dags", Method="GET")
    assert caught.value.response["RestApiStatusCode"] == 503


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Path": "/" + "x" * 64}, "less than or equal to 64"),
        ({"Method": "HEAD"}, "must be one of GET"),
        ({"Name": "1acme"}, "must match"),
    ],
)
def test_what_the_model_forbids_is_refused(mwaa: Any, change: dict[str, str], reason: str) -> None:
    request = {"Name": "acme", "Path": "/dags", "Method": "GET"} | change
    with pytest.raises(mwaa.exceptions.ValidationException, match=reason):
        mwaa.invoke_rest_api(**request)


def test_an_update_takes_its_time(mwaa: Any, server: MwaaServer) -> None:
    server.environments["acme"].update_seconds = 0.3
    arn = mwaa.update_environment(
        Name="acme", RequirementsS3Path="r.txt", RequirementsS3ObjectVersion="v1"
    )["Arn"]
    assert arn.endswith("environment/acme")
    during = mwaa.get_environment(Name="acme")["Environment"]
    assert (during["Status"], during["LastUpdate"]["Status"]) == ("UPDATING", "PENDING")
    assert "RequirementsS3Path" not in during
    with pytest.raises(mwaa.exceptions.ValidationException, match="UPDATING"):
        mwaa.update_environment(Name="acme", MaxWorkers=3)
    time.sleep(0.35)
    after = mwaa.get_environment(Name="acme")["Environment"]
    assert (after["Status"], after["RequirementsS3ObjectVersion"]) == ("AVAILABLE", "v1")
    with pytest.raises(mwaa.exceptions.ValidationException, match="go together"):
        mwaa.update_environment(Name="acme", PluginsS3Path="plugins.zip")


def test_a_web_login_token_opens_one_session(mwaa: Any, server: MwaaServer) -> None:
    told = mwaa.create_web_login_token(Name="acme")
    assert told["WebServerHostname"] == server.host
    login = {"token": told["WebToken"]}
    opened = httpx.post(server.url + WEB_LOGIN, data=login)
    headers = {"Authorization": f"Bearer {opened.cookies['_token']}"}
    listed = httpx.get(f"{server.url}/api/v2/dags", headers=headers)
    assert listed.json()["total_entries"] == 1
    assert httpx.post(server.url + WEB_LOGIN, data=login).status_code == 403
    assert httpx.get(f"{server.url}/api/v2/dags").status_code == 401
    assert mwaa.create_cli_token(Name="acme")["CliToken"]


def test_requests_must_be_signed_for_the_service(server: MwaaServer, mwaa: Any) -> None:
    answer = httpx.get(f"{server.url}/environments")
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (
        403,
        "MissingAuthenticationTokenException",
    )
    server.credentials = {"another"}
    with pytest.raises(mwaa.exceptions.ClientError) as caught:
        mwaa.list_environments()
    assert caught.value.response["Error"]["Code"] == "UnrecognizedClientException"
