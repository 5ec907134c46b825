"""Changes who is champion in an MLflow registry; run by path in a project's own environment.

    python registry_change.py ANSWER.json REQUEST.json

What may be done is decided here, while nobody else can change it. Of ours it imports only what is
copied into every project: the pipelines move the champion by the same code.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

RUNTIME = Path(__file__).resolve().parents[1]


class Refusal(Exception):  # noqa: N818 -- an answer, not an error
    """It must not be done: the kind of refusal, why, and what to type instead."""

    def __init__(self, kind: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.answer = {"kind": kind, "message": message, "hint": hint}


def main(request: dict[str, Any]) -> dict[str, Any]:
    """Do what is asked; what came of it."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    from mlflow import MlflowClient  # type: ignore[import-not-found, unused-ignore]

    # Behind everything else: no name of the project's own libraries is hidden.
    sys.path.append(str(RUNTIME))
    uri = request["tracking_uri"]
    change = Change(MlflowClient(tracking_uri=uri, registry_uri=uri), request)
    with change.champion.held(change.path):
        try:
            done: dict[str, Any] = getattr(change, request["action"])(request["version"])
        except Refusal as refusal:
            return {"refused": refusal.answer}
    return {"done": done}


class Change:
    """One change of a model's versions."""

    def __init__(self, client: Any, request: dict[str, Any]) -> None:  # noqa: ANN401 -- MLflow's
        self.champion = importlib.import_module("runtime.champion")
        self.passport = importlib.import_module("runtime.passport")
        self.client = client
        self.name: str = request["name"]
        self.path = Path(request["passport"])
        self.facts: dict[str, Any] = request["facts"]

    def promote(self, version: str) -> dict[str, Any]:
        """Make an approved version the champion."""
        tags = self._tags(version)
        audit = tags.get("audit", "Undefined")
        if audit != "Complete":
            raise Refusal(
                "conflict",
                f"it is not approved (audit: {audit})",
                f"Have it approved: `mlops models approve {self.name} {version}`",
            )
        return self._serve(version, tags, self.champion.PROMOTED)

    def rollback(self, version: str | None) -> dict[str, Any]:
        """Go back to the version that was champion before, or to one of those before it."""
        serving = self.champion.current(self.client, self.name)
        if serving is None:
            raise Refusal("conflict", "no version is in service")
        line = self.champion.lineage(self.passport.read(self.path))
        if line and line[-1] == serving:
            line.pop()
        elif serving in line and version in (None, serving):
            # A rollback was cut off between the registry and the passport: only write it down.
            return self._serve(serving, self._tags(serving), self.champion.RETURNED)
        if version is not None:
            if version not in line:
                raise Refusal(
                    "usage",
                    f"version {version} was not in service before version {serving}",
                    f"To put it there: `mlops models promote {self.name} {version}`",
                )
            return self._serve(version, self._tags(version), self.champion.RETURNED)
        while line:
            tags = self._tags(line[-1], missing={"deploy": self.champion.ARCHIVED})
            if tags.get("deploy") != self.champion.ARCHIVED and line[-1] != serving:
                return self._serve(line[-1], tags, self.champion.RETURNED)
            line.pop()
        raise Refusal("conflict", f"no version was in service before version {serving}")

    def archive(self, version: str) -> dict[str, Any]:
        """Take a version out of what can be promoted."""
        tags = self._tags(version)
        if self.champion.current(self.client, self.name) == version:
            raise Refusal(
                "conflict",
                "it is the champion, and without it nothing would be in service",
                f"First promote another: `mlops models promote {self.name} N`",
            )
        changed = tags.get("deploy") != self.champion.ARCHIVED
        if changed:
            self.client.set_model_version_tag(self.name, version, "deploy", self.champion.ARCHIVED)
            self.passport.add(self.path, {**self._entry("archived", tags), "version": version})
        return {"version": version, "before": None, "changed": changed}

    def _serve(self, version: str, tags: dict[str, str], event: str) -> dict[str, Any]:
        if tags.get("deploy") == self.champion.ARCHIVED:
            raise Refusal("conflict", f"version {version} is archived", "Choose another version")
        before = self.champion.put(
            self.client, self.name, version, path=self.path, facts=self._entry(event, tags)
        )
        last = self.passport.read(self.path)[-1]
        changed = last.get("request") == self.facts["request"]
        return {"version": version, "before": before, "changed": changed}

    def _entry(self, event: str, tags: dict[str, str]) -> dict[str, Any]:
        origin = {"release": tags.get("release"), "commit": tags.get("commit") or None}
        return {"event": event, "run": None, **origin, **self.facts}

    def _tags(self, version: str, missing: dict[str, str] | None = None) -> dict[str, str]:
        known = self.client.search_model_versions(f"name = '{self.name}'", max_results=10_000)
        numbers = {str(one.version): dict(one.tags) for one in known}
        if version in numbers:
            return numbers[version]
        if missing is not None:
            return missing
        told = ", ".join(sorted(numbers, key=int)) or "none"
        raise Refusal("usage", f"there is no version {version}", f"Its versions: {told}")


if __name__ == "__main__":
    answer, asked = map(Path, sys.argv[1:])
    done = main(json.loads(asked.read_text(encoding="utf-8")))
    answer.write_text(json.dumps(done), encoding="utf-8")
