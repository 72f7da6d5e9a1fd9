"""Doorward beside bare Pingora, HAProxy and nginx, measured on this machine.

    make bench
    make bench ONLY=forwarded
    make bench ARGS='--write docs/performance.md'

Nothing is fixed to a port, everything happens on the loopback interface and in a temporary
folder, and whatever was started is gone at the end.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path


import forwarded
import growth
import latency
import machine
import memory
import peers
import refused
import report
import start
import storm
import tls
import train
from effort import Effort, Goal
from process import Trouble
from stage import Programs, Stage

MEASUREMENTS = {
    "forwarded": ("What a forwarded request costs", forwarded.run),
    "peers": ("Beside what others take for the same", peers.run),
    "latency": ("How long an answer takes", latency.run),
    "refused": ("What a refused request costs", refused.run),
    "growth": ("Users, rules and sessions", growth.run),
    "storm": ("A storm of logins", storm.run),
    "memory": ("Memory", memory.run),
    "start": ("Start", start.run),
    "tls": ("TLS and HTTP/2", tls.run),
}


def main() -> int:
    """Measures what was asked for."""
    options = parse()
    programs = Programs(options.doorward, options.bare, options.fill, options.steady, options.proxies)
    if options.train:
        with tempfile.TemporaryDirectory(prefix="doorward-shared-") as shared, Stage(programs, Path(shared)) as stage:
            train.run(stage, options.seconds)
        return 0
    effort = Effort.quick() if options.quick else Effort.full(options.rounds, options.seconds)
    if options.write:
        report.check(options.write)
    about, begun = machine.description(), time.monotonic()
    parts, goals = [], []
    with tempfile.TemporaryDirectory(prefix="doorward-shared-") as shared:
        for name in options.only or MEASUREMENTS:
            part, its = measure(name, programs, Path(shared), effort)
            print(f"{part}\n", flush=True)
            parts.append(part)
            goals += its
    about += f" It took {(time.monotonic() - begun) / 60:.0f} minutes."
    if effort.is_quick:
        about += " Quick, to see whether all works: the numbers are worth nothing."
    head = f"{about}\n\n{report.goals(goals, effort.is_quick)}" if goals else about
    print(about if options.only else head)
    if options.write and options.only:
        for part in parts:
            report.write_part(options.write, f"{part}\n\n{about}")
    elif options.write:
        report.write(options.write, "\n\n".join([head, *parts]))
    return 0


def measure(name: str, programs: Programs, shared: Path, effort: Effort) -> tuple[str, list[Goal]]:
    """One of them, on a stage of its own."""
    title, run = MEASUREMENTS[name]
    print(f"# {title}", file=sys.stderr, flush=True)
    with Stage(programs, shared) as stage:
        outcome = run(stage, effort)
    text = [f"### {title}", f"`make bench ONLY={name}`", *outcome.text]
    if outcome.goals:
        text.append(report.goals(outcome.goals, effort.is_quick))
    return "\n\n".join(text), outcome.goals


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benches/compare", description=__doc__.split("\n")[0])
    parser.add_argument("--doorward", type=Path, required=True, help="the gateway, built with --release")
    parser.add_argument("--bare", type=Path, help="built of benches/bare.rs")
    parser.add_argument("--fill", type=Path, help="built of benches/fill.rs")
    parser.add_argument("--steady", type=Path, help="built of benches/steady.rs")
    parser.add_argument("--proxies", type=Path, help="the folder of envoy, traefik and caddy; else the search path")
    parser.add_argument("--only", nargs="+", choices=list(MEASUREMENTS), metavar="NAME", help=", ".join(MEASUREMENTS))
    parser.add_argument("--rounds", type=int, default=9, help="rounds of what has rounds")
    parser.add_argument("--seconds", type=int, default=3, help="seconds for one of those in one round")
    parser.add_argument("--quick", action="store_true", help="see whether all works; the numbers are worth nothing")
    parser.add_argument("--train", action="store_true", help="put load on what .ci/pgo built, and measure nothing")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the results into this page; with --only its section")
    return parser.parse_args()


def give_up(*_: object) -> None:
    """Ends as after Ctrl-C: everything that was begun is put away."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    for how in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(how, give_up)
    try:
        sys.exit(main())
    except Trouble as trouble:
        sys.exit(f"compare: {trouble}")
    except KeyboardInterrupt:
        sys.exit("compare: given up")
