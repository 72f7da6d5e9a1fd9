"""Datasette: queries by link, and one that writes, by a form with a token and a cookie of its own."""

from __future__ import annotations

import json
import sqlite3

from app import App, Visit
from stage import Stage

ADD = {"databases": {"data": {"queries": {"add": {"sql": "insert into people (name) values (:name)", "write": True}}}}}


class Datasette(App):
    """One database with one table and a query that writes."""

    name = "datasette"
    addresses = ("/", "/data/people.json", "/data/add", "/-/versions.json")

    def start(self, stage: Stage, port: int, origin: str) -> None:
        with sqlite3.connect(stage.folder / "data.db") as database:
            database.executescript("create table people (id integer primary key, name text); insert into people (name) values ('Bob');")
        metadata = stage.write("metadata.json", json.dumps(ADD))
        command = [stage.python(), "-m", "datasette", "serve", stage.folder / "data.db", "--metadata", metadata]
        stage.start("datasette", [*command, "--host", "127.0.0.1", "--port", str(port)])

    def use(self, visit: Visit) -> str:
        browser = visit.browser
        browser.sign_in("/data?sql=select+6*7+as+answer+--+%2F%2F%3B")
        browser.element("table.rows-and-columns td", "42")
        browser.open("/data/add")
        browser.element("input[name=name]").send_keys("Zoë / Søren; 50%")
        browser.click("input[type=submit]")
        browser.shows("1 row affected")
        browser.open("/data/people?name__exact=Zo%C3%AB+%2F+S%C3%B8ren%3B+50%25")
        browser.element("table.rows-and-columns td", "Zoë / Søren; 50%")
        return "a query ran, a form with Datasette's own CSRF cookie wrote a row, and a filter found it"
