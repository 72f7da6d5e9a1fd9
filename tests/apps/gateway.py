"""Doorward in front of one app, with TLS and a public name, as people run it."""

from __future__ import annotations

import http.client
import json
import subprocess
from functools import cache
from pathlib import Path

from stage import Stage, Trouble, free_port

HOST = "app.example"
USER, PASSWORD = "alice", "correct horse battery staple"

SETTINGS = """
listen: 127.0.0.1:{port}
public_url: {origin}
upstream: http://127.0.0.1:{upstream}
data_dir: {folder}/data
tls: {{ cert: {folder}/tls.crt, key: {folder}/tls.key }}
admin: {{ listen: 127.0.0.1:{admin} }}
log: {{ level: info, format: json, query: true }}
users:
  - {{ id: "1001", username: {user}, name: Alice Example, password_hash: "{hash}" }}
"""

# How a request ends that Doorward did not keep from the app.
ADMITTED = ("forwarded", "served", "abandoned")


@cache
def hashed(program: str) -> str:
    """An Argon2id hash with the default parameters."""
    done = subprocess.run([program, "hash-password"], input=PASSWORD, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise Trouble(f"no password was hashed: {done.stderr}")
    return done.stdout.strip()


def certify(folder: Path) -> None:
    """A certificate of the public name, signed by itself."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
    files = ["-keyout", folder / "tls.key", "-out", folder / "tls.crt"]
    subprocess.run([*command, *names, *files], check=True, capture_output=True, timeout=60)


class Gateway:
    """A running gateway."""

    def __init__(self, stage: Stage, upstream: int, settings: str):
        self.stage, self.port, admin = stage, free_port(), free_port()
        self.origin = f"https://{HOST}:{self.port}"
        self.certificate = stage.folder / "tls.crt"
        certify(stage.folder)
        text = SETTINGS.format(
            port=self.port,
            origin=self.origin,
            upstream=upstream,
            folder=stage.folder,
            admin=admin,
            user=USER,
            hash=hashed(str(stage.doorward)),
        )
        config = stage.write("doorward.yaml", text + settings)
        stage.start("doorward", [stage.doorward, "run", "--config", config])

        def is_ready() -> bool:
            connection = http.client.HTTPConnection("127.0.0.1", admin, timeout=5)
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200

        stage.wait_until("the gateway", is_ready)
        self.seen = 0

    def requests(self) -> list[dict[str, object]]:
        """The access lines since the last call."""
        lines = (self.stage.folder / "doorward.log").read_text(errors="replace").splitlines()
        new, self.seen = lines[self.seen :], len(lines)
        return [line for line in map(_line, new) if "verdict" in line]


def _line(text: str) -> dict[str, object]:
    """A line of the log; what is not JSON has nothing to say here."""
    try:
        return json.loads(text)
    except ValueError:
        return {}
