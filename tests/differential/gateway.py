"""Doorward before an app: its settings, its user, and one session of theirs."""

from __future__ import annotations

import http.client
import re
import secrets
from pathlib import Path
from urllib.parse import urlencode

from programs import Program, Trouble

# Behind `programs`, which finds it.
from doorward import PASSWORD, hashed

COOKIE = "__Host-doorward"
SETTINGS = """
listen: 127.0.0.1:{port}
upstream: http://127.0.0.1:{upstream}
data_dir: {folder}/{name}.data
threads: 1
admin: {{ listen: 127.0.0.1:{admin} }}
users:
  - {{ id: "1001", username: alice, name: Alice Example, password_hash: "{hash}" }}
signing: {{ key: {key} }}
session: {{ access_ttl: 6h, store: memory }}
log: {{ level: warn }}
rules:
  - {{ path: /closed/**, access: deny }}
  - {{ path: /public/**, access: public }}
"""


class Doorward:
    """A running gateway."""

    def __init__(self, doorward: Path, folder: Path, name: str, ports: tuple[int, int], upstream: int, hash_: str):
        self.port, admin = ports
        text = SETTINGS.format(
            port=self.port,
            upstream=upstream,
            folder=folder,
            name=name,
            admin=admin,
            hash=hash_,
            key=secrets.token_hex(32),
        )
        config = folder / f"{name}.yaml"
        config.touch(mode=0o600)
        config.write_text(text)
        self.program = Program(name, [str(doorward), "run", "--config", str(config)], folder / f"{name}.log")

    def cookie(self) -> bytes:
        """Signs the user in, as a browser does; what is written into a `Cookie` field."""
        self.program.wait_until_open(self.port)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": f"http://127.0.0.1:{self.port}",
        }
        connection.request("POST", "/login", urlencode({"username": "alice", "password": PASSWORD}), headers)
        answer = connection.getresponse()
        for value in answer.headers.get_all("Set-Cookie", []):
            if found := re.match(rf"{COOKIE}=([^;]+)", value):
                return f"{COOKIE}={found[1]}".encode()
        raise Trouble(f"nobody can sign in: {answer.status} {answer.read()!r}")
