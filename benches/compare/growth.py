"""Whether a request costs the same however many users, rules and sessions there are."""

from __future__ import annotations

from dataclasses import dataclass

from effort import Effort, Goal, Outcome
from figures import ratios
from gateway import USERS, Doorward, hash_password
from report import table, whole
from rounds import each, interleaved, middle, saturate
from sessions import filled
from stage import Stage
from upstream import Upstream


def run(stage: Stage, effort: Effort) -> Outcome:
    """Each time two gateways that differ in one number only."""
    upstream = Upstream(stage, stage.load_cores)
    rows, goals = [], []
    for few, many in [
        (people(stage, 10), people(stage, effort.users)),
        (rules(1), rules(effort.rules)),
        (Crowd("1 session", {}), crowd_of_sessions(stage, effort.sessions)),
    ]:
        pair = [
            Doorward(stage, crowd.name, upstream, cores=stage.proxy_cores, **crowd.settings) for crowd in (few, many)
        ]
        subjects = {gateway.name: gateway.proxy(gateway.login()) for gateway in pair}
        taken = interleaved(effort.rounds, subjects, lambda proxy: saturate(stage, upstream, proxy, effort.seconds))
        rows += [[name, f"{middle(samples, 'cpu_us'):.1f}"] for name, samples in taken.items()]
        ratio = ratios(each(taken[many.name], "cpu_us"), each(taken[few.name], "cpu_us"))
        goals.append(Goal.of(f"CPU a request, {many.name} / {few.name}", ratio, 1.05))
        for gateway in pair:
            gateway.process.stop()
    return Outcome([table(["Doorward with", "CPU µs a request"], rows)], goals)


@dataclass(frozen=True)
class Crowd:
    """Settings of a gateway that has many of something, or few."""

    name: str
    settings: dict[str, str]


def people(stage: Stage, count: int) -> Crowd:
    """So many users with the one who signs in, who is the first."""
    one_hash = hash_password(stage)
    others = (
        USERS.format(id=f"u{number}", username=f"user{number}", name=f"User {number}", hash=one_hash).lstrip()
        for number in range(1, count)
    )
    return Crowd(f"{whole(count)} users", {"users": "".join(others)})


def rules(count: int) -> Crowd:
    """So many rules, of which only the last is of the request."""
    lines = [f"  - {{ path: /area-{number}/**, access: authenticated }}" for number in range(1, count)]
    text = "\n".join(["rules:", *lines, "  - { path: /**, access: authenticated }"])
    return Crowd(f"{whole(count)} rule" + "s" * (count > 1), {"more": text})


def crowd_of_sessions(stage: Stage, count: int) -> Crowd:
    """So many sessions of other people."""
    return Crowd(f"{whole(count)} sessions", {"data": str(filled(stage, count))})
