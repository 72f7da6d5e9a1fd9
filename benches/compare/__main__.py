"""Doorward beside bare Pingora, HAProxy and nginx, measured on this machine.

    make bench
    make bench ONLY=requests
    python3 benches/compare --doorward PATH --bare PATH --fill PATH [--quick] [--only NAME] [--write PAGE]

Nothing is fixed to a port, everything happens on the loopback interface and in a temporary
folder, and whatever was started is gone at the end.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import report
import requests_cost
from process import Trouble
from rounds import Effort
from stage import Programs, Stage

MEASUREMENTS = {
    "requests": ("What a forwarded request costs", requests_cost.run),
}


def main() -> int:
    """Measures what was asked for."""
    options = parse()
    effort = Effort(rounds=2, seconds=1) if options.quick else Effort(options.rounds, options.seconds)
    programs = Programs(options.doorward, options.bare, options.fill)
    chosen = options.only or list(MEASUREMENTS)
    parts = []
    for name in chosen:
        title, run = MEASUREMENTS[name]
        print(f"# {title}", file=sys.stderr)
        begun = time.monotonic()
        with Stage(programs) as stage:
            part = f"### {title}\n\n{run(stage, effort)}"
        parts.append(part)
        print(f"{part}\n\n({time.monotonic() - begun:.0f} s)\n", flush=True)
    if options.write:
        report.write(options.write, "\n\n".join(parts))
    return 0


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benches/compare", description=__doc__.split("\n")[0])
    parser.add_argument("--doorward", type=Path, required=True, help="the gateway, built with --release")
    parser.add_argument("--bare", type=Path, required=True, help="the bare proxy of benches/bare.rs")
    parser.add_argument("--fill", type=Path, help="the program of benches/fill.rs")
    parser.add_argument("--only", nargs="+", choices=list(MEASUREMENTS), metavar="NAME", help=", ".join(MEASUREMENTS))
    parser.add_argument("--rounds", type=int, default=9, help="rounds of a measurement that has rounds")
    parser.add_argument("--seconds", type=int, default=4, help="seconds for one proxy in one round")
    parser.add_argument("--quick", action="store_true", help="see whether it works; the numbers are worth nothing")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the results into this page")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Trouble as trouble:
        sys.exit(f"compare: {trouble}")
