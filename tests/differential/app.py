"""The app behind everything: it keeps the bytes of every connection and answers what it reads.

It reads strictly and closes a connection at the first doubt, which it keeps. Every answer is empty
and says in `X-Echo` which request it is for: its number, method and target.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from urllib.parse import quote_from_bytes

from readings import More, Doubt, Reader, Request, STRICT


@dataclass
class Record:
    """What came over one connection since it was last looked at."""

    data: bytes
    requests: list[tuple[int, Request]]
    doubt: str | None
    upgraded: bool


@dataclass
class Connection:
    """One connection, and what of it nobody has looked at."""

    data: bytes = b""
    requests: list[tuple[int, Request]] = field(default_factory=list)
    doubt: str | None = None
    upgraded: bool = False
    closed: bool = False
    parsed: int = 0
    continued: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether it stands between two requests."""
        return self.parsed == len(self.data) or self.closed or self.upgraded or self.doubt is not None

    def take(self) -> Record:
        """Gives away what is here, and keeps the bytes of a request that is not whole."""
        end = self.parsed if self.upgraded else len(self.data)
        record = Record(self.data[:end], self.requests, self.doubt, self.upgraded)
        self.data = b"" if self.upgraded else self.data[self.parsed :]
        self.requests, self.parsed = [], 0
        return record


# How long a slow app takes. Every proxy has read what came meanwhile.
SLOW = 0.05


class App:
    """A running one."""

    def __init__(self):
        self.is_slow = False
        self.count = 0
        self.connections: list[Connection] = []
        self.port = 0

    async def start(self) -> App:
        """Listens on a free port."""
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=512)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    def take(self) -> list[Record]:
        """What came since the last call."""
        records = [one.take() for one in self.connections]
        self.connections = [one for one in self.connections if not one.closed]
        return [one for one in records if one.data]

    async def settled(self, patience: float) -> None:
        """Waits until no request is half here, or this long."""
        end = asyncio.get_running_loop().time() + patience
        while any(not one.is_whole for one in self.connections):
            if asyncio.get_running_loop().time() > end:
                return
            await asyncio.sleep(0.01)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        one = Connection()
        self.connections.append(one)
        try:
            while data := await reader.read(65536):
                one.data += data
                if one.upgraded or one.doubt:
                    continue
                if not await self.answer(one, writer):
                    break
                await writer.drain()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            one.closed = True
            writer.close()

    async def answer(self, one: Connection, writer: asyncio.StreamWriter) -> bool:
        """Answers what is whole. Whether the connection goes on."""
        while one.parsed < len(one.data):
            reader = Reader(one.data, one.parsed, STRICT)
            try:
                request = reader.request()
            except More:
                if not one.continued and waits(one.data[one.parsed :]):
                    one.continued = True
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return True
            except Doubt as doubt:
                one.doubt = str(doubt)
                writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return False
            one.parsed, one.continued = request.end, False
            self.count += 1
            one.requests.append((self.count, request))
            number = self.count
            if self.is_slow:
                await asyncio.sleep(SLOW)
            if not self.reply(one, number, request, writer):
                return False
        return True

    def reply(self, one: Connection, number: int, request: Request, writer: asyncio.StreamWriter) -> bool:
        """One answer."""
        name = f"{number} {quote_from_bytes(request.method)} {quote_from_bytes(request.target, safe='/%?=&')}"
        head = f"X-Echo: {name[:2000]}\r\n".encode()
        # As a careless app does: whoever asks for it gets a tunnel.
        if any(value.lower() == b"websocket" for value in request.all(b"upgrade")):
            one.upgraded = True
            writer.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + head + b"\r\n"
            )
            return True
        options = b",".join(request.all(b"connection")).lower()
        old = request.version == b"HTTP/1.0" and b"keep-alive" not in options
        ends = old or b"close" in options
        head += b"Connection: close\r\n" if ends else b""
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + head + b"\r\n")
        return not ends


def waits(data: bytes) -> bool:
    """Whether a client waits for leave to send its body."""
    head, end, _ = data.partition(b"\r\n\r\n")
    return bool(end) and re.search(rb"(?im)^expect:[ \t]*100-continue[ \t]*\r?$", head) is not None
