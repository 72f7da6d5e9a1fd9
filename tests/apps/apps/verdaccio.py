"""Verdaccio: npm asks for `/@scope%2fname`, and publishes by PUT."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from app import App, Visit, must
from apps import node
from apps.shim import Shim
from stage import Stage

CONFIG = """
storage: {folder}/storage
auth: {{ htpasswd: {{ file: {folder}/htpasswd, max_users: 10 }} }}
packages:
  '**': {{ access: $all, publish: $authenticated }}
log: {{ type: stdout, format: pretty, level: warn }}
"""

NPMRC = """
registry=http://{address}/
//{address}/:_authToken={token}
audit=false
fund=false
update-notifier=false
"""


class Verdaccio(App):
    """A registry of its own, with no other behind it."""

    name = "verdaccio"
    addresses = ("/", "/@trial%2fthing", "/-/ping", "/-/verdaccio/data/packages")

    def start(self, stage: Stage, port: int, origin: str) -> None:
        config = stage.write("verdaccio.yaml", CONFIG.format(folder=stage.folder))
        node.start(stage, "verdaccio", "verdaccio/bin/verdaccio", "--config", config, "--listen", f"127.0.0.1:{port}")

    def use(self, visit: Visit) -> str:
        stage = visit.stage
        person = {"name": "zoe", "password": "a password of verdaccio", "type": "user", "roles": []}
        made = visit.client.ask("PUT", "/-/user/org.couchdb.user:zoe", json.dumps(person), {"Content-Type": "application/json"})
        must(made.status == 201, made)
        token = json.loads(made.body)["token"]
        stage.write("thing/package.json", json.dumps({"name": "@trial/thing", "version": "1.2.3", "main": "index.js"}))
        stage.write("thing/README.md", "What it is for.\n")
        stage.write("thing/index.js", "module.exports = 'came through the gateway'\n")
        stage.write("user/package.json", json.dumps({"name": "user", "version": "1.0.0", "private": True}))
        # npm has no way to send a cookie.
        with Shim(visit.client) as shim:
            settings = stage.write("npmrc", NPMRC.format(address=shim.address, token=token))
            self.npm(stage, stage.folder / "thing", settings, "publish", "--access", "public")
            self.npm(stage, stage.folder / "user", settings, "install", "@trial/thing")
        asked = [stage.program("node"), "-p", "require('@trial/thing')"]
        shown = subprocess.run(asked, cwd=stage.folder / "user", capture_output=True, text=True, timeout=60)
        must(shown.stdout.strip() == "came through the gateway", shown)
        browser = visit.browser
        browser.sign_in()
        browser.shows("@trial/thing")
        browser.open("/-/web/detail/@trial/thing")
        browser.shows("What it is for.")
        return "npm published and installed @trial/thing (`/@trial%2fthing`), and the pages show it"

    def npm(self, stage: Stage, folder: Path, settings: Path, *command: str) -> None:
        """Runs npm with these settings alone."""
        env = {"PATH": os.environ["PATH"], "HOME": str(stage.folder), "NPM_CONFIG_USERCONFIG": str(settings)}
        env["NPM_CONFIG_CACHE"] = str(stage.folder / "cache")
        done = subprocess.run([stage.program("npm"), *command], cwd=folder, env=env, capture_output=True, text=True, timeout=120)
        must(done.returncode == 0, f"npm {command[0]}: {done.stderr}")
