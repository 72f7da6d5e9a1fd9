"""A folder, free ports and processes that end with us, also when we are killed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from child import dies_with_us

PATIENCE = 60.0


class Trouble(Exception):
    """Something without which nothing is shown. It is said, and we stop."""


class Missing(Exception):
    """A program or a library that this machine does not have."""


def free_port() -> int:
    """A port that nobody listens on now, on any address of this machine."""
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        return listener.getsockname()[1]


class Stage:
    """What one server and the gateway in front of it need; a context manager."""

    def __init__(self, doorward: Path, tools: Path):
        self.doorward, self.tools = doorward, tools
        self.folder = Path(tempfile.mkdtemp(prefix="doorward-"))
        # A worker that gave up its rights must be able to read here.
        self.folder.chmod(0o755)
        self.children: list[tuple[str, subprocess.Popen[bytes]]] = []

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        for _, child in reversed(self.children):
            end(child)
        shutil.rmtree(self.folder, ignore_errors=True)

    def python(self) -> Path:
        """The Python of the virtual environment with the servers."""
        return self.must_be(self.tools / "venv/bin/python")

    def must_be(self, path: Path) -> Path:
        """This path, which must be there."""
        if not path.exists():
            raise Missing(f"there is no {path.name} at {path}")
        return path

    def program(self, name: str) -> str:
        """Where a program is; Debian keeps servers where only root looks."""
        found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
        if not found:
            raise Missing(f"{name} is not installed")
        return found

    def write(self, name: str, text: str) -> Path:
        """A file in the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def start(self, name: str, command: list[str | Path], env: dict[str, str] | None = None) -> None:
        """Starts a program in the foreground; what it says goes to a file."""
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        with open(self.folder / f"{name}.log", "ab") as log:
            child = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=kept | {"PYTHONDONTWRITEBYTECODE": "1"} | (env or {}),
                preexec_fn=dies_with_us(),
                # A session of its own, so that its workers end with it.
                start_new_session=True,
            )
        self.children.append((name, child))

    def wait_until(self, what: str, is_so: Callable[[], bool]) -> None:
        """Asks until it is so; an error of a socket is a no, and so is an end of one of ours."""
        deadline = time.monotonic() + PATIENCE
        while True:
            for name, child in self.children:
                if child.poll() is not None:
                    raise Trouble(f"{name} ended with {child.returncode}:\n{self.log(name)}")
            try:
                if is_so():
                    return
            except OSError:
                pass
            if time.monotonic() > deadline:
                raise Trouble(f"{what} does not get ready:\n" + "\n".join(self.log(name) for name, _ in self.children))
            time.sleep(0.02)

    def wait_for_port(self, port: int) -> None:
        """Waits until somebody listens there."""

        def connects() -> bool:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return True

        self.wait_until(f"port {port}", connects)

    def log(self, name: str) -> str:
        """The end of what a program said."""
        return (self.folder / f"{name}.log").read_text(errors="replace")[-3000:]


def end(child: subprocess.Popen[bytes]) -> None:
    """Ends a program and its workers, politely at first."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            break
        try:
            child.wait(timeout=2)
        except subprocess.TimeoutExpired:
            continue
    child.wait()
