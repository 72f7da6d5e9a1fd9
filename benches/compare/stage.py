"""Where a run takes place: its folder, its cores, its programs and its processes."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from process import Process, Trouble


@dataclass(frozen=True)
class Programs:
    """The programs that we built, and the folder of the proxies that `.ci/setup` got from PyPI.

    All others come from the search path.
    """

    doorward: Path
    bare: Path | None
    fill: Path | None
    steady: Path | None
    proxies: Path | None

    def built(self, name: str) -> str:
        """The path of one that this measurement cannot do without."""
        path = getattr(self, name)
        if path is None:
            raise Trouble(f"this needs --{name}")
        return program(str(path))


class Stage:
    """Owns everything of a measurement. At its end all of it is gone.

    `shared` is a folder for what is dear to make and outlives it.
    """

    def __init__(self, programs: Programs, shared: Path):
        self.programs = programs
        self.shared = shared
        self._owned = ExitStack()
        self.folder = Path(self._owned.enter_context(tempfile.TemporaryDirectory(prefix="doorward-compare-")))
        cores = two_apart(sorted(os.sched_getaffinity(0)))
        # The proxy has a core for itself, so that nobody else's work is between its own.
        self.is_pinned = len(cores) >= 2
        self.proxy_cores = {cores[0]} if self.is_pinned else None
        self.load_cores = {cores[1]} if self.is_pinned else None

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self._owned.close()

    def start(self, name: str, command: list[str], cores: set[int] | None = None) -> Process:
        """Starts a program that lives until the end of the run, or until it is stopped."""
        process = Process(name, [program(command[0]), *command[1:]], self.file(f"{name}.log"), cores)
        self._owned.callback(process.stop)
        return process

    def proxy_program(self, name: str) -> str:
        """The path of a proxy that Debian does not have, or not of today."""
        return program(str(self.programs.proxies / name) if self.programs.proxies else name)

    def pinned(self) -> str:
        """The head of a table of proxies: whether each of them had a core of its own."""
        return "one core" if self.is_pinned else "not pinned"

    def file(self, name: str) -> Path:
        """A path in the folder, of a name that may hold any letter."""
        return self.folder / "".join(c if c.isalnum() or c in ".-" else "-" for c in name)

    def write(self, name: str, text: str) -> Path:
        """A file of the folder that only we can read."""
        path = self.file(name)
        path.touch(mode=0o600)
        path.write_text(text)
        return path


def program(name: str) -> str:
    """A program's path. Debian keeps servers where only root looks."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin")
    if not found:
        raise Trouble(f"{name} is not installed; .ci/setup bench does that")
    return found


def two_apart(cores: list[int]) -> list[int]:
    """Two of them that are not threads of one core, if there are such."""
    first = cores[0]
    apart = [core for core in cores[1:] if core not in siblings(first)]
    return [first, *(apart or cores[1:])][:2]


def siblings(core: int) -> set[int]:
    """The threads of the same core, which share its time; none where nobody knows."""
    try:
        text = Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list").read_text()
    except OSError:
        return set()
    ranges = [part.partition("-") for part in text.strip().split(",")]
    return {one for low, _, high in ranges for one in range(int(low), int(high or low) + 1)}


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
