"""Doorward in front of one app, with TLS and a public name, as people run it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from doorward import PASSWORD, hashed, is_ready
from stage import Stage, free_port

HOST = "app.example"
USER = "alice"

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
            hash=hashed(stage.doorward),
        )
        config = stage.write("doorward.yaml", text + settings)
        stage.start("doorward", [stage.doorward, "run", "--config", config])
        stage.wait_until("the gateway", lambda: is_ready(admin))
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
