"""What a program that we start must do before it becomes another program: end when we end."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def dies_with_us(number: signal.Signals = signal.SIGTERM) -> Callable[[], None]:
    """A step for `preexec_fn`: the kernel sends this signal when the thread that started us is gone."""
    parent = os.getpid()

    def prepare() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:
            os._exit(1)

    return prepare
