"""What a request without a valid session costs, beside one that is forwarded."""

from __future__ import annotations

from dataclasses import replace

import checks
from effort import Effort, Goal, Outcome
from figures import ratios
from gateway import COOKIE, Doorward
from report import table, whole
from rounds import each, interleaved, middle, saturate
from stage import Stage
from tokens import forged
from upstream import Upstream

CLIENTS = {"a program": ("application/json", 401), "a page": ("text/html", 303)}


def run(stage: Stage, effort: Effort) -> Outcome:
    """Programs are answered with 401, pages are sent to the login."""
    upstream = Upstream(stage, stage.load_cores)
    gateway = Doorward(stage, "Doorward", upstream, cores=stage.proxy_cores)
    session = gateway.login()
    good = gateway.proxy(session)
    cookies = {
        "forged signature": {"Cookie": f"{COOKIE}={forged(session.token)}"},
        "unknown cookie": {"Cookie": f"{COOKIE}=unknown"},
        "no cookie": {},
    }
    bad, refusal = {}, {}
    for client, (accept, status) in CLIENTS.items():
        for kind, cookie in cookies.items():
            name = f"{kind}, {client} ({status})"
            bad[name] = replace(good, name=name, headers={"Accept": accept, **cookie})
            refusal[name] = status
            checks.refuses(bad[name], status)
    subjects = {"forwarded": good, **bad}
    taken = interleaved(
        effort.rounds,
        subjects,
        lambda proxy: saturate(stage, upstream, proxy, effort.seconds, refused=refusal.get(proxy.name)),
    )
    rows = [
        [name, whole(middle(samples, "per_second")), f"{middle(samples, 'cpu_us'):.1f}"]
        for name, samples in taken.items()
    ]
    forwarded = each(taken["forwarded"], "cpu_us")
    return Outcome(
        [table([stage.pinned(), "requests/s", "CPU µs a request"], rows)],
        [Goal.of(f"CPU, {name} / forwarded", ratios(each(taken[name], "cpu_us"), forwarded), 1) for name in bad],
    )
