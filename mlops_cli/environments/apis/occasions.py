"""The other ways a run begins: a range of dates, an asset that is new, a part that is repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_cli.core.errors import ConflictError, ProjectError, UsageError
from mlops_cli.environments.port import Asset, AssetEvent, Backfill

from .asking import Asking, part
from .shapes import moment, run_info, task_info
from .transport import detail

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from mlops_cli.environments.port import RunInfo, TaskInfo

    from .transport import Answer


class Occasions(Asking):
    """Backfills, asset events and cleared tasks, in the words of API v2."""

    def clear(
        self, dag_id: str, run_id: str, tasks: Iterable[str | tuple[str, int]]
    ) -> tuple[TaskInfo, ...]:
        """Have tasks of a run, and all that follow them, run again; sent once, never repeated.

        Raises:
            ConflictError: One of them runs.
            ProjectError: There is no such run.
            UsageError: Airflow refused it.
            UnfinishedError: No answer came; they may or may not have been cleared.
        """
        body = {
            "dry_run": False,
            "dag_run_id": run_id,
            "task_ids": [task if isinstance(task, str) else list(task) for task in tasks],
            "include_downstream": True,
            "only_failed": False,
            "reset_dag_runs": True,
            "prevent_running_task": True,
            # In every kind of bundle the same: the code that is deployed.
            "run_on_latest_version": True,
        }
        path = f"/dags/{part(dag_id)}/clearTaskInstances"
        answer = self._send("POST", path, body=body, once=True)
        if answer.status == 404:
            raise ProjectError(f"Could not run `{run_id}` of `{dag_id}` again{_because(answer)}")
        if answer.status == 409:
            raise ConflictError(
                f"Could not run tasks of `{run_id}` again: one of them runs{detail(answer, ' (')}"
                + (")" if detail(answer) else "")
            )
        self._not_refused(answer, f"run tasks of `{run_id}` again")
        return tuple(task_info(item) for item in answer.body["task_instances"])

    def backfill(
        self, dag_id: str, begin: datetime, end: datetime, conf: Mapping[str, Any]
    ) -> Backfill:
        """Start the runs of a range of dates that are missing or failed; sent once.

        Raises:
            ConflictError: A backfill of the DAG is not finished yet.
            ProjectError: Airflow does not know the DAG.
            UsageError: Airflow refused the dates, the conf, or the DAG has no dates.
            UnfinishedError: No answer came; it may or may not have been started.
        """
        body = _backfill_body(dag_id, begin, end, conf)
        answer = self._send("POST", "/backfills", body=body, once=True)
        self._known_dag(answer, dag_id, "backfill")
        if answer.status == 409:
            raise ConflictError(f"Could not backfill `{dag_id}`: an earlier backfill still runs")
        self._not_refused(answer, f"backfill `{dag_id}`")
        return _backfill(answer.body)

    def backfill_dates(
        self, dag_id: str, begin: datetime, end: datetime, conf: Mapping[str, Any]
    ) -> tuple[datetime, ...]:
        """Which runs a backfill would start, by their logical dates; nothing is started.

        Raises:
            ProjectError: Airflow does not know the DAG.
            UsageError: Airflow refused the dates, the conf, or the DAG has no dates.
        """
        body = _backfill_body(dag_id, begin, end, conf)
        answer = self._send("POST", "/backfills/dry_run", body=body)
        self._known_dag(answer, dag_id, "backfill")
        self._not_refused(answer, f"backfill `{dag_id}`")
        dates = (moment(item.get("logical_date")) for item in answer.body["backfills"])
        return tuple(date for date in dates if date is not None)

    def backfills(self, dag_id: str, *, limit: int = 10) -> tuple[Backfill, ...]:
        """The newest backfills of a DAG first."""
        params = {"dag_id": dag_id, "order_by": "-id"}
        found = self._pages("/backfills", "backfills", params, most=limit)
        return tuple(_backfill(item) for item in found)

    def backfill_runs(self, backfill: Backfill) -> tuple[RunInfo, ...]:
        """The runs of a backfill's dates that a backfill started."""
        params: dict[str, object] = {
            "run_type": "backfill",
            "logical_date_gte": backfill.begin.isoformat(),
            "logical_date_lte": backfill.end.isoformat(),
            "order_by": "logical_date",
        }
        path = f"/dags/{part(backfill.dag_id)}/dagRuns"
        return tuple(run_info(item) for item in self._pages(path, "dag_runs", params))

    def assets(self) -> tuple[Asset, ...]:
        """All assets Airflow knows, with the DAGs that wait for them."""
        found = self._pages("/assets", "assets", {"order_by": "id"})
        return tuple(_asset(item) for item in found)

    def asset_event(self, asset: Asset, extra: Mapping[str, Any]) -> AssetEvent:
        """Say that there is something new in an asset; sent once, never repeated.

        Raises:
            ProjectError: The asset is gone.
            UsageError: Airflow refused it.
            UnfinishedError: No answer came; it may or may not have been said.
        """
        body = {"asset_id": asset.number, "extra": dict(extra)}
        answer = self._send("POST", "/assets/events", body=body, once=True)
        if answer.status == 404:
            raise ProjectError(f"Could not say that `{asset.name}` is new: Airflow has it no more")
        self._not_refused(answer, f"say that `{asset.name}` is new")
        return _event(answer.body)

    def asset_events(self, asset: Asset, *, limit: int = 20) -> tuple[AssetEvent, ...]:
        """What was said of an asset, the newest first."""
        params = {"asset_id": asset.number, "order_by": "-timestamp"}
        found = self._pages("/assets/events", "asset_events", params, most=limit)
        return tuple(_event(item) for item in found)

    def _not_refused(self, answer: Answer, what: str) -> None:
        if answer.status in {400, 422}:
            raise UsageError(f"Could not {what}{_because(answer)}")
        self._expect(answer, {200, 201}, what)


def _because(answer: Answer) -> str:
    return detail(answer, ": ").rstrip(".")


def _backfill_body(
    dag_id: str, begin: datetime, end: datetime, conf: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "dag_id": dag_id,
        "from_date": begin.isoformat(),
        "to_date": end.isoformat(),
        "dag_run_conf": dict(conf),
        # Given again, the same command runs only what is still to be done.
        "reprocess_behavior": "failed",
    }


def _backfill(body: Mapping[str, Any]) -> Backfill:
    begin, end = moment(body.get("from_date")), moment(body.get("to_date"))
    assert begin is not None and end is not None  # noqa: S101, PT018 -- Airflow's own columns
    return Backfill(
        number=int(body["id"]),
        dag_id=str(body["dag_id"]),
        begin=begin,
        end=end,
        conf=body.get("dag_run_conf") or {},
        ended=moment(body.get("completed_at")),
    )


def _asset(body: Mapping[str, Any]) -> Asset:
    return Asset(
        number=int(body["id"]),
        name=str(body["name"]),
        uri=str(body.get("uri") or ""),
        starts=tuple(item["dag_id"] for item in body.get("scheduled_dags") or ()),
    )


def _event(body: Mapping[str, Any]) -> AssetEvent:
    return AssetEvent(
        number=int(body["id"]),
        extra=body.get("extra") or {},
        runs=tuple((run["dag_id"], run["run_id"]) for run in body.get("created_dagruns") or ()),
    )
