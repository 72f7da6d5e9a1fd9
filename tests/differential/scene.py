"""One set of everything: the gateway, the peers, each alone, before and behind the gateway.

    alone:   client -> peer -> app
    gateway: client -> Doorward -> app
    front:   client -> peer -> Doorward -> app
    back:    client -> Doorward -> peer -> app

Each way has an app of its own, so that whatever it saw came this way.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from app import App, Record
from case import Case
from client import Seen, ask_after, send
from gateway import Doorward, hashed
from peers import PEERS, Peer
from programs import Program, Trouble, free_ports


@dataclass
class Way:
    """One way from the client to an app."""

    name: str
    kind: str
    port: int
    app: App
    cookie: bytes = b"__Host-doorward=nothing"
    gateway: Doorward | None = None

    async def sign_in(self) -> None:
        """Gets a session from the gateway that is somewhere on this way."""
        if self.gateway:
            self.cookie = await asyncio.to_thread(self.gateway.cookie)


@dataclass
class Trace:
    """What one case did on one way."""

    way: Way
    seen: Seen
    records: list[Record]
    after: list[Record]


class Scene:
    """Running programs; at the end of the `with` block they are gone."""

    def __init__(self, folder: Path, doorward: Path, caddy: Path | None, peers: list[Peer] | None = None):
        self.folder, self.doorward, self.caddy = folder, doorward, caddy
        self.peers = PEERS if peers is None else peers
        self.ways: list[Way] = []
        self.programs: list[Program] = []
        self._owned = ExitStack()

    async def __aenter__(self) -> Scene:
        # Apache's worker is another user and has to come in.
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        for tries_left in (2, 1, 0):
            try:
                await self._start()
                return self
            except Trouble:
                # A port may have been taken before the program was there that wanted it.
                self._put_away()
                if not tries_left:
                    raise
            except BaseException:
                self._put_away()
                raise
        raise AssertionError("the last try returns or raises")

    async def __aexit__(self, *_: object) -> None:
        self._put_away()

    def _put_away(self) -> None:
        self._owned.close()
        self.ways, self.programs = [], []

    async def _start(self) -> None:
        hash_ = hashed(self.doorward)
        # One call, so that no port is given twice.
        ports = free_ports(2 + 7 * len(self.peers))

        async def gateway(name: str, kind: str, upstream: int, app: App, entry: int | None = None) -> int:
            pair = (ports.pop(), ports.pop())
            one = Doorward(self.doorward, self.folder, name.replace(" ", "-"), pair, upstream, hash_)
            self._own(one.program)
            self.ways.append(Way(name, kind, entry or pair[0], app, gateway=one))
            return pair[0]

        app = await App().start()
        await gateway("doorward", "gateway", app.port, app)
        started = []
        for peer in self.peers:
            alone, front, back = ports.pop(), ports.pop(), ports.pop()
            app = await App().start()
            self.ways.append(Way(peer.name, "alone", alone, app))
            routes = [(alone, app.port)]
            app = await App().start()
            routes.append((front, await gateway(f"{peer.name} doorward", "front", app.port, app, entry=front)))
            app = await App().start()
            await gateway(f"doorward {peer.name}", "back", back, app)
            routes.append((back, app.port))
            program = peer.start(self.folder, routes, self.caddy)
            self._own(program)
            started.append((program, routes))
        for program, routes in started:
            for listen, _ in routes:
                program.wait_until_open(listen)
        for way in self.ways:
            await way.sign_in()
            way.app.take()

    def _own(self, program: Program) -> None:
        self.programs.append(program)
        self._owned.callback(program.stop)

    async def run(self, case: Case, patience: float) -> dict[str, Trace]:
        """Sends a case every way at once."""
        traces = await asyncio.gather(*(one_way(way, case, patience) for way in self.ways))
        for program in self.programs:
            program.assert_running()
        return {trace.way.name: trace for trace in traces}


async def one_way(way: Way, case: Case, patience: float) -> Trace:
    """Sends a case one way, and somebody else's request behind it."""
    way.app.is_slow = case.slow
    seen = await send(way.port, case, way.cookie, patience)
    await way.app.settled(patience)
    records = way.app.take()
    way.app.is_slow = False
    after: list[Record] = []
    refused = any(one.status == 401 and not one.echo for one in seen.answers)
    if records or refused:
        seen.ask_after = True
        seen.after = await ask_after(way.port, way.cookie, patience)
        if seen.after and seen.after.status == 401 and not seen.after.echo:
            # The case has signed us out.
            await way.sign_in()
            way.app.take()
            seen.after = await ask_after(way.port, way.cookie, patience)
        await way.app.settled(patience)
        after = way.app.take()
    return Trace(way, seen, records, after)
