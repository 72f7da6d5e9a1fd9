"""One process that we started, and what Linux counts of it.

Everything that is started here ends with its owner: at the end of a `with` block, and also
when this program is killed, since the kernel then kills its children (`PR_SET_PDEATHSIG`).
Whatever runs beside us is started here for that reason, and by nothing else.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests/programs"))
from child import dies_with_us  # noqa: E402


class Trouble(Exception):
    """Something that makes every number of this run worthless. It is said, and we stop."""


@dataclass(frozen=True)
class Memory:
    """Bytes of `/proc/PID/smaps_rollup`.

    `resident` has the pages of the program and its libraries that were read, `shared_out` counts
    each page that n processes share as an nth, `own` is what the process made itself.
    """

    resident: int
    shared_out: int
    own: int


def on_cores(cores: set[int] | None) -> Callable[[], None]:
    """What a new child does before it becomes another program: it gets its cores, and an end."""
    end = dies_with_us(signal.SIGKILL)

    def prepare() -> None:
        end()
        if cores:
            os.sched_setaffinity(0, cores)

    return prepare


def finished(
    command: list[str], timeout: float, cores: set[int] | None = None, said: str = ""
) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end, which is to come within these seconds; it reads what is `said`."""
    try:
        return subprocess.run(
            command, input=said, capture_output=True, text=True, timeout=timeout, preexec_fn=on_cores(cores)
        )
    except subprocess.TimeoutExpired as late:
        raise Trouble(f"{Path(command[0]).name} did not end within {timeout:.0f} s: {late.stdout!r} {late.stderr!r}") from None


class Process:
    """A program that runs in the foreground, perhaps on chosen cores only."""

    def __init__(self, name: str, command: list[str], log: Path, cores: set[int] | None = None):
        self.name = name
        self.log = log
        with open(log, "ab") as output:
            self.child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=on_cores(cores),
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self.child.pid

    def assert_running(self) -> None:
        """Says what the program wrote last, if it has ended."""
        code = self.child.poll()
        if code is not None:
            last = self.log.read_text(errors="replace")[-2000:]
            raise Trouble(f"{self.name} ended with {code}:\n{last}")

    def stop(self) -> None:
        """Ends it, politely at first."""
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(timeout=3)
            except subprocess.TimeoutExpired:
                self.child.kill()
        self.child.wait()

    def kill(self) -> None:
        """Ends it at once."""
        self.child.kill()
        self.child.wait()

    def cpu_ns(self) -> int:
        """The processor time of all its threads, also of those that have ended.

        The clock of another process, see `clock_getcpuclockid(3)`: what the scheduler counted
        in nanoseconds, where `/proc/PID/stat` rounds to ticks of 10 ms.
        """
        return time.clock_gettime_ns((~self.pid << 3) | 2)

    def memory(self) -> Memory:
        """What it has in memory now."""
        text = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        kib = {key: int(value) for key, value in re.findall(r"^(\w+): +(\d+) kB$", text, re.MULTILINE)}
        return Memory(kib["Rss"] * 1024, kib["Pss"] * 1024, kib["Anonymous"] * 1024)
