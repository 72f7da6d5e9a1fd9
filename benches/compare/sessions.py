"""A data folder whose store holds many sessions, made once in a run by `benches/fill.rs`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from process import Trouble, finished
from stage import Stage

# Seconds; a million takes some 20 on a quiet machine.
FILLING = 600


def filled(stage: Stage, count: int) -> Path:
    """A copy of one's own."""
    first = stage.shared / f"sessions-{count}"
    if not first.exists():
        print(f"filling a store with {count} sessions", file=sys.stderr)
        first.mkdir(mode=0o700)
        done = finished([stage.programs.built("fill"), str(first), str(count)], FILLING)
        if done.returncode != 0:
            raise Trouble(f"the store was not filled: {done.stderr}")
    copy = stage.file(f"data-{count}-sessions")
    shutil.copytree(first, copy)
    return copy
