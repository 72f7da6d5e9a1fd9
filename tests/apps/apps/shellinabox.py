"""shellinabox: a terminal by long polls, each a POST whose answer waits for what is printed."""

from __future__ import annotations

import os

from app import App, Visit
from selenium.webdriver.common.keys import Keys
from stage import Stage


class ShellInABox(App):
    """A shell of whoever runs this."""

    name = "shellinabox"
    addresses = ("/", "/ShellInABox.js", "/?")

    def start(self, stage: Stage, port: int, origin: str) -> None:
        shell = f"/:{os.getuid()}:{os.getgid()}:{stage.folder}:/bin/sh"
        place = ["--port", str(port), "--localhost-only", "--disable-ssl", "--no-beep"]
        stage.start("shellinabox", [stage.program("shellinaboxd"), *place, "--service", shell])

    def use(self, visit: Visit) -> str:
        browser = visit.browser
        browser.sign_in()
        browser.element("#vt100 #console", "$" if os.getuid() else "#")
        browser.click("#vt100 #console")
        typed = visit.stage.folder / "typed"
        browser.keys("echo typed $((6*7)) | tee typed", Keys.ENTER)
        browser.until("what the terminal was told", lambda: typed.exists() and "typed 42" in typed.read_text())
        browser.shows("typed 42")
        return "a command was typed into a shell, and what it printed came back by long polls"
