"""netdata: its dashboard asks for `//api/v1/…`, with two slashes."""

from __future__ import annotations

import json

from app import App, Visit, must
from stage import Stage

CONFIG = """
[global]
    run as user = {user}
[db]
    mode = ram
[directories]
    cache = {folder}/cache
    lib = {folder}/lib
    log = {folder}/log
    home = {folder}
[web]
    bind to = 127.0.0.1:{port}
    web files owner = root
    web files group = root
[logs]
    access = none
[plugins]
    apps = no
    python.d = no
    go.d = no
    charts.d = no
[ml]
    enabled = no
"""


class Netdata(App):
    """One that measures this machine."""

    name = "netdata"
    addresses = ("/", "//api/v1/info", "/api/v1/charts", "/v1/")

    def start(self, stage: Stage, port: int, origin: str) -> None:
        for folder in ("cache", "lib", "log"):
            (stage.folder / folder).mkdir()
        config = stage.write("netdata.conf", CONFIG.format(folder=stage.folder, port=port, user="root"))
        stage.start("netdata", [stage.program("netdata"), "-D", "-c", config])

    def use(self, visit: Visit) -> str:
        browser = visit.browser
        browser.sign_in()
        browser.shows("System Overview")
        for target in ("//api/v1/info", "/api/v1/info"):
            answer = visit.client.ask("GET", target)
            must(answer.status == 200 and "version" in json.loads(answer.body), f"{target}: {answer}")
        asked = browser.script("return performance.getEntriesByType('resource').map(one => one.name).filter(one => one.includes('/api/v1/data'))")
        must(bool(asked), "the page asked for no data")
        return "the dashboard drew its charts, and //api/v1/info was answered"
