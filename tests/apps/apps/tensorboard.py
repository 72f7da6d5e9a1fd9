"""TensorBoard: a page that fetches what was logged."""

from __future__ import annotations

import json
import subprocess

from app import App, Visit, must
from stage import Stage

WRITE = """
import sys, time
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter
writer = EventFileWriter(sys.argv[1])
for step in range(20):
    value = Summary.Value(tag="loss", simple_value=1 / (step + 1))
    writer.add_event(Event(wall_time=time.time(), step=step, summary=Summary(value=[value])))
writer.close()
"""


class TensorBoard(App):
    """One run with one curve."""

    name = "tensorboard"
    addresses = ("/", "/data/runs", "/data/plugin/timeseries/tags", "/data/environment")

    def start(self, stage: Stage, port: int, origin: str) -> None:
        writer = stage.write("write.py", WRITE)
        subprocess.run([stage.python(), writer, stage.folder / "logs/first"], check=True, capture_output=True, timeout=120)
        place = ["--host", "127.0.0.1", "--port", str(port), "--logdir", stage.folder / "logs", "--load_fast=false"]
        stage.start("tensorboard", [stage.python(), "-m", "tensorboard.main", *place])

    def use(self, visit: Visit) -> str:
        browser = visit.browser
        browser.sign_in("/?darkMode=false#timeseries")
        browser.element("scalar-card")
        drawn = "return !!document.querySelector('scalar-card line-chart canvas, scalar-card line-chart svg path')"
        browser.until("the curve", lambda: browser.script(drawn))
        status, body = browser.fetch("/data/plugin/scalars/scalars?tag=loss&run=first")
        must(status == 200 and len(json.loads(body)) == 20, f"{status} {body[:200]}")
        return "a curve of 20 points was drawn"
