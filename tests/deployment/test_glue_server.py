"""The small Glue answers boto3 as the service does; without that, nothing proved on it counts."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from fakes.glue_server import Fault, amazon

RULESET = 'Rules = [ RowCount = 3, IsComplete "petal", ColumnValues "petal" > 1.5 ]'
TABLE = {"GlueTable": {"DatabaseName": "flowers", "TableName": "raw"}}
COLUMNS = [{"Name": "petal", "Type": "double"}]


@pytest.fixture(scope="module")
def servers():
    with amazon("flowers") as made:
        yield made


@pytest.fixture
def service(servers, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"petal": [1.0, 2.0, 3.0]}), tmp_path / "rows.parquet")
    servers.glue.s3.upload_file(str(tmp_path / "rows.parquet"), "flowers", "raw/data.parquet")
    for kept in (servers.glue.databases, servers.glue.tables, servers.glue.rulesets):
        kept.clear()
    client = servers.client("glue")
    client.create_database(DatabaseInput={"Name": "flowers"})
    described = {
        "Name": "raw",
        "StorageDescriptor": {"Columns": COLUMNS, "Location": "s3://flowers/raw/"},
    }
    client.create_table(DatabaseName="flowers", TableInput=described)
    return client


def finished(service, run_id, ask="get_data_quality_ruleset_evaluation_run"):
    seen = []
    while not seen or seen[-1]["Status"] in ("STARTING", "RUNNING"):
        seen.append(getattr(service, ask)(RunId=run_id))
    return [one["Status"] for one in seen], seen[-1]


def evaluate(service, **changed):
    started = service.start_data_quality_ruleset_evaluation_run(
        **({"DataSource": TABLE, "Role": "GlueRole", "RulesetNames": ["raw"]} | changed)
    )
    return finished(service, started["RunId"])


def test_a_run_goes_through_its_states_to_a_result_for_each_rule(service):
    service.create_data_quality_ruleset(Name="raw", Ruleset=RULESET)
    states, last = evaluate(service)
    assert states == ["STARTING", "RUNNING", "SUCCEEDED"]
    found = service.batch_get_data_quality_result(ResultIds=[*last["ResultIds"], "none"])
    assert found["ResultsNotFound"] == ["none"]
    (result,) = found["Results"]
    assert result["Score"] == pytest.approx(2 / 3)
    assert [(rule["Name"], rule["Result"]) for rule in result["RuleResults"]] == [
        ("Rule_1", "PASS"),
        ("Rule_2", "PASS"),
        ("Rule_3", "FAIL"),
    ]
    assert result["RuleResults"][0]["EvaluatedMetrics"] == {"Dataset.*.RowCount": 3.0}
    assert service.get_data_quality_result(ResultId=result["ResultId"])["RulesetName"] == "raw"


def test_rulesets_are_created_once_and_then_updated(service):
    service.create_data_quality_ruleset(Name="raw", Ruleset=RULESET)
    with pytest.raises(service.exceptions.AlreadyExistsException):
        service.create_data_quality_ruleset(Name="raw", Ruleset=RULESET)
    service.update_data_quality_ruleset(Name="raw", Ruleset="Rules = [ RowCount > 0 ]")
    assert service.get_data_quality_ruleset(Name="raw")["Ruleset"] == "Rules = [ RowCount > 0 ]"
    assert [one["Name"] for one in service.list_data_quality_rulesets()["Rulesets"]] == ["raw"]
    service.delete_data_quality_ruleset(Name="raw")
    with pytest.raises(service.exceptions.EntityNotFoundException):
        service.update_data_quality_ruleset(Name="raw", Ruleset=RULESET)
    with pytest.raises(service.exceptions.InvalidInputException, match="not valid DQDL"):
        service.create_data_quality_ruleset(Name="raw", Ruleset="Rules = [ RowCount ]")


def test_what_is_missing_or_not_allowed_is_refused(service):
    with pytest.raises(service.exceptions.EntityNotFoundException):
        evaluate(service)
    service.create_data_quality_ruleset(Name="raw", Ruleset=RULESET)
    with pytest.raises(service.exceptions.InvalidInputException, match="assume role"):
        evaluate(service, Role="Nobody")
    missing = {"GlueTable": {"DatabaseName": "flowers", "TableName": "none"}}
    states, last = evaluate(service, DataSource=missing)
    assert (states[-1], last["ErrorString"]) == ("FAILED", "Table none not found.")


def test_faults_come_as_often_as_ordered(service, servers):
    servers.glue.faults.append(Fault("GetTable", times=1))
    assert service.get_table(DatabaseName="flowers", Name="raw")  # boto3 tries again
    servers.glue.faults.append(Fault("GetTable", "AccessDeniedException", "No"))
    with pytest.raises(ClientError, match="AccessDeniedException"):
        service.get_table(DatabaseName="flowers", Name="raw")
    service.create_data_quality_ruleset(Name="raw", Ruleset=RULESET)
    servers.glue.failing.append("Out of workers")
    assert evaluate(service)[1]["ErrorString"] == "Out of workers"


def test_rules_are_recommended_from_the_data(service):
    started = service.start_data_quality_rule_recommendation_run(DataSource=TABLE, Role="GlueRole")
    states, last = finished(service, started["RunId"], "get_data_quality_rule_recommendation_run")
    assert states[-1] == "SUCCEEDED"
    assert 'IsComplete "petal"' in last["RecommendedRuleset"]
