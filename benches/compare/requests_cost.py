"""What a forwarded request costs: each proxy saturated, its own processor time counted."""

from __future__ import annotations

import secrets
import statistics

import checks
import proxies
from figures import ratios
from proxies import Doorward
from report import GOAL_HEADS, goal_row, table, whole
from rounds import Effort, Sample, interleaved, load
from stage import Stage
from upstream import Upstream


def run(stage: Stage, effort: Effort) -> str:
    """The table of the proxies, and the two ratios that have a goal."""
    upstream = Upstream(stage, stage.load_cores)
    key = secrets.token_hex(32)
    gateway = Doorward(stage, "Doorward", upstream, key, cores=stage.proxy_cores)
    session = gateway.login()
    logging = Doorward(stage, "Doorward, access log to a file", upstream, key, log="info", cores=stage.proxy_cores)
    logged_in = logging.login()
    haproxy = proxies.haproxy(stage, upstream, session)
    plain = [proxies.bare(stage, upstream, session), proxies.nginx(stage, upstream, session)]
    for proxy, its in [(gateway.proxy(session), session), (logging.proxy(logged_in), logged_in), (haproxy, session)]:
        checks.gates(proxy, its)
    for proxy in plain:
        checks.forwards(proxy)
    everybody = [gateway.proxy(session), plain[0], haproxy, logging.proxy(logged_in), plain[1]]
    subjects = {proxy.name: proxy for proxy in everybody}
    taken = interleaved(effort.rounds, subjects, lambda proxy: load(stage, upstream, proxy, effort))
    rows = [row(name, taken[name], *subjects[name].process.memory_kib()) for name in subjects]
    cpu = {name: [sample.cpu_us for sample in samples] for name, samples in taken.items()}
    doorward = cpu["Doorward"]
    heads = ["one core", "requests/s", "CPU µs a request", "p50 µs", "p99 µs", "RSS MB", "PSS MB"]
    return "\n\n".join([
        table(heads, rows),
        table(GOAL_HEADS, [
            goal_row("CPU a request, Doorward / bare Pingora", ratios(doorward, cpu["bare Pingora"]), 1.05),
            goal_row("CPU a request, Doorward / HAProxy", ratios(doorward, cpu["HAProxy"]), 1.0),
            goal_row(
                "CPU a request, with the access log / without",
                ratios(cpu["Doorward, access log to a file"], doorward),
                None,
            ),
        ]),
    ])


def row(name: str, samples: list[Sample], rss: int, pss: int) -> list[str]:
    """Medians of the rounds, and the memory after them."""
    middle = lambda field: statistics.median(getattr(sample, field) for sample in samples)  # noqa: E731
    return [
        name,
        whole(middle("per_second")),
        f"{middle('cpu_us'):.1f}",
        whole(middle("p50_us")),
        whole(middle("p99_us")),
        f"{rss / 1000:.1f}",
        f"{pss / 1000:.1f}",
    ]
