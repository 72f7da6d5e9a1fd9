"""Prometheus: a page that asks its API for what was measured."""

from __future__ import annotations

import json

from app import App, Visit, must
from stage import Stage

CONFIG = "global: {{ scrape_interval: 1s }}\nscrape_configs: [{{ job_name: itself, static_configs: [{{ targets: ['127.0.0.1:{port}'] }}] }}]\n"


class Prometheus(App):
    """One that measures itself."""

    name = "prometheus"
    addresses = ("/", "/graph", "/api/v1/query?query=up", "/metrics", "/-/healthy")

    def start(self, stage: Stage, port: int, origin: str) -> None:
        config = stage.write("prometheus.yml", CONFIG.format(port=port))
        place = [f"--config.file={config}", f"--storage.tsdb.path={stage.folder}/tsdb", f"--web.listen-address=127.0.0.1:{port}"]
        stage.start("prometheus", [stage.program("prometheus"), *place])

    def use(self, visit: Visit) -> str:
        browser = visit.browser
        browser.sign_in("/classic/graph?g0.expr=up&g0.tab=1")

        def measured() -> bool:
            status, body = browser.fetch("/api/v1/query", {
                "method": "POST", "headers": {"Content-Type": "application/x-www-form-urlencoded"}, "body": "query=up"})
            must(status == 200, f"{status} {body[:200]}")
            return any(one["value"][1] == "1" for one in json.loads(body)["data"]["result"])

        browser.until("a measurement", measured)
        browser.open("/classic/graph?g0.expr=up&g0.tab=1")
        browser.shows('job="itself"')
        return "a query was posted by a page, and the table shows its result"
