"""What a forwarded request costs with every check of ours, beside what others take for it."""

from __future__ import annotations

import checked
import checks
import machine
import proxies
from effort import Effort, Goal, Outcome
from figures import ratios
from gateway import Doorward
from process import Trouble
from report import megabytes, table, whole
from rounds import each, interleaved, middle, saturate
from stage import Stage
from upstream import Upstream

GOALS = {"Envoy": 0.6, "Traefik, no check": 0.6, "Caddy, no check": 0.6, "nginx + Lua": 1.0}
# mod_auth_openidc has no setting for the algorithm of a shared key.
CANNOT = {"Apache": ["alg HS512"]}


def run(stage: Stage, effort: Effort) -> Outcome:
    """The table of the peers, what each of them does not check, and the ratios that have a goal."""
    upstream = Upstream(stage, stage.load_cores)
    gateway = Doorward(stage, "Doorward", upstream, cores=stage.proxy_cores)
    session = gateway.login()
    checking = [gateway.proxy(session)]
    checking += [start(stage, upstream, session) for start in (checked.envoy, checked.nginx_lua, checked.apache)]
    others = [start(stage, upstream, session) for start in (proxies.traefik, proxies.caddy)]
    for proxy in others:
        checks.forwards(proxy)
    admitted = {proxy.name: "everything" for proxy in others}
    for proxy in checking:
        checks.gates(proxy, session, CANNOT.get(proxy.name, ()))
        admitted[proxy.name] = ", ".join(checks.admits(proxy, session)) or "nothing"
    if admitted["Doorward"] != "nothing":
        raise Trouble(f"Doorward admits {admitted['Doorward']}")

    subjects = {proxy.name: proxy for proxy in checking + others}
    taken = interleaved(effort.rounds, subjects, lambda proxy: saturate(stage, upstream, proxy, effort.seconds))
    rows = [
        [
            name,
            whole(middle(samples, "per_second")),
            f"{middle(samples, 'cpu_us'):.1f}",
            whole(middle(samples, "p99_us")),
            megabytes(subjects[name].process.memory().resident),
            admitted[name],
        ]
        for name, samples in taken.items()
    ]
    heads = [stage.pinned(), "requests/s", "CPU µs a request", "p99 µs", "RSS MB", "lets pass what Doorward refuses"]
    cpu = {name: each(samples, "cpu_us") for name, samples in taken.items()}
    goals = [
        Goal.of(f"CPU a request, Doorward / {name}", ratios(cpu["Doorward"], cpu[name]), limit)
        for name, limit in GOALS.items()
    ]
    return Outcome([table(heads, rows), f"Beside it: {versions(stage)}."], goals)


def versions(stage: Stage) -> str:
    """Of those that no other measurement needs."""
    asked = {
        "Envoy": [stage.proxy_program("envoy"), "--version"],
        "Apache": ["apache2", "-v"],
        "Traefik": [stage.proxy_program("traefik"), "version"],
        "Caddy": [stage.proxy_program("caddy"), "version"],
    }
    return ", ".join(f"{name} {machine.version(command)}" for name, command in asked.items())
