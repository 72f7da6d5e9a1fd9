"""A run: cases one after the other, on several scenes side by side, until the number or the time is over."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from case import Case
from scene import Scene, Trace
from verdicts import Finding, judge, requests

# How long nothing may come before we take it for the end. A finding is tried again with more.
PATIENCE = 0.25
MORE_PATIENCE = 3.0


@dataclass
class Kind:
    """All findings of a kind, with the shortest case that showed it."""

    soft: bool
    count: int = 0
    ways: Counter = field(default_factory=Counter)
    case: Case | None = None
    finding: Finding | None = None
    traces: dict[str, Trace] | None = None
    examples: list[tuple[Case, Finding]] = field(default_factory=list)


@dataclass
class Outcome:
    """What a run found."""

    cases: int = 0
    forwarded: int = 0
    refused: int = 0
    peers: Counter = field(default_factory=Counter)
    kinds: dict[str, Kind] = field(default_factory=dict)
    once: list[tuple[Case, Finding]] = field(default_factory=list)

    def add(self, case: Case, finding: Finding, traces: dict[str, Trace]) -> None:
        """One finding that came again."""
        kind = self.kinds.setdefault(finding.kind, Kind(finding.soft))
        kind.count += 1
        kind.ways[finding.way] += 1
        kind.examples.append((case, finding))
        if kind.case is None or len(case.data) < len(kind.case.data):
            kind.case, kind.finding, kind.traces = case, finding, traces

    @property
    def broken(self) -> list[str]:
        """The promises that do not hold."""
        return [name for name, kind in self.kinds.items() if not kind.soft]


async def run(
    folder: Path, doorward: Path, caddy: Path | None, cases: Iterator[Case], requests: int, seconds: float, lanes: int
) -> Outcome:
    """Runs until the first of the two limits."""
    outcome, end = Outcome(), time.monotonic() + seconds

    async def lane(number: int) -> None:
        previous: Case | None = None
        async with Scene(folder / f"lane-{number}", doorward, caddy) as scene:
            while outcome.cases < requests and time.monotonic() < end:
                case = next(cases, None)
                if case is None:
                    break
                outcome.cases += 1
                await one(scene, case, previous, outcome)
                previous = case

    # One that fails takes the others with it, so that their programs end.
    async with asyncio.TaskGroup() as group:
        for number in range(lanes):
            group.create_task(lane(number))
    return outcome


async def one(scene: Scene, case: Case, previous: Case | None, outcome: Outcome) -> None:
    """One case, and again if there is something about it."""
    traces = await scene.run(case, PATIENCE)
    count(outcome, traces)
    findings = judge(case, traces)
    if not findings:
        return
    seen = set()
    # Twice by itself, and once behind the case before, which may have left something.
    for before in (None, None, previous):
        if before is not None:
            await scene.run(before, PATIENCE)
        traces = await scene.run(case, MORE_PATIENCE)
        for finding in judge(case, traces):
            if (finding.kind, finding.way) not in seen:
                seen.add((finding.kind, finding.way))
                outcome.add(case, finding, traces)
        if all((finding.kind, finding.way) in seen for finding in findings):
            return
    outcome.once += [(case, one) for one in findings if (one.kind, one.way) not in seen and not one.soft]


def count(outcome: Outcome, traces: dict[str, Trace]) -> None:
    """Whether a whole request came through, by the gateway and by each peer."""
    for name, trace in traces.items():
        if trace.way.kind == "alone":
            outcome.peers[name] += bool(requests(trace))
    if requests(traces["doorward"]):
        outcome.forwarded += 1
    else:
        outcome.refused += 1
