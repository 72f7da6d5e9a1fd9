"""marimo: a notebook that is edited in the browser and runs over a WebSocket."""

from __future__ import annotations

from app import App, Visit
from selenium.webdriver.common.keys import Keys
from stage import Stage

NOTEBOOK = '''
import marimo

app = marimo.App()


@app.cell
def _():
    print("answer", 6 * 7)
    return


if __name__ == "__main__":
    app.run()
'''


class Marimo(App):
    """One notebook with one cell, open for editing."""

    name = "marimo"
    # Browsers fetch a manifest without cookies.
    settings = """
rules:
  - { path: /manifest.json, methods: [GET, HEAD], access: public, identity: off }
"""
    addresses = ("/", "/ws?session_id=s_abcdef", "/api/kernel/run", "/api/status", "/health")

    def start(self, stage: Stage, port: int, origin: str) -> None:
        notebook = stage.write("notebook.py", NOTEBOOK)
        command = [stage.python(), "-m", "marimo", "--yes", "edit", notebook, "--headless", "--no-token", "--skip-update-check"]
        stage.start("marimo", [*command, "--host", "127.0.0.1", "--port", str(port)], {"HOME": str(stage.folder)})

    def use(self, visit: Visit) -> str:
        browser = visit.browser
        browser.sign_in()
        browser.click(".cm-content")
        browser.chord(Keys.CONTROL, Keys.ENTER)
        browser.shows("answer 42")
        browser.click(".cm-content")
        browser.chord(Keys.CONTROL, "a")
        browser.keys("print('changed', 6 * 8)")
        browser.chord(Keys.CONTROL, Keys.ENTER)
        browser.shows("changed 48")
        # It asks under which name, without the gateway too.
        browser.chord(Keys.CONTROL, "s")
        browser.element("input[placeholder=filename]").send_keys("kept.py", Keys.ENTER)
        kept = visit.stage.folder / "kept.py"
        browser.until("the notebook in its file", lambda: kept.exists() and "6 * 8" in kept.read_text())
        return "a cell was changed, ran over the WebSocket, and was saved"
