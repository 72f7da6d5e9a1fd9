"""Vite's development server: it judges the Host, and a WebSocket tells the page what changed."""

from __future__ import annotations

from app import App, Visit
from apps import node
from stage import Stage

PAGE = '<!doctype html><title>Vite</title><p id="said"></p><script type="module" src="/main.js"></script>\n'
MAIN = """
import { text } from './text.js'
const show = (what) => { document.querySelector('#said').textContent = what }
show(text)
import.meta.hot.accept('./text.js', (fresh) => show(fresh.text))
"""


class Vite(App):
    """One page with two modules."""

    name = "vite"
    # It answers 403 to every Host but localhost, addresses and `server.allowedHosts`.
    settings = """
upstream_host: upstream
"""
    addresses = ("/", "/main.js", "/@vite/client", "/?token=x")

    def start(self, stage: Stage, port: int, origin: str) -> None:
        stage.write("site/index.html", PAGE)
        stage.write("site/main.js", MAIN)
        stage.write("site/text.js", "export const text = 'before the change'\n")
        node.start(stage, "vite", "vite/bin/vite.js", stage.folder / "site", "--host", "127.0.0.1", "--port", str(port), "--strictPort")

    def use(self, visit: Visit) -> str:
        browser = visit.browser
        browser.sign_in()
        browser.element("#said", "before the change")
        browser.script("window.stayed = true")
        visit.stage.write("site/text.js", "export const text = 'after the change'\n")
        browser.element("#said", "after the change")
        if not browser.script("return window.stayed === true"):
            return "a changed module came with a reload"
        return "a changed module was replaced in the page over the WebSocket, without a reload"
