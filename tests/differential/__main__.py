"""Doorward beside nginx, HAProxy, Apache and Caddy, with the same bytes before the same app.

    make differential
    make differential REQUESTS=2000 SEED=7

See README.md in this folder.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import signal
import sys
import tempfile
from pathlib import Path


import generator
import report
import selftest
from programs import Trouble
from run import run


def main() -> int:
    """Runs what was asked for; 1 when a promise is broken."""
    options = parse()
    selftest.readers()
    if options.self_test:
        return asyncio.run(selftest.whole())
    cases = generator.cases(options.seed, corpus=not options.no_corpus)
    if options.only:
        cases = (case for case in cases if options.only in case.name)
    if options.skip:
        cases = itertools.islice(cases, options.skip, None)
    with tempfile.TemporaryDirectory(prefix="doorward-differential-") as folder:
        Path(folder).chmod(0o755)
        outcome = asyncio.run(
            run(Path(folder), options.doorward, options.caddy, cases, options.requests, options.seconds, options.lanes)
        )
    print(f"seed {options.seed}\n{report.text(outcome, options.examples)}")
    return 1 if outcome.broken else 0


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="tests/differential", description=__doc__.split("\n")[0])
    parser.add_argument("--doorward", type=Path, help="the gateway")
    parser.add_argument("--caddy", type=Path, help="Caddy, where it is not on the search path")
    parser.add_argument("--requests", type=int, default=100_000, help="cases at most")
    parser.add_argument("--seconds", type=float, default=600, help="time at most")
    parser.add_argument("--seed", type=int, default=1, help="what the cases are made from")
    parser.add_argument("--lanes", type=int, default=2, help="scenes side by side")
    parser.add_argument("--skip", type=int, default=0, help="cases to leave out at the begin")
    parser.add_argument("--only", default="", help="cases with this in their name")
    parser.add_argument("--no-corpus", action="store_true", help="without the fuzz corpora")
    parser.add_argument("--examples", type=int, default=0, help="more cases of each kind in the report")
    parser.add_argument("--self-test", action="store_true", help="show that what is wrong is found, without a gateway")
    options = parser.parse_args()
    if not options.self_test and not options.doorward:
        parser.error("--doorward is missing")
    return options


def give_up(*_: object) -> None:
    """Ends as after Ctrl-C: everything that was begun is put away."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    for how in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(how, give_up)
    try:
        sys.exit(main())
    except* Trouble as troubles:
        print(f"differential: {troubles.exceptions[0]}", file=sys.stderr)
        sys.exit(2)
    except* KeyboardInterrupt:
        sys.exit("differential: given up")
