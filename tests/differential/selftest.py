"""That what is wrong is found: recorded bad streams, and a proxy with one fault after the other.

A right proxy in the gateway's place must give no finding at all with the same cases, or a finding
would say nothing.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace

import generator
from app import App, Record
from case import FIELD, HOST, INSIDE, Case
from forwarded import doubts
from proxy import Fault, Proxy
from readings import LENIENT, Habits, read
from scene import Way, one_way
from verdicts import judge

LINE = b"POST /a HTTP/1.1\r\nHost: app.test\r\n"
CHUNKED = LINE + b"Transfer-Encoding: chunked\r\n\r\n"
# What a gateway sent to an app once, or must never send, and a word of what is to be said of it.
STREAMS = [
    ("right: a body", LINE + b"Content-Length: 2\r\n\r\nab", ""),
    ("right: chunks", CHUNKED + b'2;a="b;c"\r\nab\r\n0\r\nX-A: b\r\n\r\n', ""),
    ("an end too many", CHUNKED + b"0\r\n\r\n0\r\n\r\n", "no request line"),
    ("a line feed in an extension", CHUNKED + b"2;\nxx\r\n45\r\n0\r\n\r\n", "line feed alone"),
    ("a size with a prefix", CHUNKED + b"0x2\r\nab\r\n0\r\n\r\n", "no size of a chunk"),
    ("no line end behind a chunk", CHUNKED + b"2\r\nab0\r\n\r\n", "no line end"),
    ("a length beside chunks", LINE + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "both"),
    ("two lengths", LINE + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na", "two lengths"),
    ("a length with a sign", LINE + b"Content-Length: +1\r\n\r\na", "no number"),
    ("another coding", LINE + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "another coding"),
    (
        "a coding in an old version",
        LINE.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.0",
    ),
    ("a length with an underscore", LINE + b"Content_Length: 5\r\n\r\n" + INSIDE, "underscores are hyphens"),
    ("a lone line feed in the head", LINE + b"X: a\nY: b\r\n\r\n", "line feed alone"),
    ("a lone carriage return", LINE + b"X: a\rY: b\r\n\r\n", "control character"),
    ("a folded line", LINE + b"X: a\r\n b\r\n\r\n", "folded"),
    ("a blank before a colon", LINE + b"X : a\r\n\r\n", "no name"),
    ("no host", b"GET /a HTTP/1.1\r\n\r\n", "not one Host"),
    ("a host that is none", b"GET /a HTTP/1.1\r\nHost: a b\r\n\r\n", "a Host that is none"),
    ("two hosts", b"GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "not one Host"),
    ("a fragment", b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", "no request line"),
    ("an absolute target", b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "no path"),
    ("a request that nobody judged", INSIDE, "did not see"),
    ("an empty line before a request", b"\r\n" + INSIDE.replace(b"/closed", b"/a"), "empty line"),
    ("a trailer that frames", CHUNKED + b"0\r\nContent-Length: 5\r\n\r\n", "trailer that may be none"),
    ("a trailer that does not come", LINE + b"Trailer: X-A\r\n\r\n", "announced"),
]

HEAD = b" HTTP/1.1\r\nHost: " + HOST + b"\r\n" + FIELD
POST = b"POST /a" + HEAD
INNER = b"0\r\n\r\n" + INSIDE
HIDDEN = (
    POST + b"Transfer-Encoding: chunked\r\n\r\n2;\nxx\r\n" + f"{len(INNER):x}\r\n".encode() + INNER + b"\r\n0\r\n\r\n"
)
VERBATIM = replace(LENIENT[0], name="careless")
RIGHT = Fault()
# A fault, a case that brings it out, and the kinds of which one at least must be found.
FAULTS = [
    (
        Fault("a line feed ends chunk extensions", Habits("f", lone_lf_in_chunks=True), verbatim=True),
        HIDDEN,
        ["line feed alone"],
    ),
    (
        Fault("lone line feeds", VERBATIM, verbatim=True),
        b"GET /a HTTP/1.1\nHost: app.test\n" + FIELD + b"\n",
        ["line feed alone"],
    ),
    (
        Fault("lengths win over chunks", Habits("f", length_wins=True), verbatim=True),
        POST + f"Content-Length: {len(INNER)}\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + INNER,
        ["both a length"],
    ),
    (
        Fault("codings by a part of the word, written anew", Habits("f", any_coding=True)),
        POST + b"Transfer-Encoding: xchunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
        ["most refuse"],
    ),
    (
        Fault("underscores, written anew", Habits("f", underscores=True)),
        POST + f"Content_Length: {len(INSIDE)}\r\n\r\n".encode() + INSIDE,
        ["another request"],
    ),
    (Fault("fragments are cut off", cuts_fragment=True), b"GET /a#b" + HEAD + b"\r\n", ["another path"]),
    (
        Fault("ends twice", ends_twice=True),
        POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        ["no request line", "next client"],
    ),
    (Fault("keeps absolute targets", keeps_absolute=True), b"GET http://app.test/a" + HEAD + b"\r\n", ["no path"]),
    (Fault("opens tunnels", tunnels_all=True), POST + b"Upgrade: websocket\r\n\r\n", ["without a handshake"]),
    (Fault("keeps underscores", keeps_underscores=True), POST + b"X_A: b\r\n\r\n", ["underscore"]),
    (
        Fault("changes bodies", changes_body=True),
        POST + b"Content-Length: 1\r\n\r\na",
        ["another request than was sent"],
    ),
    (Fault("announces trailers", announces=True), POST + b"\r\n", ["announced"]),
    (Fault("loses answers", loses_answers=True), POST + b"\r\n", ["without an answer"]),
    (Fault("hangs up", hangs_up=True), POST + b"\r\n", ["the end of a connection"]),
    (Fault("answers late", late_answers=True), POST + b"\r\n", ["an answer to another"]),
    (Fault("doubles", doubles=True), POST + b"\r\n", ["two requests where"]),
    (Fault("forgets its rules", forgets_rules=True), POST + b"\r\n" + INSIDE, ["did not see"]),
]
# What must have been found at least once by now.
KINDS = [
    "a request without an answer", "an answer to another request", "the end of a connection that an answer did not tell",
    "the next client's request is not its own", "another request than was sent", "another path than was sent",
    "another path than the first proxy sends", "another request than without the other proxy", "another request than a peer sees",
    "two requests where a peer sees one", "forwards what most refuse", "a request that the gate did not see",
    "a target that is no path", "a name with an underscore", "an upgrade without a handshake",
]  # fmt: skip


def readers() -> None:
    """The recorded streams. Costs nothing, and so it comes before every run."""
    for name, data, word in STREAMS:
        found = [kind for kind, _ in doubts(Record(data, [(1, one) for one in read(data).requests], None, False))]
        right = any(word in kind for kind in found) if word else not found
        assert right, f"{name}: {found}"


class Stage:
    """A proxy in the place of the gateway, and two in the place of the peers, which are right or careless."""

    def __init__(self, fault: Fault, peers: Fault = RIGHT):
        self.fault, self.peers = fault, peers
        self.ways: list[Way] = []

    async def start(self) -> Stage:
        """The same ways as of a `Scene`."""
        app = await App().start()
        self.ways.append(Way("doorward", "gateway", (await Proxy(app.port, self.fault).start()).port, app))
        for name in ("one", "two"):
            app = await App().start()
            self.ways.append(Way(name, "alone", (await Proxy(app.port, self.peers).start()).port, app))
            app = await App().start()
            behind = await Proxy(app.port, self.fault).start()
            self.ways.append(Way(f"{name} doorward", "front", (await Proxy(behind.port, self.peers).start()).port, app))
            app = await App().start()
            behind = await Proxy(app.port, self.peers).start()
            self.ways.append(Way(f"doorward {name}", "back", (await Proxy(behind.port, self.fault).start()).port, app))
        return self

    async def kinds(self, case: Case) -> list[str]:
        """What is found with one case."""
        traces = await asyncio.gather(*(one_way(way, case, 0.2) for way in self.ways))
        return [
            f"{one.kind} ({one.way}): {one.detail}" for one in judge(case, {trace.way.name: trace for trace in traces})
        ]


async def whole() -> int:
    """All of it; the number of what is not found."""
    failures, everything = 0, ""
    for fault, data, words in FAULTS:
        stage = await Stage(fault).start()
        for in_one in (False, True):
            found = await stage.kinds(Case(fault.name, (data,), in_one))
            everything += "\n".join(found)
            if not any(word in kind for word in words for kind in found):
                print(f"NOT FOUND: {fault.name}: {found}")
                failures += 1
    # Two peers that pass on what is no target.
    stage = await Stage(Fault(cuts_fragment=True), Fault(habits=VERBATIM, verbatim=True)).start()
    everything += "\n".join(await stage.kinds(Case("a fragment by careless peers", (b"GET /a#b" + HEAD + b"\r\n",))))
    for kind in KINDS:
        if kind not in everything:
            print(f"NEVER FOUND: {kind}")
            failures += 1
    stage = await Stage(RIGHT).start()
    cases = [Case(fault.name, (data,)) for fault, data, _ in FAULTS]
    for case in [*cases, *itertools.islice(generator.cases(1), 150)]:
        if found := await stage.kinds(case):
            print(f"FOUND IN A RIGHT PROXY: {case.name} {case.pieces}: {found}")
            failures += 1
    print(f"{len(STREAMS)} streams, {len(FAULTS)} faults, {failures} failures")
    return min(failures, 1)
