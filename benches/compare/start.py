"""How long it takes from the start of the process until `/readyz` says yes."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable

from effort import Effort, Goal, Outcome
from figures import Spread
from gateway import Doorward
from report import table, whole
from sessions import filled
from stage import Stage
from upstream import Upstream

READY = b"GET /readyz HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n"


def run(stage: Stage, effort: Effort) -> Outcome:
    """Empty: with keys and a store still to be made, which is the slowest. Nothing is pinned."""
    upstream = Upstream(stage)
    empty = Doorward(stage, "Doorward", upstream)
    full = Doorward(stage, "Doorward-full", upstream, data=str(filled(stage, effort.sessions)))
    empty.process.stop()
    full.process.stop()

    def fresh() -> None:
        shutil.rmtree(empty.data)

    first = Spread.of(time_to_ready(empty, fresh) for _ in range(effort.starts))
    again = Spread.of(time_to_ready(empty) for _ in range(effort.starts))
    large = Spread.of(time_to_ready(full) for _ in range(max(1, effort.starts // 4)))
    rows = [
        ["the first, with an empty data folder", f"{first.median:.0f}", f"{first.most:.0f}"],
        ["again, with an empty store", f"{again.median:.0f}", f"{again.most:.0f}"],
        [f"with {whole(effort.sessions)} sessions", f"{large.median:.0f}", f"{large.most:.0f}"],
    ]
    return Outcome(
        [table(["start to ready", "median ms", "worst ms"], rows)],
        [
            Goal("start to ready, empty", first.median, first.text(0), 100, " ms", 0),
            Goal(
                f"start to ready, {whole(effort.sessions)} sessions in the embedded store",
                large.median,
                large.text(0),
                3000,
                " ms",
                0,
            ),
        ],
    )


def time_to_ready(gateway: Doorward, prepare: Callable[[], None] = lambda: None) -> float:
    """Milliseconds; the process is gone afterwards."""
    prepare()
    begun = time.monotonic()
    gateway.spawn()
    while not is_ready(gateway.admin):
        gateway.process.assert_running()
        time.sleep(0.001)
    took = time.monotonic() - begun
    gateway.process.stop()
    return took * 1000


def is_ready(port: int) -> bool:
    """Asked by hand, since this is done every millisecond."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as asked:
            asked.sendall(READY)
            return asked.recv(64).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False
