"""json-server: a REST interface that a page uses with every method."""

from __future__ import annotations

import json

from app import App, Visit, must
from apps import node
from stage import Stage


class JsonServer(App):
    """One collection."""

    name = "json-server"
    addresses = ("/", "/posts", "/posts/1", "/db")

    def start(self, stage: Stage, port: int, origin: str) -> None:
        kept = stage.write("db.json", json.dumps({"posts": [{"id": 1, "title": "first"}]}))
        node.start(stage, "json-server", "json-server/lib/cli/bin.js", kept, "--host", "127.0.0.1", "--port", str(port))

    def use(self, visit: Visit) -> str:
        browser = visit.browser
        browser.sign_in()

        def call(method: str, path: str, what: object = None) -> object:
            options: dict[str, object] = {"method": method, "headers": {"Content-Type": "application/json"}}
            status, body = browser.fetch(path, options | ({"body": json.dumps(what)} if what else {}))
            must(status in (200, 201), f"{method} {path}: {status} {body[:200]}")
            return json.loads(body)

        made = call("POST", "/posts", {"title": "second"})
        call("PATCH", f"/posts/{made['id']}", {"title": "changed"})
        call("PUT", "/posts/1", {"id": 1, "title": "replaced"})
        must(call("GET", "/posts?title=changed") == [{"title": "changed", "id": made["id"]}], "PATCH changed nothing")
        call("DELETE", "/posts/1")
        kept = json.loads((visit.stage.folder / "db.json").read_text())["posts"]
        must([one["title"] for one in kept] == ["changed"], kept)
        browser.open("/posts")
        browser.shows("changed")
        return "a page posted, patched, put, listed and deleted"
