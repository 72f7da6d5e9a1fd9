"""What people notice of it when many others sign in at once. Nothing is pinned here."""

from __future__ import annotations

import statistics
import threading
import time

import steady
from effort import Effort, Goal, Outcome
from figures import Spread, percentile
from gateway import Doorward, Session
from process import Trouble
from report import table, whole
from stage import Stage
from upstream import Upstream

LOGINS = 64
RATE = 500
# One user signs in from one address again and again, which is many attempts.
MORE = "login: { max_attempts: 100000, address_attempts: 100000 }"


def run(stage: Stage, effort: Effort) -> Outcome:
    """Quiet and storm in turn: the p99 of what is forwarded meanwhile."""
    upstream = Upstream(stage)
    gateway = Doorward(stage, "Doorward", upstream, threads="null", more=MORE)
    session = gateway.login()
    quiet, stormy, logins = [], [], []
    for _ in range(effort.rounds):
        quiet.append(p99(stage, gateway, session, effort.seconds))
        storm = Storm(gateway)
        storm.start()
        stormy.append(p99(stage, gateway, session, effort.seconds))
        logins.append(storm.stop())
    ratio = Spread.of(during / before for during, before in zip(stormy, quiet, strict=True))
    rows = [
        ["quiet", whole(statistics.median(quiet)), "–"],
        [f"{LOGINS} logins at any time", whole(statistics.median(stormy)), f"{statistics.median(logins):.0f}"],
    ]
    return Outcome(
        [table([f"{RATE} forwarded requests/s", "p99 µs", "logins/s"], rows)],
        [Goal.of(f"forwarded p99 during a storm of {LOGINS} parallel logins / quiet", ratio, 3)],
    )


def p99(stage: Stage, gateway: Doorward, session: Session, seconds: int) -> float:
    """Of what is forwarded in these seconds."""
    requests = steady.run(stage, gateway.proxy(session), RATE, seconds, None)
    return percentile([request.took_us for request in requests], 0.99)


class Storm:
    """So many people, each of whom signs in again as soon as they are in."""

    def __init__(self, gateway: Doorward):
        self.gateway = gateway
        self.ends = threading.Event()
        self.done = 0
        self.failure: Exception | None = None
        self.lock = threading.Lock()
        self.people = [threading.Thread(target=self.sign_in, daemon=True) for _ in range(LOGINS)]

    def start(self) -> None:
        """Returns when the first of them are in, so that the storm is on."""
        self.begun = time.monotonic()
        for person in self.people:
            person.start()
        while self.done < 2 and not self.failure:
            time.sleep(0.01)

    def stop(self) -> float:
        """How many got in per second; one who did not is an error."""
        self.ends.set()
        for person in self.people:
            person.join()
        if self.failure:
            raise Trouble(f"a login failed in the storm: {self.failure}")
        return self.done / (time.monotonic() - self.begun)

    def sign_in(self) -> None:
        """One of them."""
        try:
            while not self.ends.is_set():
                self.gateway.login()
                with self.lock:
                    self.done += 1
        except (OSError, Trouble) as failure:
            self.failure = failure
