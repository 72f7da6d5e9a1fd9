"""Doorward: its settings, its user and a session of theirs."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import web
from process import Trouble, finished
from proxy import Proxy
from stage import Stage, free_port
from upstream import Upstream

COOKIE = "__Host-doorward"
USER_ID, USER_NAME, USERNAME, PASSWORD = "1001", "Alice Example", "alice", "correct horse battery staple"

DOORWARD = """
listen: 127.0.0.1:{port}
upstream: http://127.0.0.1:{upstream}
public_url: {origin}
data_dir: {data}
threads: {threads}
admin: {{ listen: 127.0.0.1:{admin} }}
users: {{ file: {users} }}
signing: {{ key: {key} }}
session: {{ access_ttl: 6h }}
log: {{ level: {log} }}
{more}
"""

USERS = """
- {{ id: "{id}", username: {username}, name: {name}, password_hash: "{hash}" }}
"""


@dataclass(frozen=True)
class Session:
    """A sign-in that every proxy with a check accepts: one key signs for all."""

    key: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """What the browser sends."""
        return {"Cookie": f"{COOKIE}={self.token}"}


def hash_password(stage: Stage) -> str:
    """An Argon2id hash with the default parameters."""
    command = [stage.programs.built("doorward"), "hash-password"]
    done = finished(command, 60, said=PASSWORD)
    if done.returncode != 0:
        raise Trouble(f"no password was hashed: {done.stderr}")
    return done.stdout.strip()


class Doorward:
    """A gateway with one user or more, ready to serve."""

    def __init__(
        self,
        stage: Stage,
        name: str,
        upstream: Upstream,
        *,
        threads: str = "1",
        log: str = "warn",
        scheme: str = "http",
        more: str = "",
        users: str = "",
        data: str | None = None,
        cores: set[int] | None = None,
    ):
        self.stage, self.name, self.cores = stage, name, cores
        self.port, self.admin, self.scheme = free_port(), free_port(), scheme
        self.origin = f"{scheme}://127.0.0.1:{self.port}"
        self.key = secrets.token_hex(32)
        self.data = Path(data) if data else stage.file(f"{name}.data")
        person = USERS.format(id=USER_ID, username=USERNAME, name=USER_NAME, hash=hash_password(stage))
        config = DOORWARD.format(
            port=self.port,
            upstream=upstream.port,
            origin=self.origin,
            data=self.data,
            threads=threads,
            admin=self.admin,
            users=stage.write(f"{name}.users.yml", person + users),
            key=self.key,
            log=log,
            more=more,
        )
        self.config = stage.write(f"{name}.yaml", config)
        self.spawn()
        web.wait_until_ready(self.process, self.admin, "/readyz")

    def spawn(self) -> None:
        """Starts it, perhaps again, without waiting for anything."""
        command = [self.stage.programs.built("doorward"), "run", "--config", str(self.config)]
        self.process = self.stage.start(self.name, command, self.cores)

    def login(self) -> Session:
        """Signs the user in, as a browser does."""
        form = urlencode({"username": USERNAME, "password": PASSWORD})
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.origin}
        answer = web.ask(self.port, "POST", "/login", headers, form, is_tls=self.scheme == "https")
        token = answer.cookie(COOKIE)
        if not token:
            raise Trouble(f"{self.name} lets nobody in: {answer}")
        return Session(self.key, token)

    def proxy(self, session: Session) -> Proxy:
        """This gateway as one to be measured."""
        return Proxy(self.name, self.process, self.port, session.headers)
