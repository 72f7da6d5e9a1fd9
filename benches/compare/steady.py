"""Load of a fixed rate, by `benches/steady.rs`."""

from __future__ import annotations

from dataclasses import dataclass

from process import Trouble, finished
from proxy import Proxy
from stage import Stage

CONNECTIONS = 64


@dataclass(frozen=True)
class Request:
    """When it was due (Unix time) and how long its answer took from then on."""

    due: float
    took_us: float


def run(stage: Stage, proxy: Proxy, rate: float, seconds: float, cores: set[int] | None) -> list[Request]:
    """Every request of these seconds; a refusal ends the run."""
    headers = [f"{name}: {value}" for name, value in proxy.headers.items()]
    command = [stage.programs.built("steady"), f"127.0.0.1:{proxy.port}", f"{rate:.0f}", str(seconds), str(CONNECTIONS)]
    done = finished([*command, *headers], seconds + 120, cores)
    if done.returncode != 0:
        raise Trouble(f"{proxy.name} at {rate:.0f} requests a second: {done.stderr[-2000:]}")
    pairs = (line.split() for line in done.stdout.splitlines())
    return [Request(int(due) / 1e6, float(took)) for due, took in pairs]
