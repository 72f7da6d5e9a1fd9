"""Heads: what ends a line, what frames a body, what names the host, in every shape that we know."""

from __future__ import annotations

from random import Random

from case import FIELD, HOST, INSIDE
from spellings import (
    BLANKS,
    CODINGS,
    CONNECTIONS,
    ENDS,
    EXPECTS,
    HANDSHAKE,
    HOSTS,
    LENGTHS,
    METHODS,
    NAMES_CL,
    NAMES_TE,
    ODD_FIELDS,
    OTHERS,
    TRAILERS,
    UPGRADES,
    VERSIONS,
)


def head(random: Random) -> tuple[str, bytes]:
    """A request with one or two oddities, and what follows it."""
    makers = [
        version,
        blanks,
        ends,
        length,
        coding,
        both,
        host,
        expect,
        connection,
        upgrade,
        trailer,
        odd_field,
        leading,
        soup,
    ]
    weights = [2, 2, 2, 3, 3, 4, 2, 2, 2, 3, 1, 4, 1, 4]
    maker = random.choices(makers, weights)[0]
    return maker.__name__.replace("_", " "), maker(random)


def target(random: Random) -> bytes:
    """A path that nobody reads in two ways."""
    return random.choice([b"/a", b"/public/a", b"/a/b?c=d", b"/public/b.txt"])


def plain(
    random: Random, lines: bytes, body: bytes = b"", method: bytes | None = None, host_: bytes = b"Host: " + HOST
) -> bytes:
    """A request that is right but for these lines."""
    first = method or random.choice([b"GET", b"POST"])
    return first + b" " + target(random) + b" HTTP/1.1\r\n" + host_ + b"\r\n" + FIELD + lines + b"\r\n" + body


def tail(random: Random) -> bytes:
    """What follows the head: bodies that fit to some reading, and a request inside."""
    chunk = f"{len(INSIDE):x}\r\n".encode() + INSIDE + b"\r\n0\r\n\r\n"
    return random.choice(
        [
            b"",
            b"abcde",
            b"0\r\n\r\n",
            b"5\r\nabcde\r\n0\r\n\r\n",
            chunk,
            b"0\r\n\r\n" + INSIDE,
            b"abcde" + INSIDE,
            INSIDE,
        ]
    )


def version(random: Random) -> bytes:
    """Another version."""
    lines = random.choice(
        [b"", b"Connection: keep-alive\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"]
    )
    method = random.choice(METHODS)
    body = b"" if not lines.startswith((b"Content", b"Transfer")) else tail(random)
    first = method + b" " + target(random) + b" " + random.choice(VERSIONS) + b"\r\n"
    hosts = random.choice([b"Host: " + HOST + b"\r\n"] * 3 + [b""])
    return first + hosts + FIELD + lines + b"\r\n" + body


def blanks(random: Random) -> bytes:
    """Blanks of every kind where one is expected, or none is."""
    one, two = random.choice(BLANKS), random.choice(BLANKS)
    first = random.choice([
        b"GET" + one + b"/a HTTP/1.1", b"GET /a" + one + b"HTTP/1.1", b"GET" + one + b"/a" + two + b"HTTP/1.1",
        one + b"GET /a HTTP/1.1", b"GET /a HTTP/1.1" + one, b"GET  /a HTTP/1.1", b"GET /a  HTTP/1.1", b"GET /a b HTTP/1.1",
        b"GET /a HTTP/1.1 HTTP/1.1", b"GE" + one + b"T /a HTTP/1.1", b"GET " + one + b"/a HTTP/1.1", b"GET /a" + one + b" HTTP/1.1",
        b"get /a HTTP/1.1", b"G@T /a HTTP/1.1", b"GET\xff /a HTTP/1.1", b"M-SEARCH /a HTTP/1.1", b"G\"T /a HTTP/1.1", b"{GET} /a HTTP/1.1",
    ])  # fmt: skip
    return first + b"\r\nHost: " + HOST + b"\r\n" + FIELD + b"\r\n"


def ends(random: Random) -> bytes:
    """Another end of one line, or of all."""
    whole = plain(random, b"X-A: b\r\n", b"", b"GET")
    parts = whole.split(b"\r\n")
    end = random.choice(ENDS)
    if random.random() < 0.3:
        return end.join(parts)
    at = random.randrange(1, len(parts))
    return b"\r\n".join(parts[:at]) + end + b"\r\n".join(parts[at:])


def length(random: Random) -> bytes:
    """A Content-Length of some spelling, or two of them."""
    lines = field(random, NAMES_CL, LENGTHS)
    if random.random() < 0.3:
        lines += field(random, NAMES_CL, LENGTHS)
    return plain(random, lines, tail(random))


def coding(random: Random) -> bytes:
    """A Transfer-Encoding of some spelling, or two of them."""
    lines = field(random, NAMES_TE, CODINGS)
    if random.random() < 0.2:
        lines += field(random, NAMES_TE, CODINGS)
    return plain(random, lines, tail(random))


def both(random: Random) -> bytes:
    """A length and a coding."""
    lines = [field(random, NAMES_TE, CODINGS), field(random, NAMES_CL, LENGTHS)]
    random.shuffle(lines)
    return plain(random, b"".join(lines), tail(random))


def field(random: Random, names: list[bytes], values: list[bytes]) -> bytes:
    """A line in which the name or the value is odd, seldom both."""
    name = random.choice(names) if random.random() < 0.5 else names[0]
    value = random.choice(values) if name == names[0] or random.random() < 0.1 else values[0]
    return name + b": " + value + b"\r\n"


def host(random: Random) -> bytes:
    """Host."""
    return plain(random, b"", b"", b"GET", random.choice(HOSTS))


def expect(random: Random) -> bytes:
    """Expect, with and without a body."""
    lines = (
        b"Expect: "
        + random.choice(EXPECTS)
        + b"\r\n"
        + random.choice([b"", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
    )
    body = b"abcde" if b"Length" in lines else b"0\r\n\r\n" if b"Transfer" in lines else b""
    return plain(random, lines, random.choice([body, b"", body + INSIDE]))


def connection(random: Random) -> bytes:
    """Connection, and fields that it may name."""
    lines = (
        b"Connection: "
        + random.choice(CONNECTIONS)
        + b"\r\n"
        + random.choice([b"", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
    )
    body = b"abcde" if b"h: 5" in lines else b"5\r\nabcde\r\n0\r\n\r\n" if b": chunked" in lines else b""
    return plain(random, lines, body)


def upgrade(random: Random) -> bytes:
    """Handshakes, whole and half."""
    lines = b"Upgrade: " + random.choice(UPGRADES) + b"\r\n"
    lines += random.choice(
        [
            b"",
            b"Connection: upgrade\r\n",
            b"Connection: Upgrade\r\n",
            b"Connection: close\r\n",
            b"Connection: keep-alive, upgrade\r\n",
        ]
    )
    lines += random.choice([b"", HANDSHAKE, HANDSHAKE])
    lines += random.choice(
        [b"", b"", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 0\r\n"]
    )
    method = random.choice([b"GET", b"GET", b"GET", b"POST", b"HEAD", b"OPTIONS", b"PUT"])
    whole = plain(random, lines, random.choice([b"", b"", b"abcde", b"0\r\n\r\n", INSIDE]), method)
    return whole.replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1) if random.random() < 0.1 else whole


def trailer(random: Random) -> bytes:
    """Trailer, with chunks and without."""
    lines = b"Trailer: " + random.choice(TRAILERS) + b"\r\n"
    if random.random() < 0.3:
        return plain(random, lines)
    name = random.choice(TRAILERS).split(b",")[0].strip(b'"') or b"X-A"
    return plain(
        random, lines + b"Transfer-Encoding: chunked\r\n", b"5\r\nabcde\r\n0\r\n" + name + b": 1\r\n\r\n", b"POST"
    )


def odd_field(random: Random) -> bytes:
    """A line that is no field, or more than one, at some place."""
    odd = random.choice(ODD_FIELDS) + b"\r\n"
    first, rest = plain(random, random.choice(OTHERS) + b"\r\n", b"").split(b"\r\n", 1)
    lines = rest.split(b"\r\n")
    at = random.randrange(0, len(lines) - 1)
    return first + b"\r\n" + b"\r\n".join(lines[:at] + [odd[:-2]] + lines[at:])


def leading(random: Random) -> bytes:
    """Something before the first line."""
    return random.choice(
        [
            b"\r\n",
            b"\n",
            b"\r\n\r\n",
            b"\r",
            b" ",
            b"\x00",
            b"\xef\xbb\xbf",
            b"\n\n",
            b"\r\n ",
            b"0\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\n",
        ]
    ) + plain(random, b"")


def soup(random: Random) -> bytes:
    """Several of everything."""
    lines = b""
    for _ in range(random.randrange(1, 5)):
        lines += random.choice([
            lambda: field(random, NAMES_TE, CODINGS), lambda: field(random, NAMES_CL, LENGTHS),
            lambda: b"Connection: " + random.choice(CONNECTIONS) + b"\r\n", lambda: b"Expect: " + random.choice(EXPECTS) + b"\r\n",
            lambda: random.choice(ODD_FIELDS) + b"\r\n", lambda: random.choice(OTHERS) + b"\r\n",
            lambda: b"Trailer: " + random.choice(TRAILERS) + b"\r\n", lambda: b"Cookie: a=b\r\n",
        ])()  # fmt: skip
    whole = plain(random, lines, tail(random), random.choice(METHODS))
    if random.random() < 0.3:
        at = random.randrange(len(whole))
        return whole[:at] + random.choice([*BLANKS, *ENDS, b":", b";", b","]) + whole[at:]
    return whole
