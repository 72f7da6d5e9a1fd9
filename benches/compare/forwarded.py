"""What a forwarded request costs: each proxy saturated, its own processor time counted."""

from __future__ import annotations

import checks
import proxies
from effort import Effort, Goal, Outcome
from figures import ratios
from gateway import Doorward
from report import megabytes, table, whole
from rounds import each, interleaved, middle, saturate
from stage import Stage
from upstream import Upstream

LOGGING = "Doorward, access log to a file"


def run(stage: Stage, effort: Effort) -> Outcome:
    """The table of the proxies, and the two ratios that have a goal."""
    upstream = Upstream(stage, stage.load_cores)
    gateway = Doorward(stage, "Doorward", upstream, cores=stage.proxy_cores)
    logging = Doorward(stage, LOGGING, upstream, log="info", cores=stage.proxy_cores)
    session = gateway.login()
    everybody = [
        gateway.proxy(session),
        proxies.haproxy(stage, upstream, session),
        logging.proxy(logging.login()),
        proxies.nginx(stage, upstream, session),
    ]
    if stage.programs.bare:
        everybody.insert(1, proxies.bare(stage, upstream, session))
        everybody.insert(2, proxies.bare(stage, upstream, session, dressed=True))
    for proxy in everybody:
        checks.forwards(proxy)
    checks.gates(everybody[0], session)
    checks.gates(next(proxy for proxy in everybody if proxy.name == "HAProxy"), session)

    subjects = {proxy.name: proxy for proxy in everybody}
    taken = interleaved(effort.rounds, subjects, lambda proxy: saturate(stage, upstream, proxy, effort.seconds))
    rows = []
    for name, samples in taken.items():
        memory = subjects[name].process.memory()
        rows.append([
            name,
            whole(middle(samples, "per_second")),
            f"{middle(samples, 'cpu_us'):.1f}",
            whole(middle(samples, "p50_us")),
            whole(middle(samples, "p99_us")),
            megabytes(memory.resident),
            megabytes(memory.shared_out),
        ])
    heads = [stage.pinned(), "requests/s", "CPU µs a request", "p50 µs", "p99 µs", "RSS MB", "PSS MB"]
    cpu = {name: each(samples, "cpu_us") for name, samples in taken.items()}
    outcome = Outcome([table(heads, rows)])
    log = ratios(cpu[LOGGING], cpu["Doorward"])
    outcome.text.append(f"With the access log a request costs {log.median:.3f} times as much ({log.text()}).")
    if proxies.DRESSED in cpu:
        dressed = ratios(cpu[proxies.DRESSED], cpu["bare Pingora"])
        ours = ratios(cpu["Doorward"], cpu[proxies.DRESSED])
        outcome.text.append(
            "The headers that an app is told and an answer needs, edited by a proxy that checks nothing, "
            f"cost {dressed.median:.3f} times a bare one ({dressed.text()}); "
            f"Doorward costs {ours.median:.3f} times such a proxy ({ours.text()})."
        )
    for name, limit in [("bare Pingora", 1.05), ("HAProxy", 1.0)]:
        if name in cpu:
            ratio = ratios(cpu["Doorward"], cpu[name])
            outcome.goals.append(Goal.of(f"CPU a request, Doorward / {name}", ratio, limit))
    return outcome
