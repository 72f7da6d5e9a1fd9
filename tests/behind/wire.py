"""A connection that sends bytes as they are and reads what comes back."""

from __future__ import annotations

import socket
from dataclasses import dataclass

PATIENCE = 15.0


@dataclass(frozen=True)
class Answer:
    """A status (0 when nothing readable came), headers with lower-case names, and the body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def is_of_the_app(self) -> bool:
        """Whether the app of the test wrote it."""
        return "x-app" in self.headers


class Connection:
    """One to the gateway from a chosen address; opened again when the other side closes."""

    def __init__(self, port: int, source: str):
        self.port, self.source = port, source
        self.socket: socket.socket | None = None
        self.read = b""

    def ask(self, request: bytes, method: str) -> Answer:
        """Sends a request and reads one answer, over a new connection if the old one is gone."""
        was_open = self.socket is not None
        answer = self._ask(request, method)
        # The other side may have closed between two requests: then nothing was read at all.
        if answer.status == 0 and was_open and not answer.body:
            answer = self._ask(request, method)
        return answer

    def _ask(self, request: bytes, method: str) -> Answer:
        try:
            if self.socket is None:
                self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE, source_address=(self.source, 0))
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket.sendall(request)
            answer, stays = self._answer(method)
        except (OSError, ValueError):
            answer, stays = Answer(0, {}, self.read), False
        if not stays or self.read:
            self.close()
        return answer

    def close(self) -> None:
        """Closes; the next request opens another."""
        if self.socket:
            self.socket.close()
        self.socket, self.read = None, b""

    def _more(self) -> None:
        assert self.socket
        data = self.socket.recv(65536)
        if not data:
            raise ValueError("closed")
        self.read += data

    def _until(self, mark: bytes) -> bytes:
        while mark not in self.read:
            self._more()
        part, self.read = self.read.split(mark, 1)
        return part

    def _exactly(self, count: int) -> bytes:
        while len(self.read) < count:
            self._more()
        part, self.read = self.read[:count], self.read[count:]
        return part

    def _answer(self, method: str) -> tuple[Answer, bool]:
        while True:
            head = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
            version, status = head[0].split(" ", 2)[:2]
            if not version.startswith("HTTP/1."):
                raise ValueError(head[0])
            if not 100 <= int(status) < 200:
                break
        headers = {}
        for line in head[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        stays = version == "HTTP/1.1" and "close" not in headers.get("connection", "").lower()
        if method == "HEAD" or status in ("204", "304"):
            body = b""
        elif "chunked" in headers.get("transfer-encoding", ""):
            body = b""
            while size := int(self._until(b"\r\n").split(b";")[0], 16):
                body += self._exactly(size)
                self._exactly(2)
            while self._until(b"\r\n"):
                pass
        elif "content-length" in headers:
            body = self._exactly(int(headers["content-length"]))
        else:
            stays = False
            body = b""
            try:
                while True:
                    self._more()
            except ValueError:
                body, self.read = self.read, b""
        return Answer(int(status), headers, body), stays
