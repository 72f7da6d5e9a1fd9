"""What is asked: the same requests for the same seed.

Each family is a stream of its own that goes through all of its members in a shuffled order,
so that a large number of requests has each of them and a small one a fair part.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gateway import BEHIND_TRUSTED, CLIENT, HOST, TRUSTED

Lie = tuple[str, str, str]
JUDGED = Path(__file__).parent / "names/judged.tsv"

# What speaks to the gateway itself and not to the app: the framing, and what CORS and CSRF go by.
OURS = set(
    """host content-length transfer-encoding connection cookie expect upgrade te trailer keep-alive proxy-connection
    origin referer sec-fetch-site sec-fetch-mode sec-fetch-dest access-control-request-method authorization accept
    access-control-request-headers content-type x-trace http2-settings proxy-authorization sec-websocket-key
    sec-websocket-version accept-encoding x-csrf-token x-requested-with range if-range content-encoding""".split()
)

LIES = {
    "method": ["DELETE"],
    "path": ["/admin/lie"],
    "prefix": ["/static", "/public"],
    "query": ["lie=1"],
    "host": ["lie.example"],
    "port": ["4443"],
    "scheme": ["https", "on"],
    "client": ["203.0.113.66"],
    "user": ["mallory", "1002", "true"],
    "tls": ["CN=mallory", "SUCCESS"],
    "proxy": ["http://lie.example:1/"],
    "file": ["/=/lie/"],
    "destination": ["/admin/lie", f"http://{HOST}/admin/lie", "/admin%2Flie", "/public/%2e%2e/admin/lie"],
    "harmless": ["lie"],
}
SPECIAL = {
    "forwarded": ["for=203.0.113.66;proto=https;host=lie.example", 'for="[2001:db8::66]:1";by=203.0.113.67'],
    "cf-visitor": ['{"scheme":"https"}'],
    "https": ["on"],
    "x-middleware-subrequest": ["middleware:middleware:middleware:middleware:middleware"],
}


@dataclass(frozen=True)
class Case:
    """One request, and what it claims that is not so."""

    family: str
    who: str = ""
    method: str = "GET"
    target: bytes = b"/"
    hosts: tuple[str, ...] = (HOST,)
    lies: tuple[Lie, ...] = ()
    more: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    is_trusted: bool = False
    is_appended: bool = False
    # Whether the gateway has no reason to refuse it, but for who asks.
    is_plain: bool = False
    source: str = field(default=CLIENT)

    def wire(self, trace: str, cookie: str) -> bytes:
        """The bytes that are sent."""
        lines = [self.method.encode() + b" " + self.target + b" HTTP/1.1"]
        fields = [("Host", host) for host in self.hosts] + [("X-Trace", trace)]
        if cookie:
            fields.append(("Cookie", cookie))
        if self.is_trusted:
            # A proxy that appends leaves at the left what its client wrote.
            chain = f"203.0.113.66, {BEHIND_TRUSTED}" if self.is_appended else BEHIND_TRUSTED
            fields += [("X-Forwarded-For", chain), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", HOST)]
        if self.method not in ("GET", "HEAD"):
            fields.append(("Sec-Fetch-Site", "same-origin"))
        fields += [(name, value) for name, value, _ in self.lies]
        fields += list(self.more)
        body = self.body or b""
        if self.body is not None:
            fields.append(("Content-Length", str(len(body))))
        lines += [f"{name}: {value}".encode("latin-1") for name, value in fields]
        return b"\r\n".join(lines) + b"\r\n\r\n" + body


@dataclass(frozen=True)
class Name:
    """A name of the list and what an app may take from it."""

    name: str
    takes: str


def names() -> list[Name]:
    """The judged names, without those that belong to the gateway."""
    rows = [line.split("\t") for line in JUDGED.read_text().splitlines() if line and not line.startswith("#")]
    return [Name(row[0], row[1]) for row in rows if row[0].lower().replace("_", "-") not in OURS]


def spellings(name: str) -> list[str]:
    """The ways to write a name that somebody takes for the same."""
    dashed = name.replace("_", "-")
    forms = [name, dashed, name.lower(), name.upper(), dashed.replace("-", "_"), dashed.replace("-", "_").upper(), dashed.replace("-", ".")]
    first, _, rest = dashed.partition("-")
    if rest:
        forms += [f"{first}_{rest}", f"{first}-{rest.replace('-', '_')}", f"{first}.{rest}".lower()]
    return list(dict.fromkeys(forms))


def values(name: Name) -> list[str]:
    """The lies that this name can carry."""
    return SPECIAL.get(name.name.lower(), LIES[name.takes])


def people(chance: random.Random) -> str:
    """Nobody, somebody, or who may do everything."""
    return chance.choice(("", "alice", "alice", "admin"))


def forever(chance: random.Random, members: list) -> Iterator:
    """All of them in one order after another."""
    while True:
        chance.shuffle(members)
        yield from members


def plain(chance: random.Random) -> Iterator[Case]:
    """What every browser sends; a gate that refuses it would make everything else true."""
    paths = [b"/", b"/public/a", b"/static/css/site.css", b"/admin/users", b"/files/a", b"/notes/1", b"/a%20b", b"/caf%C3%A9", b"/public", b"/a-b_c.d~e"]
    queries = [b"", b"?a=1", b"?q=a%20b&x=%2F..%2F", b"?next=/admin/x", b"?"]
    methods = [("GET", None), ("GET", None), ("POST", b"a=1"), ("PUT", b"{}"), ("DELETE", None), ("OPTIONS", None)]
    for path, query, (method, body), who, (trusted, appended) in forever(chance, list(itertools.product(paths, queries, methods, ("", "alice", "admin"), ((False, False), (True, False), (True, True))))):
        more = () if body is None else (("Content-Type", "application/x-www-form-urlencoded"),)
        yield Case("plain", who, method, path + query, body=body, more=more, is_plain=True, is_trusted=trusted, is_appended=appended, source=TRUSTED if trusted else CLIENT)


def headers(chance: random.Random) -> Iterator[Case]:
    """A lie in a header, on a path where it would open something if it were believed."""
    dangerous = [(name, form) for name in names() if name.takes != "harmless" for form in spellings(name.name)]
    # What changes the way through the app at once is asked more often than what some product reads.
    sharp = [(name, form) for name, form in dangerous if name.takes in ("prefix", "method", "path")]
    harmless = [(name, form) for name in names() if name.takes == "harmless" for form in spellings(name.name)[:2]]
    one, other, most = forever(chance, dangerous), forever(chance, harmless), forever(chance, sharp)
    while True:
        name, form = next(chance.choices((one, other, most), (50, 15, 35))[0])
        trusted = chance.random() < 0.3
        # The trusted proxy says `https` itself.
        value = "http" if trusted and name.takes == "scheme" else chance.choice(values(name))
        if trusted and form.lower() in ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"):
            continue
        lies: tuple[Lie, ...] = ((form, value, name.takes),)
        more: tuple[tuple[str, str], ...] = ()
        kind = chance.random()
        if kind < 0.1:
            lies += ((chance.choice(spellings(name.name)), value, name.takes),)
        elif kind < 0.2:
            more = (("Connection", f"keep-alive, {form}"),)
        elif kind < 0.3:
            # Two lies that belong together, as a whole family would be sent.
            second, spelled = next(one)
            if not (trusted and (second.takes == "scheme" or spelled.lower().startswith("x-forwarded-"))):
                lies += ((spelled, chance.choice(values(second)), second.takes),)
        prefix = value.encode() if name.takes == "prefix" else chance.choice((b"/static", b"/public", b"", b""))
        method = {"method": "POST", "destination": chance.choice(("MOVE", "COPY"))}.get(name.takes) or chance.choice(("GET", "GET", "POST"))
        paths = {"method": [b"/files/a"], "prefix": [prefix + b"/admin/users", prefix + b"/admin"]}.get(name.takes)
        path = chance.choice(paths or [prefix + b"/admin/users", prefix + b"/a", b"/public/a", b"/files/a", b"/"])
        body = b"" if method not in ("GET", "HEAD") else None
        settled = all(takes != "destination" and takes != "file" for _, _, takes in lies)
        yield Case("headers", people(chance), method, path, lies=lies, more=more, body=body, is_plain=settled and not more, is_trusted=trusted, source=TRUSTED if trusted else CLIENT)


def octets(chance: random.Random) -> Iterator[Case]:
    """Each octet, raw and encoded, at the begin, in the middle and at the end of a segment."""
    frames = [b"/%sadmin/x", b"/admin%s/x", b"/ad%smin/x", b"/admin/%sx", b"/admin/x%s", b"/%s/admin/x", b"/public/%sx", b"/public%s/x",
              b"/public/x%s", b"/static/a%sb/admin/x", b"/files/%s", b"/files/report%s1.txt", b"/a%s", b"/public/..%s/admin/x", b"/%s", b"/a?q=x%sy", b"/public/x?%s", b"/files/a?a=1%s"]  # fmt: skip
    spelled = [bytes([octet]) for octet in range(256)] + [b"%%%02X" % octet for octet in range(256)] + [b"%%%02x" % octet for octet in range(160, 256)]
    for frame, octet in forever(chance, list(itertools.product(frames, spelled))):
        # A space or a line's end ends the target by itself: that is another request, or none.
        yield Case("octets", people(chance), chance.choice(("GET", "GET", "GET", "DELETE")), frame.replace(b"%s", octet))


def targets(chance: random.Random) -> Iterator[Case]:
    """Targets in other forms, and what some decode twice, cut off, trim or take together."""
    home = f"http://{HOST}".encode()
    odd = [home + b"/admin/x", home + b"/public/x?a=1", home, b"http://lie.example/admin/x", b"HTTP://" + HOST.upper().encode() + b"/files/a",
           b"http://u:p@" + HOST.encode() + b"/a", b"https://" + HOST.encode() + b"/a", b"ftp://" + HOST.encode() + b"/a", home + b":80/a",
           b"//lie.example/admin/x", b"*", b"a", b"?a=1", b"admin/x", b"/a#b", b"/files/report#1.txt", b"/public/x#/../admin/x", b"/#", b"/?a#b"]  # fmt: skip
    parts = [b"%3f", b"%3Fa=1", b"%23", b"%23a", b"%25", b"%252e%252e", b"%252f", b"%2fx", b"%2F", b"%5c", b"\\", b"//", b"/./", b"/../", b"/.", b"/..",
             b"/...", b"%2e", b"%2e%2e", b"/%2e%2e/", b"/..;/", b"/.;a/", b";", b";a=1", b";/../", b"%3b", b"%3b/..", b"%20", b" ", b"+", b".", b"..", b"%2e/",
             b"%00", b"%0a", b"%0d%0aX-Lie:%201", b"%09", b"%c0%af", b"%c0%ae%c0%ae", b"%ef%bc%8f", b"%e2%80%8b", b"%u002f", b"%", b"%2", b"%zz", b"%%32%66",
             b":", b":80", b"@", b"~", b"*", b"!", b"'", b"(", b"|", b"^", b"`", b"{", b"}", b"[", b"]", b"<", b">", b'"', b"%5B", b"%7C", b"%40", b"%3a"]  # fmt: skip
    heads = [b"/admin", b"/public", b"/static/a", b"/files/a", b"/a", b"/tool.php", b"/admin/tool.php", b"/admin.php", b"/Admin", b"/PUBLIC", b""]
    tails = [b"", b"/x", b"admin/x", b"/admin/x", b"/../admin/x", b"?a=1"]
    made = [head + part + tail for head, part, tail in itertools.product(heads, parts, tails)]
    for target in forever(chance, odd * 12 + made):
        yield Case("targets", people(chance), chance.choice(("GET", "GET", "GET", "POST", "DELETE")), target or b"/")


def methods(chance: random.Random) -> Iterator[Case]:
    """Methods that nobody expects, on a path where the method decides."""
    odd = "GET HEAD POST PUT DELETE PATCH OPTIONS TRACE PROPFIND MOVE COPY MKCOL LOCK REPORT QUERY FOO get Get delete Delete GETX G-T PRI M-SEARCH".split()
    paths = [b"/files/a", b"/admin/a", b"/public/a", b"/a"]
    for method, path, who in forever(chance, list(itertools.product(odd, paths, ("", "alice", "admin")))):
        yield Case("methods", who, method, path, body=None if method in ("GET", "HEAD", "TRACE") else b"")


def fields(chance: random.Random) -> Iterator[Case]:
    """Two of a field, fields that `Connection` takes away, hosts twice, and what only the framing knows."""
    taken = ["X-User-Id", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Host", "Cookie", "X-Trace", "close", "Content-Length", "X-User-Roles"]
    hosts = [(HOST, "lie.example"), ("lie.example", HOST), (HOST, HOST), (), ("",), (f"{HOST}, lie.example",), (f"{HOST}:80",), (HOST.upper(),),
             (f"{HOST}.",), ("lie.example/admin",), (f"u@{HOST}",), ("[::1]",), (f"{HOST}:x",), (f"{HOST} lie",)]  # fmt: skip
    rest = [("Expect", "100-continue"), ("Expect", "something"), ("Upgrade", "websocket"), ("Upgrade", "h2c"), ("TE", "trailers"), ("Transfer-Encoding", "identity"),
            ("X-User-Id", ""), ("X-User-Id ", "1002"), (" X-User-Id", "1002"), ("X-User-Id\t", "1002"), ("X-User\x00-Id", "1002"), ("X-User-Id:", "1002")]  # fmt: skip
    made = [("connection", name) for name in taken] + [("hosts", host) for host in hosts] + [("rest", pair) for pair in rest]
    for (kind, what), path in forever(chance, list(itertools.product(made, (b"/admin/x", b"/public/x", b"/a")))):
        case = Case("fields", people(chance), chance.choice(("GET", "POST")), path)
        body = b"" if case.method == "POST" else None
        if kind == "connection":
            yield Case("fields", case.who, case.method, path, more=(("Connection", what),), body=body)
        elif kind == "hosts":
            yield Case("fields", case.who, case.method, path, hosts=what, body=body)
        else:
            # With nothing to continue with, waitress waits for it for ever.
            if what[0] == "Expect" and case.method == "POST":
                body = b"a=1"
            elif what == ("Expect", "100-continue"):
                continue
            yield Case("fields", case.who, case.method, path, lies=((what[0], what[1], "user" if "User" in what[0] else "harmless"),), body=body)


def known() -> Iterator[Case]:
    """What somebody has got through once; every run asks all of it."""
    told = [("SCRIPT_NAME", "/static", "prefix"), ("SCRIPT_NAME", "/public", "prefix"), ("X-Script-Name", "/static", "prefix"),
            ("X-Forwarded-Prefix", "/static", "prefix"), ("PATH_INFO", "/admin/lie", "path"), ("X-Original-URL", "/admin/lie", "path"),
            ("X-Rewrite-URL", "/admin/lie", "path"), ("X-HTTP-Method-Override", "DELETE", "method"), ("X-HTTP-Method", "DELETE", "method"),
            ("X-Method-Override", "DELETE", "method"), ("X-Forwarded-Host", "lie.example", "host"), ("X-Forwarded-Server", "lie.example", "host"),
            ("X-Forwarded-Proto", "https", "scheme"), ("X-Forwarded-Ssl", "on", "scheme"), ("X-Scheme", "https", "scheme"),
            ("X-Forwarded-For", "203.0.113.66", "client"), ("X-Real-Ip", "203.0.113.66", "client"), ("Client-Ip", "203.0.113.66", "client"),
            ("Proxy", "http://lie.example:1/", "proxy"), ("X-User-Id", "1002", "user"), ("Remote-User", "mallory", "user")]  # fmt: skip
    for name, value, takes in told:
        for form in spellings(name):
            method, path = ("POST", b"/files/a") if takes == "method" else ("GET", b"/static/admin/users")
            if takes == "prefix":
                path = value.encode() + b"/admin/users"
            body = b"" if method == "POST" else None
            yield Case("known", "alice" if takes == "method" else "", method, path, lies=((form, value, takes),), body=body, is_plain=True)
    cut = [b"/files/report#1.txt", b"/public/x#/../admin/x", b"/a#", b"/?a#b"]
    for target in [f"http://{HOST}/admin/x".encode(), f"http://{HOST}".encode(), f"http://{HOST}/public/x".encode(), b"http://lie.example/a", *cut]:
        yield Case("known", "admin", "GET", target)


FAMILIES = [(plain, 10), (headers, 38), (octets, 24), (targets, 18), (methods, 5), (fields, 5)]


def cases(seed: str, count: int) -> list[Case]:
    """What is known, and as many more of all families; each server has a seed of its own, so that together they see more."""
    chance = random.Random(seed)
    streams = [family(random.Random(f"{seed} {family.__name__}")) for family, _ in FAMILIES]
    weights = [weight for _, weight in FAMILIES]
    every = (next(chance.choices(streams, weights)[0]) for _ in itertools.count())
    return list(itertools.islice(itertools.chain(known(), every), count))
