"""On what and of what a run was made."""

from __future__ import annotations

import os
import platform
import re
from datetime import date
from pathlib import Path

from process import finished
from report import whole
from stage import program

VERSIONS = [
    ("haproxy", ["haproxy", "-v"]),
    ("nginx", ["nginx", "-v"]),
    ("wrk", ["wrk", "-v"]),
    ("h2load", ["h2load", "--version"]),
    ("openssl", ["openssl", "version"]),
]


def description() -> str:
    """Two sentences. The revision is that of what was built, which `.ci/bench` knows."""
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    total = re.search(r"^MemTotal: +(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
    parts = [
        f"{len(os.sched_getaffinity(0))} cores",
        model.group(1).strip() if model else platform.machine(),
        f"{whole(int(total.group(1)) * 1024 / 1e9)} GB",
        f"Linux {platform.release()}",
    ]
    load = os.getloadavg()[0]
    revision = os.environ.get("DOORWARD_BENCH_REVISION", "unknown")
    versions = ", ".join(f"{name} {version(command)}" for name, command in VERSIONS)
    return (
        f"{date.today():%-d %B %Y}, revision {revision}: {', '.join(parts)}; load average {load:.1f} at the begin. "
        f"Beside it: {versions}."
    )


def version(command: list[str]) -> str:
    """The first number with a dot that the program says."""
    found = re.search(r"\d+\.\d+[\w.]*", said([program(command[0]), *command[1:]]))
    return found.group() if found else "of unknown version"


def said(command: list[str]) -> str:
    """All that a command prints; "unknown" when there is no such program."""
    try:
        done = finished(command, 60)
    except OSError:
        return "unknown"
    return (done.stdout + done.stderr).strip()
