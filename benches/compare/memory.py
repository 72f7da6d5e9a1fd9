"""Memory: after the start, and for each client that is connected and says nothing."""

from __future__ import annotations

import resource
import socket
import statistics
from contextlib import ExitStack

import proxies
from effort import Effort, Goal, Outcome
from figures import Spread, ratios
from gateway import Doorward
from process import Memory, Trouble
from proxy import Proxy
from report import megabytes, table, whole
from rounds import each, middle
from stage import Stage
from upstream import Upstream

ROUNDS = 3
# A thousand clients are there before we count, so that what is made once does not.
BEFORE = 10
# Of the same connections from several addresses, no port runs out.
SOURCES = 4
MORE = "limits: { keepalive_idle: 10m, connections: 20000, connections_per_address: null }"


def run(stage: Stage, effort: Effort) -> Outcome:
    """Each is started anew in each round."""
    count = min(effort.connections, most_connections())
    if count < 2 * BEFORE:
        raise Trouble("the limit of open files is too low for idle clients; ulimit -H -n tells it")
    idle: dict[str, list[Memory]] = {}
    clients: dict[str, list[float]] = {}
    for _ in range(min(ROUNDS, effort.rounds)):
        upstream = Upstream(stage, stage.load_cores)
        gateway = Doorward(stage, "Doorward", upstream, more=MORE, cores=stage.proxy_cores)
        idle.setdefault("Doorward", []).append(gateway.process.memory())
        session = gateway.login()
        bare = proxies.bare(stage, upstream, session)
        idle.setdefault(bare.name, []).append(bare.process.memory())
        for proxy in [gateway.proxy(session), bare]:
            clients.setdefault(proxy.name, []).append(per_client(proxy, count))
            proxy.process.stop()
        upstream.process.stop()
    rows = [
        [
            name,
            megabytes(middle(idle[name], "resident")),
            megabytes(middle(idle[name], "own")),
            whole(statistics.median(clients[name])),
        ]
        for name in idle
    ]
    resident = Spread.of(size / 1e6 for size in each(idle["Doorward"], "resident"))
    heads = ["memory", "idle, MB", "of it not of files, MB", f"bytes a client, of {whole(count)} idle ones"]
    return Outcome(
        [table(heads, rows)],
        [
            Goal("resident memory of Doorward after its start", resident.median, resident.text(1), 20, " MB", 1),
            Goal.of("memory of an idle client, Doorward / bare Pingora", ratios(*clients.values()), 1.1),
        ],
    )


def most_connections() -> int:
    """A gateway has two files open for each connection, and some of its own."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return (hard - 200) // 2


def per_client(proxy: Proxy, count: int) -> float:
    """Bytes of resident memory that a client takes who has asked once and stays connected."""
    request = "GET / HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{}\r\n\r\n".format(
        proxy.port, "\r\n".join(f"{name}: {value}" for name, value in proxy.headers.items())
    ).encode()
    with ExitStack() as clients:
        first = count // BEFORE
        connect(clients, proxy, request, first)
        before = proxy.process.memory().resident
        connect(clients, proxy, request, count - first)
        after = proxy.process.memory().resident
    return (after - before) / (count - first)


def connect(clients: ExitStack, proxy: Proxy, request: bytes, count: int) -> None:
    """So many clients, each with one request answered; they stay until the end of `clients`."""
    for number in range(count):
        source = (f"127.0.0.{2 + number % SOURCES}", 0)
        client = socket.create_connection(("127.0.0.1", proxy.port), timeout=30, source_address=source)
        clients.callback(client.close)
        client.sendall(request)
        answer = b""
        while not answer.endswith(b"Hello from the app.\n"):
            more = client.recv(4096)
            answer += more
            if not more or answer[:13] != b"HTTP/1.1 200 "[: len(answer)]:
                raise Trouble(f"{proxy.name} does not serve client {number}: {answer!r}")
