"""TiddlyWiki: its addresses have titles in them, with every letter that a title may have."""

from __future__ import annotations

import json
import subprocess

from app import App, Visit, must
from apps import node
from stage import Stage

TITLE = "notes/of today; 50%"
ADD = """
const fields = { title: arguments[0], text: 'written through the gateway' }
const when = [$tw.wiki.getCreationFields(), $tw.wiki.getModificationFields()]
$tw.wiki.addTiddler(new $tw.Tiddler(fields, ...when))
$tw.syncer.processTaskQueue()
"""
SHOW = "$tw.wiki.addTiddler({title: '$:/StoryList', list: [arguments[0]]})"


class TiddlyWiki(App):
    """A wiki that takes the user's name from a header of Doorward."""

    name = "tiddlywiki"
    addresses = ("/", "/status", "/recipes/default/tiddlers.json", "/recipes/default/tiddlers/a%2Fb")

    def start(self, stage: Stage, port: int, origin: str) -> None:
        script = stage.must_be(stage.tools / "node_modules/tiddlywiki/tiddlywiki.js")
        made = [stage.program("node"), script, stage.folder / "wiki", "--init", "server"]
        subprocess.run(made, check=True, capture_output=True, timeout=60)
        access = ["authenticated-user-header=X-User-Id", "readers=(authenticated)", "writers=(authenticated)"]
        node.start(stage, "tiddlywiki", script, stage.folder / "wiki", "--listen", "host=127.0.0.1", f"port={port}", *access)

    def use(self, visit: Visit) -> str:
        browser = visit.browser
        browser.sign_in()
        browser.until("the wiki", lambda: browser.script("return !!(window.$tw && $tw.wiki && $tw.syncer)"))
        browser.script(ADD, TITLE)

        def is_kept() -> bool:
            return any("written through the gateway" in one.read_text() for one in (visit.stage.folder / "wiki/tiddlers").glob("*.tid"))

        browser.until("the tiddler in its file", is_kept)
        answer = visit.client.ask("GET", "/recipes/default/tiddlers/notes%2Fof%20today%3B%2050%25")
        must(answer.status == 200, answer)
        must(json.loads(answer.body)["modifier"] == "1001", f"not written by the one who signed in: {answer}")
        browser.open("/")
        browser.script("$tw.wiki.addTiddler({title: '$:/config/AnimationDuration', text: '0'})")
        browser.script(SHOW, TITLE)
        browser.shows("written through the gateway")
        return f"a tiddler called {TITLE!r} was saved by its user and read back (%2F, %3B and %25 in the path)"
