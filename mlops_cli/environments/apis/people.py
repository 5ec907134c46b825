"""What tasks ask people and what people answer, in the words of API v2 (Airflow 3.1 and later)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_cli.core.errors import ConflictError, NotAllowedError, ProjectError, UsageError
from mlops_cli.environments.port import Question

from .asking import Asking, part, run_path
from .shapes import moment
from .transport import detail

if TYPE_CHECKING:
    from collections.abc import Mapping


class People(Asking):
    """The part of the API for Airflow's human-in-the-loop tasks."""

    def questions(self, dag_id: str, *, limit: int = 50) -> tuple[Question, ...]:
        """What tasks of a DAG have asked people, the newest first; none where Airflow is older."""
        path = f"/dags/{part(dag_id)}/dagRuns/~/hitlDetails"
        found = self._pages(path, "hitl_details", {"order_by": "-created_at"}, most=limit)
        return tuple(_question(item) for item in found)

    def answer(self, question: Question, chosen: str, given: Mapping[str, Any]) -> None:
        """Answer what a task asked; sent once, never repeated.

        Raises:
            ConflictError: It was answered before.
            NotAllowedError: Only others may answer it.
            ProjectError: Nobody asks that any more.
            UsageError: Airflow refused it.
            UnfinishedError: No answer came; it may or may not have been taken.
        """
        run = run_path(question.dag_id, question.run_id)
        path = f"{run}/taskInstances/{part(question.task_id)}/{question.map_index}/hitlDetails"
        body = {"chosen_options": [chosen], "params_input": dict(given)}
        answer = self._send("PATCH", path, body=body, once=True)
        what = f"answer `{question.task_id}` of run `{question.run_id}`"
        if answer.status == 409:
            raise ConflictError(f"Could not {what}: it was answered before")
        if answer.status == 403:
            raise NotAllowedError(f"Could not {what}{detail(answer, ': ')}")
        if answer.status == 404:
            raise ProjectError(f"Could not {what}: it asks nothing any more")
        if answer.status in {400, 422}:
            raise UsageError(f"Could not {what}{detail(answer, ': ')}")
        self._expect(answer, {200}, what)

    def question_url(self, question: Question) -> str:
        """Where a person answers it in the browser."""
        run = f"/dags/{part(question.dag_id)}/runs/{part(question.run_id)}"
        return f"{self._transport.url}{run}/tasks/{part(question.task_id)}/required_actions"


def _question(body: Mapping[str, Any]) -> Question:
    task = body["task_instance"]
    user = body.get("responded_by_user") or {}
    return Question(
        dag_id=task["dag_id"],
        run_id=task["dag_run_id"],
        task_id=task["task_id"],
        map_index=int(task.get("map_index", -1)),
        state=task.get("state"),
        subject=str(body.get("subject") or ""),
        options=tuple(body.get("options") or ()),
        asked=moment(body.get("created_at")),
        answered=moment(body.get("responded_at")),
        chosen=tuple(body.get("chosen_options") or ()),
        by=user.get("name") or None,
        given=body.get("params_input") or {},
    )
