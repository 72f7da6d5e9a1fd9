"""Programs that we start. They end with us, also when we are killed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "programs"))
from child import dies_with_us  # noqa: E402
from stage import Trouble  # noqa: E402


class Program:
    """One that runs in the foreground and writes into a log."""

    def __init__(self, name: str, command: list[str], log: Path, env: dict[str, str] | None = None):
        self.name, self.log = name, log
        with open(log, "ab") as output:
            self.child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                preexec_fn=dies_with_us(),
                start_new_session=True,
            )

    def wait_until_open(self, port: int) -> None:
        """Until somebody listens there."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if self.child.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.02)
        raise Trouble(f"{self.name} does not listen:\n{self.log.read_text(errors='replace')[-2000:]}")

    def assert_running(self) -> None:
        """A peer that has ended would make every comparison with it empty."""
        if self.child.poll() is not None:
            raise Trouble(f"{self.name} ended:\n{self.log.read_text(errors='replace')[-2000:]}")

    def stop(self) -> None:
        """Ends it and the workers that it made, politely at first."""
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(timeout=3)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()


def program(name: str) -> str:
    """A program's path. Debian keeps servers where only root looks."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin")
    if not found:
        raise Trouble(f"{name} is not installed")
    return found


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, below those that the kernel gives to outgoing connections.

    Somebody else may take one before it is used: who starts a program has to be ready for that.
    """
    ports: list[int] = []
    for port in random.sample(range(10_000, 20_000), 2_000):
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == count:
            return ports
    raise Trouble("there are no free ports")
