"""What the programs that we started have started, and left behind: it comes to us, and we end it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from child import LIBC

PR_SET_CHILD_SUBREAPER = 36


def adopt() -> None:
    """From now on a process whose parent has ended becomes our child, not that of init."""
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1)


def end_all() -> None:
    """Ends every child that we have, and its children as they come to us. Call it when nothing of ours shall run."""
    while mine := children():
        for pid in mine:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass


def children() -> list[int]:
    """Our own children, as the kernel lists them."""
    text = "".join(one.read_text() for one in Path("/proc/self/task").glob("*/children"))
    return [int(pid) for pid in text.split()]
