"""Real apps behind Doorward, each used by a real browser or by its own client.

    make apps
    make apps APPS='jupyterlab vite'
    python3 -B tests/apps --doorward target/debug/doorward --tools target/apps --app vite

Ends with 0 when every app worked, and with 1 when one did not. An app that is not installed is
skipped aloud; in CI (`CI=true`) that is a failure. See README.md in this folder.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "programs"))


def with_our_python(tools: Path) -> None:
    """Goes on with the Python that has the browser's driver, if there is one."""
    wanted = tools / "venv/bin/python"
    if wanted.exists() and Path(sys.prefix).resolve() != wanted.parent.parent.resolve():
        os.execv(wanted, [str(wanted), "-B", str(Path(__file__).parent), *sys.argv[1:]])


if __name__ == "__main__":
    # So that what runs beside us ends, and the folders go, when we are told to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    with_our_python(Path(sys.argv[sys.argv.index("--tools") + 1]) if "--tools" in sys.argv[:-1] else Path("target/apps"))
    try:
        from run import main
    except ModuleNotFoundError as absent:
        print(f"SKIPPED all apps: {absent}; `.ci/setup apps` installs it", file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") == "true" else 0)
    sys.exit(main())
