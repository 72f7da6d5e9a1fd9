"""Heads: what ends a line, what frames a body, what names the host, in every shape that we know."""

from __future__ import annotations

from random import Random

from case import COOKIE, FIELD, HOST, INSIDE

METHODS = [b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"OPTIONS", b"PATCH"]
VERSIONS = [
    b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/1.9", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/3.0", b"HTTP/1", b"HTTP/11",
    b"HTTP/1.10", b"HTTP/01.1", b"HTTP/1.1.1", b"HTTP/+1.1", b"HTTP/1,1", b"http/1.1", b"HTTPS/1.1", b"HTTP/ 1.1",
    b"HTTP 1.1", b"HTTP/1.1 x", b"", b"ICAP/1.0", b"HTTP/1.1\x00", b"HTTP/1.1\t", b"HTTP/-1.1", b"HTTP/1.\xb9",
]  # fmt: skip
BLANKS = [b" ", b"\t", b"  ", b"\x0b", b"\x0c", b"\x00", b"\r", b"\n", b"\xa0", b"\x85", b"\x01", b"\x7f", b"\r\n ", b"\r\n\t"]
ENDS = [b"\n", b"\r", b"\r\r\n", b"\n\r", b"\r\n\r", b"\x0b\r\n", b"\x00\r\n", b" \r\n", b"\t\r\n", b"\r\n "]
LENGTHS = [
    b"5", b"05", b"+5", b"-5", b" 5 ", b"\t5", b"5,5", b"5, 5", b"5,6", b"5 6", b"5;", b"0x5", b"5.0", b"5e0", b"5_0",
    b"", b"0", b"00", b"-0", b"+0", b"5\x00", b"5\x0b", b"\x0b5", b"5\r", b"\r\n 5", b"\"5\"", b"18446744073709551621",
    b"4294967301", b"9223372036854775808", b"5\xa0", b"\xd9\xa5", b"chunked", b"00000000000000000000000000000005",
]  # fmt: skip
CODINGS = [
    b"chunked", b"Chunked", b"CHUNKED", b" chunked ", b"\tchunked", b"chunked\t", b"xchunked", b"chunked,", b",chunked",
    b"chunked, chunked", b"identity", b"identity, chunked", b"chunked, identity", b"gzip, chunked", b"chunked, gzip",
    b"chunked;q=1", b"\"chunked\"", b"'chunked'", b"chunked\x00", b"\x00chunked", b"\x0bchunked", b"chunked\x0b", b"",
    b"cow", b"chunk", b"chun\r\n ked", b"\r\n chunked", b"chunked\r\n\tx", b"chunked\r", b"chunked\xa0", b"trailers",
    b"chunked chunked", b"ch\xc3\xbcnked", b"\xef\xbb\xbfchunked", b"chunked;", b"chunked , ", b"deflate", b"chunKed",
]  # fmt: skip
NAMES_TE = [
    b"Transfer-Encoding", b"transfer-encoding", b"TRANSFER-ENCODING", b"Transfer_Encoding", b"Transfer.Encoding",
    b"Transfer-Encoding ", b"Transfer-Encoding\t", b" Transfer-Encoding", b"Transfer-Encoding\x00", b"\x00Transfer-Encoding",
    b"Transfer Encoding", b"Transfer-Encod\xc4\xb1ng", b"X: y\nTransfer-Encoding", b"X: y\rTransfer-Encoding", b"TE",
    b"Transfer-Encoding\r\n", b"Transfer\x0bEncoding", b"Transfer--Encoding", b"\xef\xbb\xbfTransfer-Encoding",
]  # fmt: skip
NAMES_CL = [
    b"Content-Length", b"content-length", b"CONTENT-LENGTH", b"Content_Length", b"Content-Length ", b" Content-Length",
    b"Content-Length\t", b"Content-Length\x00", b"X: y\nContent-Length", b"X: y\rContent-Length", b"Content.Length",
    b"Content Length", b"\x00Content-Length", b"Content-Length\x0b", b"Content-Lengt\xc4\xa5", b"Content-Length\r\n",
]  # fmt: skip
HOSTS = [
    b"Host: app.test", b"Host: APP.TEST", b"Host: app.test:80", b"Host:app.test", b"Host: app.test ", b"Host : app.test",
    b"host: app.test\r\nHost: app.test", b"Host: app.test\r\nHost: evil.test", b"Host: app.test, evil.test", b"Host:",
    b"Host: ", b"Host: app.test evil.test", b"Host: user@app.test", b"Host: app.test/closed", b"Host: app.test?x",
    b"Host: app.test#x", b"Host: app.test\\x", b"Host: [::1]", b"Host: [::1", b"Host: ::1", b"Host: app.test:", b"Host: :80",
    b"Host: app.test:99999", b"Host: app.test:-1", b"Host: app.test:8x", b"Host: app%2etest", b"Host: app.test.", b"Host: *",
    b"Host: app..test", b"Host: \"app.test\"", b"Host: app.test\x00evil", b"Host: app\xc3\xa9.test", b"Host: app_x.test",
    b"Host: app.test\r\n :80", b"Host:\r\n app.test", b" Host: app.test", b"X: y\nHost: app.test", b"Host_: app.test",
    b"X-Forwarded-Host: evil.test\r\nHost: app.test", b"Host: app.test;x", b"Host: http://app.test", b"Host: app.test|x",
    b"Host: <app>", b"Host: app.test:80:80", b"Host: 127.1", b"Host: app.test\ttab",
]  # fmt: skip
EXPECTS = [
    b"100-continue", b"100-Continue", b"100-continue, 100-continue", b"100-continue, x", b"x", b"", b"100-continue;q=1",
    b"200-ok", b" 100-continue ", b"100-continue\r\nExpect: 100-continue", b"100-continue\r\nExpect: x", b"100", b"\"100-continue\"",
    b"100-continue\x0b", b"100 continue", b"y 100-continue",
]  # fmt: skip
CONNECTIONS = [
    b"close", b"keep-alive", b"close, keep-alive", b"keep-alive, close", b"Close", b"upgrade", b"Upgrade, close", b"Host",
    b"Cookie", b"Content-Length", b"Transfer-Encoding", b"X-User-Id", b"", b",", b"close,", b";", b"close;x", b"te",
    b"content-length, keep-alive", b"x-forwarded-for", b"keep-alive\r\nConnection: close", b"close\x0b", b"HTTP2-Settings, upgrade",
    b"transfer_encoding", b"\"close\"", b"Trailer", b"Expect", b"Authorization", b"cookie, host",
]  # fmt: skip
UPGRADES = [
    b"websocket", b"WebSocket", b"websocket, h2c", b"h2c", b"h2c, websocket", b"foo", b"", b"TLS/1.0", b"websocket/13",
    b"websocket\r\nUpgrade: h2c", b"HTTP/2.0", b"websocket;x", b"websocket, websocket", b"\x0bwebsocket", b"websocket x",
]  # fmt: skip
HANDSHAKE = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
TRAILERS = [b"X-A", b"Content-Length", b"Transfer-Encoding", b"Host", b"Cookie", b"X-A, X-B", b"", b"X-User-Id", b"trailer", b"\"X-A\""]
ODD_FIELDS = [
    b"X: a\r\n b", b"X: a\r\n\tb", b"X: a\r\n  \r\n b", b"X:\r\n b", b"X : a", b"X\t: a", b" X: a", b"\tX: a", b": a", b"X", b"X a",
    b"X:", b":", b"X: a\x00b", b"X\x00: a", b"X: a\x01b", b"X: a\x7fb", b"X: \xff\xfe", b"X\xff: a", b"X(: a", b"X=Y: a", b"X/Y: a",
    b"\"X\": a", b"X: a\rb", b"X: a\nb", b"X: a\nY: b", b"X: a\rY: b", b"X: a\r\r\nY: b", b"X: a\n\nGET /closed/a HTTP/1.1",
    b"X: a\r\rGET /closed/a HTTP/1.1", b"X: a\n\rGET /closed/a HTTP/1.1", b"\x00", b"\x0b", b"X_Y: a", b"X.Y: a", b"X: a" + b"b" * 3000,
    b"X@: a", b"X,Y: a", b"X;Y: a", b"X{: a", b"[X]: a", b"X\\: a", b"X?: a", b"<X>: a",
]  # fmt: skip
OTHERS = [
    b"Content-Type: text/plain", b"Accept: text/html", b"TE: trailers", b"TE: gzip, trailers", b"Keep-Alive: timeout=5",
    b"Proxy-Connection: keep-alive", b"Range: bytes=0-1", b"If-None-Match: *", b"Max-Forwards: 0", b"Via: 1.0 x", b"Upgrade-Insecure-Requests: 1",
    b"HTTP2-Settings: AAMAAABkAAQAAP__", b"Content-Encoding: gzip", b"Content-MD5: x", b"Proxy: http://evil.test",
]  # fmt: skip


def head(random: Random) -> tuple[str, bytes]:
    """A request with one or two oddities, and what follows it."""
    makers = [version, blanks, ends, length, coding, both, host, expect, connection, upgrade, trailer, odd_field, leading, soup]
    weights = [2, 2, 2, 3, 3, 4, 2, 2, 2, 3, 1, 4, 1, 4]
    maker = random.choices(makers, weights)[0]
    return maker.__name__.replace("_", " "), maker(random)


def target(random: Random) -> bytes:
    """A path that nobody reads in two ways."""
    return random.choice([b"/a", b"/public/a", b"/a/b?c=d", b"/public/b.txt"])


def plain(random: Random, lines: bytes, body: bytes = b"", method: bytes | None = None, host_: bytes = b"Host: " + HOST) -> bytes:
    """A request that is right but for these lines."""
    first = method or random.choice([b"GET", b"POST"])
    return first + b" " + target(random) + b" HTTP/1.1\r\n" + host_ + b"\r\n" + FIELD + lines + b"\r\n" + body


def tail(random: Random) -> bytes:
    """What follows the head: bodies that fit to some reading, and a request inside."""
    chunk = f"{len(INSIDE):x}\r\n".encode() + INSIDE + b"\r\n0\r\n\r\n"
    return random.choice([b"", b"abcde", b"0\r\n\r\n", b"5\r\nabcde\r\n0\r\n\r\n", chunk, b"0\r\n\r\n" + INSIDE, b"abcde" + INSIDE, INSIDE])


def version(random: Random) -> bytes:
    """Another version."""
    lines = random.choice([b"", b"Connection: keep-alive\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
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
    lines = b"Expect: " + random.choice(EXPECTS) + b"\r\n" + random.choice([b"", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
    body = b"abcde" if b"Length" in lines else b"0\r\n\r\n" if b"Transfer" in lines else b""
    return plain(random, lines, random.choice([body, b"", body + INSIDE]))


def connection(random: Random) -> bytes:
    """Connection, and fields that it may name."""
    lines = b"Connection: " + random.choice(CONNECTIONS) + b"\r\n" + random.choice([b"", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
    body = b"abcde" if b"h: 5" in lines else b"5\r\nabcde\r\n0\r\n\r\n" if b": chunked" in lines else b""
    return plain(random, lines, body)


def upgrade(random: Random) -> bytes:
    """Handshakes, whole and half."""
    lines = b"Upgrade: " + random.choice(UPGRADES) + b"\r\n"
    lines += random.choice([b"", b"Connection: upgrade\r\n", b"Connection: Upgrade\r\n", b"Connection: close\r\n", b"Connection: keep-alive, upgrade\r\n"])
    lines += random.choice([b"", HANDSHAKE, HANDSHAKE])
    lines += random.choice([b"", b"", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 0\r\n"])
    method = random.choice([b"GET", b"GET", b"GET", b"POST", b"HEAD", b"OPTIONS", b"PUT"])
    whole = plain(random, lines, random.choice([b"", b"", b"abcde", b"0\r\n\r\n", INSIDE]), method)
    return whole.replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1) if random.random() < 0.1 else whole


def trailer(random: Random) -> bytes:
    """Trailer, with chunks and without."""
    lines = b"Trailer: " + random.choice(TRAILERS) + b"\r\n"
    if random.random() < 0.3:
        return plain(random, lines)
    name = random.choice(TRAILERS).split(b",")[0].strip(b'"') or b"X-A"
    return plain(random, lines + b"Transfer-Encoding: chunked\r\n", b"5\r\nabcde\r\n0\r\n" + name + b": 1\r\n\r\n", b"POST")


def odd_field(random: Random) -> bytes:
    """A line that is no field, or more than one, at some place."""
    odd = random.choice(ODD_FIELDS) + b"\r\n"
    first, rest = plain(random, random.choice(OTHERS) + b"\r\n", b"").split(b"\r\n", 1)
    lines = rest.split(b"\r\n")
    at = random.randrange(0, len(lines) - 1)
    return first + b"\r\n" + b"\r\n".join(lines[:at] + [odd[:-2]] + lines[at:])


def leading(random: Random) -> bytes:
    """Something before the first line."""
    return random.choice([b"\r\n", b"\n", b"\r\n\r\n", b"\r", b" ", b"\x00", b"\xef\xbb\xbf", b"\n\n", b"\r\n ", b"0\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\n"]) + plain(random, b"")


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


assert COOKIE in FIELD
