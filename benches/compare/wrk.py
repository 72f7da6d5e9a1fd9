"""Load by wrk: as many requests as a proxy takes, over connections that stay open."""

from __future__ import annotations

from dataclasses import dataclass

from process import Trouble, finished
from stage import Stage, program

CONNECTIONS = 32

# Only what is said at the end is ours, so wrk runs no Lua while it measures.
SCRIPT = """
done = function(summary, latency, _)
  local e = summary.errors
  io.write(string.format("counted %d %d %d %d %d %d %d %d %d\\n",
    summary.requests, summary.duration, e.connect, e.read, e.write, e.timeout, e.status,
    latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass(frozen=True)
class Load:
    """What wrk saw. `refused` are answers of 400 and above."""

    requests: int
    seconds: float
    refused: int
    p50_us: int
    p99_us: int


def run(stage: Stage, port: int, headers: dict[str, str], seconds: int, connections: int = CONNECTIONS) -> Load:
    """Puts `connections` connections to work; any error of a socket ends the run."""
    script = stage.write("counted.lua", SCRIPT)
    command = [program("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script)]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    command.append(f"http://127.0.0.1:{port}/")
    done = finished(command, seconds + 60, stage.load_cores)
    line = next((line for line in done.stdout.splitlines() if line.startswith("counted ")), None)
    if done.returncode != 0 or line is None:
        raise Trouble(f"wrk failed: {done.stdout}{done.stderr}")
    requests, micros, connect, read, write, timeout, status, p50, p99 = map(int, line.split()[1:])
    if connect or read or write or timeout or not requests:
        raise Trouble(f"wrk met errors of sockets: {line}")
    return Load(requests, micros / 1e6, status, p50, p99)
