"""The client: it sends a case over one connection, and then a canary over the same."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass, field

from answers import Answer, Answers
from case import AFTER, CANARY, COOKIE, Case, get


@dataclass
class Seen:
    """What the client heard."""

    answers: list[Answer] = field(default_factory=list)
    canary: bool = False
    closed: bool = False
    broken: bool = False
    after: Answer | None = None
    ask_after: bool = False

    @property
    def echoes(self) -> list[int]:
        """The app's requests that were answered, in the order of the answers."""
        return [one.number for one in self.answers if one.number is not None]

    @property
    def statuses(self) -> str:
        """All answers in a word."""
        words = [f"{one.status}{'' if one.echo else '*'}" for one in self.answers]
        return " ".join(words + (["closed"] if self.closed else [])) or "silence"


class Line:
    """A connection that gives what came before a reset, which a stream of asyncio loses."""

    def __init__(self, port: int):
        self.loop = asyncio.get_running_loop()
        self.port = port
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def __aenter__(self) -> Line:
        await self.loop.sock_connect(self.socket, ("127.0.0.1", self.port))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.socket.close()

    async def send(self, data: bytes) -> None:
        """Sends it, or not: whoever closed a connection hears nothing more, and may have answered."""
        with contextlib.suppress(OSError):
            await self.loop.sock_sendall(self.socket, data)

    async def receive(self, patience: float) -> bytes:
        """What comes next, nothing at the end; `TimeoutError` when nothing came."""
        try:
            return await asyncio.wait_for(self.loop.sock_recv(self.socket, 65536), patience)
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
            return b""


async def send(port: int, case: Case, cookie: bytes, patience: float) -> Seen:
    """Sends it and listens until the canary is answered, or nothing comes any more."""
    seen, heard = Seen(), Answers(case.is_head)
    canary, pieces = get(CANARY).replace(COOKIE, cookie), case.filled(cookie)
    async with Line(port) as line:
        for at, piece in enumerate(pieces):
            if at:
                await asyncio.sleep(0.01)
            last = at + 1 == len(pieces)
            await line.send(piece + canary if last and case.in_one else piece)
        sent = case.in_one
        while True:
            if not sent and heard.final:
                await line.send(canary)
                sent = True
            if any(one.is_for(CANARY) for one in heard.final) or (heard.final and heard.final[-1].status == 101):
                break
            try:
                data = await line.receive(patience)
            except TimeoutError:
                if sent:
                    break
                await line.send(canary)
                sent = True
                continue
            if not data:
                heard.end()
                seen.closed = True
                break
            heard.take(data)
    seen.answers, seen.broken = heard.final, heard.broken
    seen.canary = any(one.is_for(CANARY) for one in heard.final)
    return seen


async def ask_after(port: int, cookie: bytes, patience: float) -> Answer | None:
    """Somebody else's request, right behind: what answer it gets."""
    heard = Answers(False)
    with contextlib.suppress(OSError):
        async with Line(port) as line:
            await line.send(get(AFTER).replace(COOKIE, cookie))
            while not heard.final:
                data = await line.receive(max(patience, 2.0))
                if not data:
                    heard.end()
                    break
                heard.take(data)
    return heard.final[0] if heard.final else None
