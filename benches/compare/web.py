"""A small HTTP client for what is asked once: whether somebody is ready, a login, a check."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

from process import Process, Trouble

PATIENCE = 30.0


@dataclass(frozen=True)
class Answer:
    """Status, headers with lower-case names, and body."""

    status: int
    headers: list[tuple[str, str]]
    body: str

    def cookie(self, name: str) -> str | None:
        """The value of a cookie that this answer sets."""
        for key, value in self.headers:
            first = value.split(";")[0]
            if key == "set-cookie" and first.startswith(f"{name}="):
                return first.partition("=")[2]
        return None


def ask(
    port: int,
    method: str,
    path: str,
    headers: dict[str, str] | None = None,
    body: str | None = None,
    *,
    is_tls: bool = False,
) -> Answer:
    """One request on one connection, whoever's certificate it is."""
    if is_tls:
        anybody = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=PATIENCE, context=anybody)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        pairs = [(key.lower(), value) for key, value in answer.getheaders()]
        return Answer(answer.status, pairs, answer.read().decode(errors="replace"))
    finally:
        connection.close()


def wait_until_ready(process: Process, port: int, path: str) -> None:
    """Waits until this path answers with 200."""
    wait_until(process, lambda: ask(port, "GET", path).status == 200)


def wait_until_open(process: Process, port: int) -> None:
    """Waits until somebody listens there."""
    wait_until(process, lambda: connect(port))


def connect(port: int) -> bool:
    """Connects and goes."""
    socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
    return True


def wait_until(process: Process, is_so: Callable[[], bool]) -> None:
    """Asks until it is so; an error of a socket is a no."""
    deadline = time.monotonic() + PATIENCE
    while True:
        process.assert_running()
        try:
            if is_so():
                return
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise Trouble(f"{process.name} does not get ready")
        time.sleep(0.01)
