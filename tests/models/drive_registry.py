"""Makes versions in an MLflow registry and changes them; run in a project's own environment.

One process for a whole test: importing MLflow takes longer than all that is done with it.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path


def main(request):
    from mlflow import MlflowClient

    client = MlflowClient(request["tracking_uri"], request["tracking_uri"])
    register(client, request["versions"], request["artifacts"])
    if not request["changes"]:
        return []
    spec = importlib.util.spec_from_file_location("registry_change", request["script"])
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return [changed(client, script, request, one) for one in request["changes"]]


def register(client, versions, artifacts):
    experiment = client.create_experiment("churn", artifacts)
    client.create_registered_model("churn")
    for made in versions:
        run = client.create_run(experiment)
        for name, value in made.get("metrics", {}).items():
            client.log_metric(run.info.run_id, name, value)
        for name, value in made.get("params", {}).items():
            client.log_param(run.info.run_id, name, value)
        if "evaluation" in made:
            client.log_dict(run.info.run_id, made["evaluation"], "evaluation.json")
        version = client.create_model_version("churn", "file:///nowhere", run.info.run_id)
        for name, value in made.get("tags", {}).items():
            client.set_model_version_tag("churn", version.version, name, value)
        if made.get("champion"):
            client.set_registered_model_alias("churn", "champion", version.version)


def changed(client, script, request, change):
    number, action, version, keep = change
    before = None
    if keep:  # the passport as it was: killed between the registry and the passport
        before = Path(request["passport"]).read_bytes()
    facts = {"environment": "local", "by": "ada", "reason": "because", "request": f"c-{number}"}
    asked = {key: request[key] for key in ("tracking_uri", "name", "passport")}
    answer = script.main({**asked, "action": action, "version": version, "facts": facts})
    if before is not None:
        Path(request["passport"]).write_bytes(before)
    aliases = client.get_registered_model("churn").aliases
    known = client.search_model_versions("name = 'churn'")
    return {
        **answer,
        "champion": aliases.get("champion") and str(aliases["champion"]),
        "deploy": {str(one.version): one.tags.get("deploy") for one in known},
    }


if __name__ == "__main__":
    asked = json.loads(Path(sys.argv[1]).read_text())
    sys.stdout.write("\n" + json.dumps(main(asked)) + "\n")
