"""Without a session nothing reaches the app: not a request, and not so much as a connection.

Before the app starts, somebody listens on its port who counts. Every address of the app is asked
for in the ways that people and programs have, and the count must stay zero. Then one request with
a session is sent: if the count is zero still, it would not have shown anything.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from pathlib import Path

from app import Broken
from client import NAVIGATES, Client
from gateway import Gateway
from stage import Stage, Trouble, free_port

UPGRADES = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
WAYS = (
    ("GET", NAVIGATES),
    ("GET", {}),
    ("GET", UPGRADES),
    ("POST", {"Content-Type": "application/json"}),
    ("PUT", {}),
    ("OPTIONS", {}),
)


class Counter:
    """Listens where the app will be, and counts who comes; a context manager."""

    def __init__(self, port: int):
        self.came = 0
        self.listener = socket.create_server(("127.0.0.1", port))
        self.thread = threading.Thread(target=self._count, daemon=True)

    def __enter__(self) -> Counter:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Wakes the one who waits in accept.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(5)
        self.listener.close()

    def _count(self) -> None:
        while True:
            try:
                one, _ = self.listener.accept()
            except OSError:
                return
            self.came += 1
            # Closed with a reset, so that the app can have the port at once.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.close()


def nothing_reaches(port: int, client: Client, addresses: tuple[str, ...]) -> int:
    """Asks for all of them, then signs the client in; how many requests there were."""
    asked = 0
    with Counter(port) as counter:
        for address in addresses:
            for method, headers in WAYS:
                answer = client.ask(method, address, b"{}" if method in ("POST", "PUT") else b"", headers)
                asked += 1
                goes_to_login = answer.status in (302, 303) and headers is NAVIGATES
                if not goes_to_login and not (answer.status == 401 and _code(answer.body) == "session_required"):
                    raise Broken(f"{method} {address} with {headers} without a session: {answer}")
        if counter.came:
            raise Broken(f"{counter.came} connections to the app without a session")
        client.sign_in()
        client.ask("GET", addresses[0])
        if not counter.came:
            raise Trouble("a request with a session came to nobody, so nothing was shown")
    return asked


def open_gate_is_found(doorward: Path, tools: Path) -> None:
    """A gateway that lets everybody in must be found, or the check shows nothing."""
    with Stage(doorward, tools) as stage:
        port = free_port()
        client = Client(Gateway(stage, port, "default_access: public\n"))
        try:
            nothing_reaches(port, client, ("/",))
        except Broken:
            return
    raise Trouble("a gateway that is open to everybody was taken for a shut one")


def _code(body: bytes) -> str:
    try:
        return json.loads(body).get("code", "")
    except ValueError:
        return ""
