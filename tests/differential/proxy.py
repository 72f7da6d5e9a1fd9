"""A reverse proxy that can be told to be wrong, for the self-test alone.

It reads with given habits. A right one writes each request anew; a careless one passes on the
bytes as they came, which is how two readers come to see different requests. All clients share one
connection to the app, so that what is left over from one meets the next.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

import forwarded
from readings import STRICT, Doubt, Habits, More, Reader, Request


@dataclass(frozen=True)
class Fault:
    """What a proxy does wrong. Nothing, as it stands."""

    name: str = "none"
    habits: Habits = STRICT
    verbatim: bool = False
    cuts_fragment: bool = False
    ends_twice: bool = False
    keeps_absolute: bool = False
    tunnels_all: bool = False
    keeps_underscores: bool = False
    changes_body: bool = False
    announces: bool = False
    loses_answers: bool = False
    hangs_up: bool = False
    late_answers: bool = False
    doubles: bool = False
    forgets_rules: bool = False


class Proxy:
    """A running one."""

    def __init__(self, to: int, fault: Fault):
        self.to, self.fault, self.port = to, fault, 0
        self.lock = asyncio.Lock()
        self.app: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.kept: bytes | None = None

    async def start(self) -> Proxy:
        """Listens on a free port."""
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client."""
        data = b""
        try:
            while True:
                try:
                    read = self.read(data)
                except More:
                    more = await reader.read(65536)
                    if not more:
                        break
                    data += more
                    continue
                except Doubt:
                    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    break
                raw, data = data[: read.end], data[read.end :]
                if not self.fault.forgets_rules and forwarded.origin_form(read.target).lower().startswith(b"/closed"):
                    writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                    continue
                answer = self.changed(await self.forward(self.written(read, raw)))
                writer.write(answer)
                if b" 101 " in answer[:16] or not answer or self.fault.hangs_up:
                    break
            await writer.drain()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    def read(self, data: bytes) -> Request:
        """One request. A fragment is dropped before anybody looks, where that is the fault."""
        if self.fault.cuts_fragment and b"\n" in data:
            line, end, rest = data.partition(b"\r\n")
            if b"#" in line:
                words = line.split(b" ")
                shorter = b" ".join(word.split(b"#")[0] for word in words)
                one = Reader(shorter + end + rest, 0, self.fault.habits).request()
                one.end += len(line) - len(shorter)
                return one
        if not data:
            raise More
        return Reader(data, 0, self.fault.habits).request()

    def written(self, one: Request, raw: bytes) -> bytes:
        """What the app is sent."""
        if self.fault.verbatim:
            return raw
        target = one.target if self.fault.keeps_absolute else forwarded.origin_form(one.target)
        dropped = {b"transfer-encoding", b"content-length", b"connection", b"expect", b"trailer", b"upgrade"}
        lines = [one.method + b" " + target + b" HTTP/1.1"]
        for name, value in one.fields:
            if name not in dropped and (self.fault.keeps_underscores or b"_" not in name):
                lines.append(name + b": " + value)
        if one.version == b"HTTP/1.0" and not one.all(b"host"):
            lines.append(b"host: none")
        if self.wants_tunnel(one):
            lines += [b"upgrade: websocket", b"connection: upgrade"]
        if self.fault.announces:
            lines.append(b"trailer: x-a")
        body = one.body + b"!" if self.fault.changes_body and one.body else one.body
        if one.is_chunked:
            lines.append(b"transfer-encoding: chunked")
            body = (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n" * (1 + self.fault.ends_twice)
        elif body or one.all(b"content-length"):
            lines.append(b"content-length: %d" % len(body))
        return b"\r\n".join(lines) + b"\r\n\r\n" + body

    def wants_tunnel(self, one: Request) -> bool:
        """Whether the app may open one."""
        wanted = [value.strip().lower() for value in one.all(b"upgrade")]
        return wanted == [b"websocket"] and (self.fault.tunnels_all or is_handshake(one))

    def changed(self, answer: bytes) -> bytes:
        """What the client is told."""
        if self.fault.loses_answers:
            return b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
        if self.fault.late_answers:
            answer, self.kept = self.kept or answer, answer
        return answer

    async def forward(self, data: bytes) -> bytes:
        """Sends it and gives the first answer that comes, whosever it is."""
        async with self.lock:
            for _ in range(2):
                if self.app is None:
                    self.app = await asyncio.open_connection("127.0.0.1", self.to)
                reader, writer = self.app
                writer.write(data * (1 + self.fault.doubles))
                try:
                    for _ in range(1 + self.fault.doubles):
                        head = await asyncio.wait_for(answer(reader, data.startswith(b"HEAD ")), 2)
                except asyncio.IncompleteReadError:
                    # A connection that was closed meanwhile: once more over another.
                    self.leave()
                    continue
                except (OSError, TimeoutError):
                    self.leave()
                    return b""
                if b" 101 " in head[:16] or b"connection: close" in head.lower():
                    self.leave()
                return head
            return b""

    def leave(self) -> None:
        """Closes the connection to the app."""
        if self.app:
            self.app[1].close()
        self.app = None


async def answer(reader: asyncio.StreamReader, is_head: bool) -> bytes:
    """One answer. The app's own are empty; those of another proxy have a body of some length."""
    head = await reader.readuntil(b"\r\n\r\n")
    found = re.search(rb"(?im)^content-length:[ \t]*(\d+)", head)
    if found and not is_head:
        head += await reader.readexactly(int(found[1]))
    return head


def is_handshake(one: Request) -> bool:
    """Whether a WebSocket may be opened."""
    named = b"upgrade" in [word.strip() for word in b",".join(one.all(b"connection")).lower().split(b",")]
    framed = one.all(b"content-length") or one.all(b"transfer-encoding")
    return one.method == b"GET" and one.version == b"HTTP/1.1" and named and not framed
