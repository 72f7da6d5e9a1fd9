"""netdata: its dashboard asks for `//api/v1/…`, with two slashes."""

from __future__ import annotations

import getpass
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
        config = stage.write("netdata.conf", CONFIG.format(folder=stage.folder, port=port, user=getpass.getuser()))
        stage.start("netdata", [stage.program("netdata"), "-D", "-c", config])

    def use(self, visit: Visit) -> str:
        ask = visit.client.ask

        def has_measured() -> bool:
            answer = ask("GET", "/api/v1/data?chart=system.cpu&after=-60")
            return answer.status == 200 and len(json.loads(answer.body)["data"]) >= 5

        # What the dashboard gets when it opens is what it shows for a while.
        visit.stage.wait_until("some measurements", has_measured)
        for target in ("//api/v1/info", "/api/v1/info"):
            answer = ask("GET", target)
            must(answer.status == 200 and "version" in json.loads(answer.body), f"{target}: {answer}")
        browser = visit.browser
        # A gauge shows the mean of the whole window, once there is so much.
        browser.sign_in("/#after=-5;before=0")
        browser.shows("System Overview")
        labels = "return [...document.querySelectorAll('[class*=ChartLabel]')].some(one => /\\d/.test(one.innerText))"
        browser.until("a number in a gauge", lambda: browser.script(labels), 20)
        twice = f"return performance.getEntriesByType('resource').some(one => one.name.startsWith('{visit.gateway.origin}//api/'))"
        browser.until("a request of the page with two slashes", lambda: browser.script(twice))
        return "the dashboard drew its charts, and its requests for //api/v1/… were answered"
