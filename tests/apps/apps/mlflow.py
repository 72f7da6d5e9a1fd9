"""MLflow: its API and its pages, which judge both the Host and the Origin."""

from __future__ import annotations

import json

from app import App, Visit, must
from stage import Stage


class MLflow(App):
    """A tracking server with an SQLite store."""

    name = "mlflow"
    # It refuses a Host that is not of this machine, as a guard against DNS rebinding.
    settings = """
upstream_host: upstream
"""
    addresses = ("/", "/api/2.0/mlflow/experiments/search?max_results=5", "/ajax-api/2.0/mlflow/runs/search", "/version", "/health")
    timeout = 240.0

    def start(self, stage: Stage, port: int, origin: str) -> None:
        store = ["--backend-store-uri", f"sqlite:///{stage.folder}/mlflow.db", "--artifacts-destination", f"{stage.folder}/artifacts"]
        # It refuses changes from an Origin that it does not know; the Host tells it nothing here.
        place = ["--host", "127.0.0.1", "--port", str(port), "--cors-allowed-origins", origin, "--workers", "1"]
        stage.start("mlflow", [stage.python(), "-m", "mlflow", "server", *store, *place], {"HOME": str(stage.folder)})

    def use(self, visit: Visit) -> str:
        def call(method: str, path: str, **what: object) -> dict[str, object]:
            answer = visit.client.ask(method, f"/api/2.0/mlflow/{path}", json.dumps(what), {"Content-Type": "application/json"})
            must(answer.status == 200, f"{path}: {answer}")
            return json.loads(answer.body)

        experiment = call("POST", "experiments/create", name="doorward trial")["experiment_id"]
        run = call("POST", "runs/create", experiment_id=experiment, run_name="first run", start_time=1)["run"]["info"]["run_id"]
        call("POST", "runs/log-metric", run_id=run, key="loss", value=0.25, timestamp=1, step=1)
        artifact = f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}/artifacts/note.txt"
        sent = visit.client.ask("PUT", artifact, "kept as an artifact", {"Content-Type": "text/plain"})
        must(sent.status == 200, f"upload: {sent}")
        must(visit.client.ask("GET", artifact).text == "kept as an artifact", "the artifact is another")
        browser = visit.browser
        browser.sign_in()
        browser.open(f"/#/experiments/{experiment}/runs")
        browser.shows("doorward trial")
        browser.shows("first run")
        status, _ = browser.fetch("/ajax-api/2.0/mlflow/experiments/update", {
            "method": "POST",
            "headers": {"Content-Type": "application/json"},
            "body": json.dumps({"experiment_id": experiment, "new_name": "renamed in the page"}),
        })
        must(status == 200, f"a post of its own page was answered {status}")
        browser.open("/#/experiments")
        browser.shows("renamed in the page")
        return "a run with a metric and an artifact was logged through the API, shown in the page, and changed there"
