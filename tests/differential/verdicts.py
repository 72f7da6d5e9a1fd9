"""What must hold of every trace, and what is worth a look.

A `Finding` that is not `soft` breaks a promise: one request for the gate, two for somebody else;
another path, method, host or body than the client sent; an answer that is somebody else's; bytes
that are no request by the letter, and that most others refuse. A soft one says that others refuse
what is right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import forwarded
from case import AFTER, CANARY, COOKIE, Case, get
from readings import LENIENT, STRICT, Reading, Request, read
from scene import Trace


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong on one way."""

    kind: str
    way: str
    detail: str
    soft: bool = False


def judge(case: Case, traces: dict[str, Trace]) -> list[Finding]:
    """Everything about one case."""
    findings: list[Finding] = []
    alone = {name: trace for name, trace in traces.items() if trace.way.kind == "alone"}
    direct = traces["doorward"]
    # The canary goes over the same connection.
    data = (case.data + get(CANARY)).replace(COOKIE, direct.way.cookie)
    sent = read(data, STRICT)
    for name, trace in traces.items():
        if trace.way.kind == "alone":
            continue
        peer = next((one for one in alone if one in name.split()), None)
        found = own(trace, sent, data) if trace.way.kind == "gateway" else chained(trace, alone[peer], direct, sent)
        if trace.way.kind != "back":
            found += [(kind, detail) for record in trace.records for kind, detail in forwarded.doubts(record)]
        findings += [Finding(kind, name, detail) for kind, detail in found]
    findings += against(direct, alone, sent)
    return findings


def requests(trace: Trace) -> list[Request]:
    """What the app saw over all its connections, in the order of time, without the canary."""
    pairs = sorted((pair for record in trace.records for pair in record.requests), key=lambda pair: pair[0])
    return without_canary([one for _, one in pairs])


def without_canary(all_: list[Request]) -> list[Request]:
    """What the case is about."""
    return [one for one in all_ if one.target != CANARY.encode()]


def own(trace: Trace, sent: Reading, data: bytes) -> list[tuple[str, str]]:
    """The gateway alone: what it forwards is what was sent, one by one."""
    found = answered(trace)
    waiting = list(sent.requests)
    for one in requests(trace):
        match = None
        while waiting and match is None:
            candidate = waiting.pop(0)
            # HTTP/1.0 may come without a Host, and HTTP/1.1 may not go without one.
            same = core(candidate) == core(one if candidate.all(b"host") else without_host(one))
            match = candidate if same else None
        if match is not None:
            found += handshake(one, match)
        elif forwarded.origin_form(one.target) not in targets(data):
            found.append(("another path than was sent", f"the app saw {one}"))
            break
        elif sent.doubt is None:
            found.append(("another request than was sent", f"the app saw {one}, sent were {texts(sent.requests)}"))
            break
    return found


def targets(data: bytes) -> set[bytes]:
    """Every path that some reader finds in these bytes."""
    readings = [read(data, habits) for habits in [STRICT, *LENIENT]]
    heads = [one for reading in readings for one in [*reading.requests, reading.begun] if one]
    return {forwarded.origin_form(one.target) for one in heads}


def without_host(one: Request) -> Request:
    """The same, as from a client that named no host."""
    return replace(one, fields=[(name, value) for name, value in one.fields if name != b"host"])


def core(one: Request) -> tuple[bytes, ...]:
    """What must arrive as it was sent."""
    hosts = [host for host in one.all(b"host")]
    return (one.method, forwarded.origin_form(one.target), b", ".join(hosts), one.body)


def handshake(one: Request, sent: Request) -> list[tuple[str, str]]:
    """A tunnel is opened by a handshake: a GET of HTTP/1.1 without a body, and Connection names it."""
    if not one.all(b"upgrade"):
        return []
    options = b",".join(sent.all(b"connection")).lower()
    named = b"upgrade" in [word.strip() for word in options.split(b",")]
    framed = sent.is_chunked or sent.all(b"content-length") not in ([], [b"0"])
    if sent.method == b"GET" and sent.version == b"HTTP/1.1" and named and not framed:
        return []
    return [("an upgrade without a handshake", f"sent {[field for field in sent.fields if field[0] != b'cookie']}")]


def answered(trace: Trace) -> list[tuple[str, str]]:
    """Each request that the app saw was answered to who sent it, in order, and nobody else's was."""
    found = []
    saw = [number for record in trace.records for number, _ in record.requests]
    heard = trace.seen.echoes
    if unheard := [number for number in saw if number not in heard]:
        lost = [str(one) for record in trace.records for number, one in record.requests if number in unheard]
        found.append(("a request without an answer", f"{lost}; the client heard {trace.seen.statuses}"))
    if [number for number in heard if number not in saw] or heard != sorted(set(heard)):
        found.append(("an answer to another request", f"the client heard {[one.echo for one in trace.seen.answers]}"))
    last = trace.seen.answers[-1] if trace.seen.answers else None
    # A refusal of what cannot be read ends a connection by itself.
    if trace.seen.closed and last and not last.closes and last.status not in (101, 400):
        found.append(("the end of a connection that an answer did not tell", f"the client heard {trace.seen.statuses}"))
    if trace.seen.ask_after:
        after, targets = trace.seen.after, [one.target for record in trace.after for _, one in record.requests]
        if after is None or not after.is_for(AFTER) or AFTER.encode() not in targets:
            found.append(("the next client's request is not its own", f"heard {after}, the app saw {targets}"))
        elif len(targets) > 1:
            found.append(("a request without an answer", f"the app saw {targets} when its client had left"))
    return found


def chained(trace: Trace, peer: Trace, direct: Trace, sent: Reading) -> list[tuple[str, str]]:
    """With a peer before or behind: nothing reaches the app that did not with one of them alone."""
    # What a peer does wrong when alone is not ours, and what we do wrong when alone is told there.
    known = {kind for kind, _ in answered(peer) + (answered(direct) if trace.way.kind == "back" else [])}
    found = [one for one in answered(trace) if one[0] not in known]
    first = peer if trace.way.kind == "front" else direct
    reference = requests(first)
    ours = [loose(one, trace.way.kind) for one in requests(trace)]
    # What was right in what was sent may come further on one way than on another.
    letters = sent.requests if sent.doubt is None else []
    if any(is_within(ours, [loose(one, trace.way.kind) for one in some]) for some in (reference, letters)):
        return found
    garbage = b"".join(record.data for record in first.records if record.doubt)
    if not garbage:
        kind = "another request than without the other proxy"
        found.append((kind, f"{texts(requests(trace))}, alone {texts(reference)}"))
    elif odd := [one for one in requests(trace) if forwarded.origin_form(one.target) not in targets(garbage)]:
        found.append(("another path than the first proxy sends", f"{texts(odd)} of {garbage[:300]!r}"))
    return found


def is_within(some: list[tuple[bytes, ...]], all_: list[tuple[bytes, ...]]) -> bool:
    """Whether they are there, in their order.

    >>> is_within([(b"a",), (b"c",)], [(b"a",), (b"b",), (b"c",)]), is_within([(b"b",), (b"a",)], [(b"a",), (b"b",)])
    (True, False)
    """
    rest = iter(all_)
    return all(one in rest for one in some)


def texts(all_: list[Request]) -> list[str]:
    """For a person."""
    return [str(one) for one in all_]


def loose(one: Request, kind: str) -> tuple[bytes, ...]:
    """Peers may spell a path anew, and what is behind us has the last word on it."""
    return (one.method, one.body) if kind == "back" else (one.method, forwarded.origin_form(one.target), one.body)


def against(direct: Trace, alone: dict[str, Trace], sent: Reading) -> list[Finding]:
    """The gateway beside the peers, each alone with the same bytes."""
    found, ours = [], requests(direct)
    by_the_letter = [core(one) for one in sent.requests]
    for name, trace in alone.items():
        theirs = requests(trace)
        for one, two in zip(ours, theirs, strict=False):
            # Where we read by the letter, it is the peer that does not.
            if loose(one, "back") != loose(two, "back") and core(one) not in by_the_letter:
                found.append(
                    Finding(
                        "another request than a peer sees", "doorward", f"{name} saw {two}, the gateway's app {one}"
                    )
                )
                break
        # A peer that refuses what is left has read it as a request too.
        refused = any(one.echo is None and one.status >= 400 for one in trace.seen.answers)
        if trace.seen.canary and not refused and theirs and len(ours) > len(theirs):
            detail = f"{name} saw {texts(theirs)}, the gateway's app {texts(ours)}"
            found.append(Finding("two requests where a peer sees one", "doorward", detail))
    fewer = [name for name, trace in alone.items() if len(requests(trace)) < len(ours)]
    if len(fewer) * 2 > len(alone):
        statuses = {name: trace.seen.statuses for name, trace in alone.items()}
        right = len(ours) <= len(without_canary(sent.requests))
        why = f"forwards what most refuse ({'by the letter it is right' if right else sent.doubt})"
        found.append(Finding(why, "doorward", f"{statuses}", soft=right))
    return found
