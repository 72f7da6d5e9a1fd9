"""JupyterLab: once with no login of its own, once with its own at `/login`, where ours is too."""

from __future__ import annotations

import json

from app import App, Visit, must
from selenium.webdriver.common.keys import Keys
from stage import Stage

TOKEN = "a-token-of-jupyters-own"
NOTEBOOK = {
    "cells": [
        {"cell_type": "code", "id": "a", "execution_count": None, "metadata": {}, "outputs": [], "source": "print('answer', 6 * 7)"}
    ],
    "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


def start(stage: Stage, port: int, *options: str) -> None:
    """JupyterLab on the loopback address, with all that it keeps in the folder of the stage."""
    stage.write("work/test.ipynb", json.dumps(NOTEBOOK))
    kept = {name: f"{stage.folder}/jupyter" for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
    place = ["--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={stage.folder}/work"]
    command = [stage.python(), "-m", "jupyter", "lab", "--no-browser", "--allow-root", "--expose-app-in-browser"]
    stage.start("jupyterlab", [*command, *place, *options], kept | {"SHELL": "/bin/bash", "HOME": f"{stage.folder}"})


class JupyterLab(App):
    """Without a login: Doorward's is the only one."""

    name = "jupyterlab"
    addresses = ("/lab", "/api/contents", "/api/kernels", "/api/kernels/x/channels", "/static/lab/main.js")

    def start(self, stage: Stage, port: int, origin: str) -> None:
        # On the loopback address it refuses every other `Host`; this lets the public name in.
        start(stage, port, "--IdentityProvider.token=", "--ServerApp.allow_remote_access=True")

    def use(self, visit: Visit) -> str:
        browser = visit.browser
        browser.sign_in("/lab/tree/test.ipynb")
        browser.element(".jp-Notebook .jp-CodeCell")
        browser.click(".jp-Notebook .cm-content")
        # The bar below speaks of the notebook that has the cursor. Before the kernel is connected a cell is not run.
        browser.shows("Python 3 (ipykernel) | Idle")
        browser.chord(Keys.SHIFT, Keys.ENTER)
        browser.element(".jp-OutputArea-output", "answer 42")
        browser.chord(Keys.CONTROL, "s")
        saved = visit.stage.folder / "work/test.ipynb"
        browser.until("the notebook in its file", lambda: "answer 42" in saved.read_text())
        return "a cell ran over the kernel's WebSocket, and the notebook was saved"


class JupyterLabWithLogin(App):
    """With its own token, asked for at `/login`."""

    name = "jupyterlab-login"
    # It has `/login` and `/logout` itself, and it refuses a Host that is not of this machine.
    settings = """
paths: { all_under_prefix: true }
upstream_host: upstream
"""
    addresses = JupyterLab.addresses + ("/login",)

    def start(self, stage: Stage, port: int, origin: str) -> None:
        # It compares a WebSocket's Origin with the Host, which is now its own.
        start(stage, port, f"--IdentityProvider.token={TOKEN}", f"--ServerApp.allow_origin={origin}")

    def use(self, visit: Visit) -> str:
        browser = visit.browser
        browser.sign_in("/lab")
        must("/login" in browser.driver.current_url, f"not at Jupyter's login but at {browser.driver.current_url}")
        browser.element("#password_input").send_keys("not-the-token", Keys.ENTER)
        browser.shows("Invalid credentials")
        browser.element("#password_input").send_keys(TOKEN, Keys.ENTER)
        browser.click(".jp-LauncherCard[title*=terminal]")
        browser.element(".jp-Terminal .xterm-screen")
        marker = visit.stage.folder / "typed"
        browser.click(".jp-Terminal .xterm-screen")
        browser.keys("echo typed $((6*7)) | tee ~/typed", Keys.ENTER)
        browser.until("what the terminal was told", lambda: marker.exists() and "typed 42" in marker.read_text())
        return "signed in at Jupyter's own /login after a wrong try, and typed a command into a terminal (WebSocket)"
