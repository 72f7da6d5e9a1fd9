"""The app sees what was judged: thousands of requests through Doorward to a real server.

    python3 -B tests/behind --doorward target/debug/doorward --tools target/behind --server gunicorn --requests 1000

Ends with 0 when every answer was the one of the request that was asked, 1 when one was not, and
69 when something is not installed.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path
from urllib.parse import unquote_to_bytes

sys.path.append(str(Path(__file__).resolve().parent.parent / "programs"))

import gateway
import servers
from cases import Case, cases
from oracle import RANK, judge, needs, split
from stage import Missing, Stage, Trouble
from wire import Answer, Connection

UNAVAILABLE = 69
SHOWN = 3
SLOW = 4.0


class Run:
    """The requests to one server and what came of them."""

    def __init__(self, name: str, server: servers.Server, door: gateway.Gateway | gateway.Bare):
        self.name, self.server, self.door = name, server, door
        self.served, self.refused = 0, Counter[str]()
        self.wrong: dict[str, list[str]] = defaultdict(list)
        self.slow: list[str] = []
        self.lock = threading.Lock()

    def ask_all(self, todo: list[Case], threads: int) -> None:
        """Asks everything over some connections that stay open."""
        workers = [threading.Thread(target=self._ask, args=(todo, first, threads)) for first in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    def _ask(self, todo: list[Case], first: int, step: int) -> None:
        connections: dict[str, Connection] = {}
        for number in range(first, len(todo), step):
            case = todo[number]
            connection = connections.setdefault(case.source, Connection(self.door.port, case.source))
            request = case.wire(f"t{number}", self.door.cookies.get(case.who, ""))
            asked = time.monotonic()
            answer = connection.ask(request, case.method)
            if time.monotonic() - asked > SLOW:
                self.slow.append(f"{time.monotonic() - asked:.1f} s, {answer.status}\n        {shown(request)}")
            found = self.look(case, answer, f"t{number}")
            with self.lock:
                if answer.is_of_the_app:
                    self.served += 1
                else:
                    self.refused[of_whom(answer)] += 1
                for kind, what in found:
                    self.wrong[kind].append(f"{what}\n        {shown(request)}")

    def look(self, case: Case, answer: Answer, trace: str) -> list[tuple[str, str]]:
        """What is wrong with an answer, or with there being none."""
        if answer.is_of_the_app:
            return judge(case, answer, trace, self.server)
        asked = split(case.target)
        # A page is the server's own word: nginx refuses two of some fields.
        is_ours = "text/html" not in answer.headers.get("content-type", "")
        if case.is_plain and asked and is_ours and answer.status in (0, 400, 401, 403, 404, 421, 431, 500, 502, 504):
            is_allowed = needs(case.method, unquote_to_bytes(asked[0]).decode("latin-1")) <= RANK[case.who]
            if is_allowed:
                return [("refused without need", f"{answer.status} {answer.body[:100]!r}")]
        if answer.status == 0 and answer.body:
            return [("unreadable", repr(answer.body[:200]))]
        return []

    def report(self, seconds: float, everything: bool) -> None:
        """What came of it, in words."""
        total = self.served + self.refused.total()
        print(f"{self.name}: {total} requests in {seconds:.1f} s, {self.served} reached the app")
        for why, count in sorted(self.refused.items()):
            print(f"    {count:6} {why}")
        for kind, examples in [("slow", self.slow)] if self.slow else []:
            print(f"  {kind}: {len(examples)}, such as {examples[0]}")
        for kind, examples in sorted(self.wrong.items()):
            print(f"  WRONG {kind}: {len(examples)}")
            for example in examples if everything else examples[:SHOWN]:
                print(f"      {example}")
        sys.stdout.flush()


def shown(request: bytes) -> str:
    """The bytes of a request without the session in it."""
    lines = [line if not line.lower().startswith(b"cookie:") else b"Cookie: ..." for line in request.split(b"\r\n")]
    return repr(b"\r\n".join(lines))[2:-1]


def of_whom(answer: Answer) -> str:
    """Who refused, and how."""
    if answer.status == 0:
        return "closed without an answer"
    kind = answer.headers.get("content-type", "")
    if kind.startswith("application/problem+json"):
        code = answer.body.split(b'"code":"', 1)[-1].split(b'"')[0].decode("latin-1")[:40]
        return f"{answer.status} {code} by the gateway"
    return f"{answer.status} {kind.split(';')[0]}".rstrip()


def run(name: str, arguments: argparse.Namespace, count: int) -> Run:
    """One server from its start to its end."""
    with Stage(arguments.doorward, arguments.tools) as stage:
        server = servers.SERVERS[name]
        upstream = servers.start(stage, name)
        door = gateway.Bare(upstream) if arguments.without_gateway else gateway.Gateway(stage, upstream, server.patience)
        done = Run(name, server, door)
        started = time.monotonic()
        done.ask_all(cases(f"{arguments.seed} {name}", count), arguments.threads)
        done.report(time.monotonic() - started, arguments.everything)
        return done


def run_again(name: str, arguments: argparse.Namespace, count: int) -> Run:
    """The same, once more where something did not start: somebody may have taken a port that was free."""
    try:
        return run(name, arguments, count)
    except Trouble as trouble:
        print(f"{name}, for the first time: {trouble}", file=sys.stderr)
        return run(name, arguments, count)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--doorward", type=Path, required=True, help="the program under test")
    parser.add_argument("--tools", type=Path, default=Path("target/behind"), help="what `.ci/setup behind` made")
    parser.add_argument("--server", action="append", choices=servers.SERVERS, help="may be given more than once; all without it")
    parser.add_argument("--requests", type=int, default=1000, help="to each server")
    parser.add_argument("--total", type=int, help="of all servers together, instead; slow ones get a smaller share")
    parser.add_argument("--seed", type=int, default=12)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--everything", action="store_true", help="print all that was wrong, not some of each kind")
    parser.add_argument("--without-gateway", action="store_true", help="ask the server itself: the oracle must find a lot")
    arguments = parser.parse_args()
    arguments.doorward = arguments.doorward.resolve()
    arguments.tools = arguments.tools.resolve()
    chosen = arguments.server or list(servers.SERVERS)
    shares = sum(servers.SERVERS[name].share for name in chosen)
    wrong, missing, total = 0, [], 0
    for name in chosen:
        count = round(arguments.total * servers.SERVERS[name].share / shares) if arguments.total else arguments.requests
        try:
            done = run_again(name, arguments, count)
        except Missing as why:
            missing.append(f"{name}: {why}")
            continue
        total += count
        wrong += sum(len(examples) for examples in done.wrong.values())
        if not done.served and not arguments.without_gateway:
            raise Trouble(f"nothing reached {name}, so nothing was shown")
    for line in missing:
        print(f"MISSING {line}")
    print(f"{total} requests, {wrong} of them wrong")
    if wrong:
        return 1
    return UNAVAILABLE if missing else 0


if __name__ == "__main__":
    # So that what runs beside us ends, and the folders go, when we are told to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    try:
        sys.exit(main())
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        sys.exit(2)
