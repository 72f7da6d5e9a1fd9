"""What must be true of every answer. It shares no code with the gateway, and knows only the contract.

The rules of `gateway.SETTINGS` in words: below `/public` and `/static` everybody, exactly so
written; below `/admin`, in any case, who has the role; below `/files` too, but for reading and
posting; everywhere else who has signed in.
"""

from __future__ import annotations

import json
import re
from urllib.parse import unquote_to_bytes

from cases import Case
from gateway import BEHIND_TRUSTED, HOST, PEOPLE, TRUSTED
from servers import Server
from wire import Answer

RANK = {"": 0, "alice": 1, "admin": 2}
FREE_ON_FILES = {"GET", "HEAD", "POST", "OPTIONS"}


def is_below(path: str, folder: str) -> bool:
    """Whether a path is a folder or in it."""
    return path == folder or path.startswith(folder + "/")


def needs(method: str, path: str) -> int:
    """Who may do this at the least: 0 everybody, 1 who has signed in, 2 the admin.

    A rule that names methods means them in any case, since some servers make capitals of them.
    """
    if is_below(path, "/public") or is_below(path, "/static"):
        return 0
    folded = path.lower()
    if is_below(folded, "/admin") or (is_below(folded, "/files") and method.upper() not in FREE_ON_FILES):
        return 2
    return 1


def needs_of_route(method: str, path: str, route: str) -> int:
    """The same, for the part of the app that the framework chose.

    What Flask has no route for when a segment is empty is still below `/public`.
    """
    rest = needs(method, re.sub("/+", "/", path))
    return {"public": 0, "static": 0, "admin": 2, "files": needs(method, "/files")}.get(route, rest)


def split(target: bytes) -> tuple[bytes, bytes] | None:
    """Path and query of a target; nothing for one that is neither a path nor a URL of ours.

    The scheme of such a URL tells nothing: which it is, the gateway knows from the connection. A
    blank or a control character ends or splits a request line for somebody, so there is no target
    with one in it, and mending it is guessing (RFC 9112 section 3; nginx refuses both since 1.21.1).
    """
    if re.search(rb"[\x00-\x20\x7f]", target):
        return None
    url = re.match(rb"(?i)https?://" + re.escape(HOST).encode() + rb"(?::80|:443)?(?=[/?]|$)", target)
    if url:
        target = target[url.end() :]
        target = target if target.startswith(b"/") else b"/" + target
    if not target.startswith(b"/"):
        return None
    path, _, query = target.partition(b"?")
    return path, query


def spelled(text: str) -> str:
    """A text with all that cannot be decoded as one character, as each language has its own for it."""
    return re.sub("[\udc80-\udcff\ufffd]+", "\ufffd", text)


def readings(path: bytes, server: Server) -> set[str]:
    """The texts that stand for these octets, also after what the server folds."""
    octets = {path}
    if "semicolon" in server.folds:
        octets |= {re.sub(rb";[^/]*", b"", part) for part in octets}
    decoded = {unquote_to_bytes(part) for part in octets}
    if "dots" in server.folds:
        decoded |= {re.sub(rb"/\.(?=/|$)", b"", part) or b"/" for part in decoded}
        decoded |= {part + b"/" for part in decoded if part.endswith(b"/.")}
    if "leading" in server.folds:
        decoded |= {re.sub(rb"^/+", b"/", part) for part in decoded}
    if "slashes" in server.folds:
        decoded |= {re.sub(rb"/+", b"/", part) for part in decoded}
    texts = {spelled(part.decode("utf-8", "replace")) for part in decoded} | {part.decode("latin-1") for part in decoded}
    # Django shows an octet that is no UTF-8 encoded again.
    return texts | {re.sub("[\udc80-\udcff]", lambda one: f"%{ord(one[0]) - 0xdc00:02X}", part.decode("utf-8", "surrogateescape")) for part in decoded}


def as_octets(text: str) -> str:
    """What a framework gave as latin-1, read as UTF-8."""
    try:
        return spelled(text.encode("latin-1").decode("utf-8", "replace"))
    except UnicodeEncodeError:
        return spelled(text)


def folded(name: str) -> str:
    """A name as all that spell it otherwise would."""
    return re.sub("[_.]", "-", name).lower()


def host_of(text: str) -> str:
    """A host without the port that goes without saying."""
    return re.sub(r":(80|443)$", "", text.lower())


def judge(case: Case, answer: Answer, trace: str, server: Server) -> list[tuple[str, str]]:
    """What is wrong with an answer of the app: kinds, each with what was seen."""
    wrong: list[tuple[str, str]] = []
    if case.method == "HEAD":
        return wrong
    try:
        said = json.loads(answer.body)
    except ValueError:
        return [("unreadable", repr(answer.body[:200]))]

    def expect(kind: str, seen: str, allowed: set[str]) -> None:
        if seen not in allowed:
            wrong.append((kind, f"the app sees {seen!r}, asked was {sorted(allowed)!r}"))

    rank = RANK[case.who]
    # Over a connection that is kept, an answer can be that of another request.
    if ("Connection", "X-Trace") not in case.more:
        expect("trace", said["trace"], {trace})
    expect("method", said["method"], {case.method, case.method.upper()} if "method" in server.folds else {case.method})
    asked = split(case.target)
    if asked is None:
        wrong.append(("target", f"{case.target!r} became {said['path']!r}"))
    else:
        path, query = asked
        texts = readings(path, server)
        if said["path"] not in texts and as_octets(said["path"]) not in texts:
            wrong.append(("path", f"the app sees {said['path']!r}, asked was {path!r}"))
        expect("query", said["query"] or "", {query.decode("latin-1")})
        # What was asked must have been allowed, whatever became of it.
        if needs(case.method, unquote_to_bytes(path).decode("latin-1")) > rank:
            wrong.append(("open gate", f"{case.who or 'nobody'} was let to {path!r}"))
    if needs(said["method"], said["path"]) > rank or needs_of_route(said["method"], said["path"], said["route"]) > rank:
        wrong.append(("privilege", f"{case.who or 'nobody'} reached {said['method']} {said['path']!r} (route {said['route']})"))
    hosts = {host_of(host) for host in case.hosts} or {""}
    expect("host", host_of(said["host"]), {HOST} if case.is_trusted else hosts)
    expect("scheme", said["scheme"], {"https"} if case.is_trusted else {"http"})
    if case.is_trusted:
        clients = {BEHIND_TRUSTED, TRUSTED, "127.0.0.1"}
    else:
        clients = {case.source if server.client == "forwarded" else "127.0.0.1"}
    expect("client", said["client"], clients)
    expect("user", said["user"], {PEOPLE[case.who][0] if case.who else ""})
    expect("user", said["other_user"], {""})
    wrong += leaks(case, said)
    return wrong


def leaks(case: Case, said: dict) -> list[tuple[str, str]]:
    """Lies that reach the app, where some other app could believe them."""
    found = []
    seen = {(folded(name), value) for name, value in said["headers"]}
    for name, value, takes in case.lies:
        if takes == "harmless" or (folded(name), value) not in seen:
            continue
        # The admin who says who she is has not lied.
        if folded(name) == "x-user-id" and case.who and value == PEOPLE[case.who][0]:
            continue
        if takes == "destination":
            # A second path under the same rules: it may reach the app if it was allowed.
            if needs("PUT", "/admin/lie") > RANK[case.who]:
                found.append(("destination", f"{name}: {value} reached the app for {case.who or 'nobody'}"))
            continue
        found.append((f"reaches the app: {takes}", f"{name.lower()}"))
    return found
