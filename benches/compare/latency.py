"""How long an answer takes while the proxy has time left: p99 at half of the saturating rate."""

from __future__ import annotations

import statistics

import proxies
import steady
from effort import Effort, Goal, Outcome
from figures import percentile, ratios
from gateway import Doorward
from proxy import Proxy
from report import table, whole
from rounds import each, interleaved, saturate
from stage import Stage
from upstream import Upstream

# Times as many rounds as others have: where the machine stands still for a moment it makes the
# p99 of a whole round, whoever is measured.
MORE = 3


def run(stage: Stage, effort: Effort) -> Outcome:
    """The same rate for both, or their p99 could not be compared: half of what Doorward takes."""
    upstream = Upstream(stage, stage.load_cores)
    gateway = Doorward(stage, "Doorward", upstream, cores=stage.proxy_cores)
    session = gateway.login()
    doorward, bare = gateway.proxy(session), proxies.bare(stage, upstream, session)
    tries = [saturate(stage, upstream, doorward, effort.seconds) for _ in range(3)]
    rate = statistics.median(each(tries, "per_second")) / 2

    def measure(proxy: Proxy) -> list[float]:
        steady.run(stage, proxy, rate, 1, stage.load_cores)
        requests = steady.run(stage, proxy, rate, effort.seconds, stage.load_cores)
        return [request.took_us for request in requests]

    # What the app and the load take by themselves is in everybody's figure.
    alone = Proxy("no proxy", upstream.process, upstream.port, doorward.headers)
    subjects = {proxy.name: proxy for proxy in (doorward, bare, alone)}
    taken = interleaved(effort.rounds * MORE, subjects, measure)
    p50, p99 = (
        {name: [percentile(took, share) for took in rounds] for name, rounds in taken.items()} for share in (0.5, 0.99)
    )
    rows = [[name, *(whole(statistics.median(each_round[name])) for each_round in (p50, p99))] for name in taken]
    ratio = ratios(p99["Doorward"], p99["bare Pingora"])
    rule = f"{whole(rate)} requests/s each, half of what Doorward takes when saturated; medians of the rounds:"
    return Outcome(
        [rule, table(["half of the saturating rate", "p50 µs", "p99 µs"], rows)],
        [Goal.of("p99 at half of the saturating rate, Doorward / bare Pingora", ratio, 1.1)],
    )
