"""A data folder whose store holds many sessions, made once in a run by `benches/fill.rs`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from process import Trouble
from stage import Stage


def filled(stage: Stage, count: int) -> Path:
    """A copy of one's own."""
    first = stage.shared / f"sessions-{count}"
    if not first.exists():
        print(f"filling a store with {count} sessions", file=sys.stderr)
        first.mkdir(mode=0o700)
        done = subprocess.run([stage.programs.built("fill"), str(first), str(count)], capture_output=True, text=True)
        if done.returncode != 0:
            raise Trouble(f"the store was not filled: {done.stderr}")
    copy = stage.file(f"data-{count}-sessions")
    shutil.copytree(first, copy)
    return copy
