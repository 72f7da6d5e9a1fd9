"""Doorward as a program: what every harness that starts it asks of it."""

from __future__ import annotations

import http.client
import subprocess
from functools import cache
from pathlib import Path

from stage import Trouble

PASSWORD = "correct horse battery staple"


@cache
def hashed(program: Path) -> str:
    """The password's hash, by the gateway itself."""
    done = subprocess.run([program, "hash-password"], input=PASSWORD, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise Trouble(f"no password was hashed: {done.stderr}")
    return done.stdout.strip()


def is_ready(admin: int) -> bool:
    """Whether the gateway with this admin port serves."""
    connection = http.client.HTTPConnection("127.0.0.1", admin, timeout=5)
    connection.request("GET", "/readyz")
    return connection.getresponse().status == 200
