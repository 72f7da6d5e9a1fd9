"""Rounds: everything is measured once in each, one after the other, in another order each time.

What changes slowly, such as the clock of the processor or a neighbour's work, then meets all
of them alike, and a ratio within one round is worth more than a number.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import wrk
from process import Trouble
from proxy import Proxy
from stage import Stage
from upstream import Upstream

T = TypeVar("T")
S = TypeVar("S")


@dataclass(frozen=True)
class Sample:
    """One proxy in one round."""

    per_second: float
    cpu_us: float
    p50_us: float
    p99_us: float


def interleaved(rounds: int, subjects: dict[str, T], measure: Callable[[T], S]) -> dict[str, list[S]]:
    """Measures each subject in each round; what is returned has the samples of each."""
    taken: dict[str, list[S]] = {name: [] for name in subjects}
    for number in range(rounds):
        for name in turned(list(subjects), number):
            progress(f"round {number + 1} of {rounds}: {name}")
            taken[name].append(measure(subjects[name]))
    progress("")
    return taken


def turned(names: list[str], number: int) -> list[str]:
    """The names, backwards every other round, and begun at another one every second round.

    >>> [turned(["a", "b", "c"], number) for number in range(4)]
    [['a', 'b', 'c'], ['c', 'b', 'a'], ['b', 'c', 'a'], ['a', 'c', 'b']]
    >>> [turned(["a", "b"], number) for number in range(4)]
    [['a', 'b'], ['b', 'a'], ['b', 'a'], ['a', 'b']]
    """
    start = number // 2 % len(names)
    order = names[start:] + names[:start]
    return order if number % 2 == 0 else order[::-1]


def progress(text: str) -> None:
    """Where we are, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r{text}", end="\x1b[K", file=sys.stderr, flush=True)


def middle(samples: Sequence[object], field: str) -> float:
    """The median of one of their fields."""
    return statistics.median(getattr(sample, field) for sample in samples)


def each(samples: Sequence[object], field: str) -> list[float]:
    """One of their fields, round by round."""
    return [getattr(sample, field) for sample in samples]


def saturate(stage: Stage, upstream: Upstream, proxy: Proxy, seconds: int, *, refused: int | None = None) -> Sample:
    """Gives a proxy as much as it takes and counts its own processor time.

    With `refused`, the status of a refusal, no request may reach the app; else every one must.
    """
    wrk.run(stage, proxy.port, proxy.headers, 1)
    seen, cpu = upstream.requests(), proxy.process.cpu_ns()
    done = wrk.run(stage, proxy.port, proxy.headers, seconds)
    cpu, seen = proxy.process.cpu_ns() - cpu, upstream.requests() - seen
    proxy.process.assert_running()
    if refused and seen:
        raise Trouble(f"{proxy.name} let {seen} requests through that it must refuse")
    # wrk counts what is 400 and above.
    if refused and done.refused != (done.requests if refused >= 400 else 0):
        raise Trouble(f"{proxy.name}: of {done.requests} requests {done.refused} were answered with 400 or above")
    if not refused and (done.refused or seen < done.requests):
        raise Trouble(f"{proxy.name}: {done.requests} requests, {done.refused} refused, {seen} reached the app")
    return Sample(done.requests / done.seconds, cpu / done.requests / 1000, done.p50_us, done.p99_us)
