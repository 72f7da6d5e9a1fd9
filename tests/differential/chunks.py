"""Chunk streams: sizes, extensions, line ends and trailers."""

from __future__ import annotations

from random import Random

from case import FIELD, HOST, INSIDE

SIZES = [
    b"5", b"05", b"000000000000005", b"00000000000000000000000000000005", b"+5", b"-5", b" 5", b"\t5", b"5 ", b"5\t", b"0x5",
    b"0X5", b"x5", b"5h", b"5.", b"5,", b"5_", b"\x0b5", b"5\x0b", b"5\x00", b"\x005", b"\"5\"", b"", b"5 5", b"5\r", b"\r5",
    b"10000000000000005", b"100000005", b"FFFFFFFFFFFFFFFF", b"fffffffffffffffb", b"80000000", b"ffffffff", b"7fffffffffffffff",
    b"\xd9\xa5", b"5\xa0", b"\xa05", b"G", b"5\xff", b"0b101", b"05x", b"5L", b"5'", b"\n5", b"\r\n5", b"1e0",
]  # fmt: skip
EXTENSIONS = [
    b";", b";a", b";a=b", b"; a = b", b" ;a=b", b"\t;\ta", b";a=\"b\"", b";a=\"b;c\"", b";a=\"b\\\"c\"", b";a=\"", b";a=\"b", b";;",
    b";a;b;c", b";=b", b";a=", b";a b", b";\x00", b";a\x00b", b";a\x7f", b";\xff", b";a=\"\x01\"", b";a=\"\xff\"",
    b";\nxx", b";a\nxx", b";a\rxx", b";a=\"\n\"", b";a=\"\r\n\"", b";a=\"\r\"", b";\rxx", b";a\r\rb", b";a\n", b"\nxx", b"\rxx",
    b";" + b"x" * 300, b";" + b"x" * 9000, b" a", b",a=b", b"#", b";a=\"\r\nb\"", b";a=\"\nb\nc\"",
]  # fmt: skip
LINE_ENDS = [
    b"\n",
    b"\r",
    b"\r\r\n",
    b"\n\r",
    b"\r\n\n",
    b" \r\n",
    b"\x00\r\n",
    b"",
    b"\r\n\r\n",
    b"\x0b\r\n",
    b"xx",
    b"x\r\n",
    b"\r\n ",
]
TRAILER_LINES = [
    b"X-A: b", b"Content-Length: 50", b"Transfer-Encoding: chunked", b"Host: evil.test", b"Cookie: a=b", b"X-User-Id: 1",
    b"Authorization: x", b"Connection: close", b"X-A : b", b" X-A: b", b"X-A: b\r\n c", b"X-A", b": b", b"X-A: b\nX-B: c", b"X-A: b\rX-B: c",
    b"X-A: b\n\nGET /closed/a HTTP/1.1", b"GET /closed/a HTTP/1.1", b"X-A: \x00", b"X\x00: a", b"Expect: x", b"Trailer: X-A", b"TE: trailers",
    b"X-Forwarded-For: 1.2.3.4", b"Content-Encoding: gzip", b"Range: bytes=0-", b"Set-Cookie: a=b", b"X-A: " + b"b" * 5000,
    b"X_User_Id: 1", b"Content-Type: x/y", b"Upgrade: websocket", b"__Host-doorward: x", b"Max-Forwards: 0", b"X-A: b\r",
]  # fmt: skip
BEHIND = [
    b"",
    b"",
    b"",
    b"0\r\n\r\n",
    b"\r\n",
    b"\n",
    b"garbage",
    b"\x00",
    INSIDE,
    b"0\r\n\r\n" + INSIDE,
    b"5\r\nabcde\r\n0\r\n\r\n",
    b" ",
    b"\r",
]


def stream(random: Random) -> tuple[str, bytes, bytes]:
    """What is odd in it, a head, and chunks."""
    maker = random.choices(
        [size, extension, line_end, trailers, behind, missing, desync, anything], [3, 4, 3, 3, 2, 1, 3, 3]
    )[0]
    body = maker(random)
    head = (
        random.choice([b"POST", b"POST", b"POST", b"PUT", b"GET", b"DELETE"])
        + b" "
        + random.choice([b"/a", b"/public/a"])
    )
    lines = random.choice(
        [b"", b"", b"", b"Trailer: X-A\r\n", b"Expect: 100-continue\r\n", b"TE: trailers\r\n", b"Connection: close\r\n"]
    )
    head += b" HTTP/1.1\r\nHost: " + HOST + b"\r\n" + FIELD + b"Transfer-Encoding: chunked\r\n" + lines + b"\r\n"
    return "chunks: " + maker.__name__.replace("_", " "), head, body


def chunk(
    data: bytes, size_: bytes | None = None, extension_: bytes = b"", end: bytes = b"\r\n", after: bytes = b"\r\n"
) -> bytes:
    """One chunk."""
    return (size_ if size_ is not None else f"{len(data):x}".encode()) + extension_ + end + data + after


LAST = b"0\r\n\r\n"


def size(random: Random) -> bytes:
    """The size of a chunk, or of the last one, is spelled oddly."""
    one = random.choice(SIZES)
    if random.random() < 0.25:
        return chunk(b"abcde") + one.replace(b"5", b"0") + b"\r\n\r\n"
    return random.choice([b"", chunk(b"xy")]) + chunk(b"abcde", one) + LAST


def extension(random: Random) -> bytes:
    """Extensions of a chunk, or of the last one."""
    one = random.choice(EXTENSIONS)
    if random.random() < 0.3:
        return chunk(b"abcde") + b"0" + one + b"\r\n\r\n"
    return chunk(b"abcde", None, one) + LAST


def line_end(random: Random) -> bytes:
    """Another line end somewhere."""
    one = random.choice(LINE_ENDS)
    return random.choice([
        lambda: chunk(b"abcde", end=one) + LAST, lambda: chunk(b"abcde", after=one) + LAST,
        lambda: chunk(b"abcde") + b"0" + one + b"\r\n", lambda: chunk(b"abcde") + b"0\r\n" + one,
        lambda: chunk(b"abcde") + b"0" + one + one, lambda: chunk(b"abcde", end=one, after=one) + b"0" + one + one,
        lambda: chunk(b"abcde") + b"0\r\nX-A: b" + one + b"\r\n", lambda: b"\r\n" + chunk(b"abcde") + LAST,
    ])()  # fmt: skip


def trailers(random: Random) -> bytes:
    """Fields behind the last chunk."""
    lines = b"".join(random.choice(TRAILER_LINES) + b"\r\n" for _ in range(random.randrange(1, 4)))
    return chunk(b"abcde") + b"0\r\n" + lines + b"\r\n" + random.choice(BEHIND)


def behind(random: Random) -> bytes:
    """Something behind the end."""
    return chunk(b"abcde") + LAST + random.choice(BEHIND)


def missing(random: Random) -> bytes:
    """The stream breaks off."""
    whole = chunk(b"abcde") + chunk(b"fghij", None, b";a=b") + b"0\r\nX-A: b\r\n\r\n"
    return whole[: random.randrange(1, len(whole))]


def desync(random: Random) -> bytes:
    """Built so that who ends a line elsewhere finds a request inside."""
    inner = b"0\r\n\r\n" + INSIDE
    hidden = f"{len(inner):x}".encode()
    one = random.choice([b"\n", b"\r", b";\n", b";\r", b';a="\n', b"\x00", b" \n", b";\n\r", b"\r\r"])
    return random.choice([
        b"2" + one + b"xx\r\n" + hidden + b"\r\n" + inner + b"\r\n0\r\n\r\n",
        b"2" + one + b"\r\nxx\r\n" + hidden + b"\r\n" + inner + b"\r\n0\r\n\r\n",
        hidden + one + inner + b"\r\n0\r\n\r\n",
        b"2;" + one + hidden + b"\r\nxx\r\n" + inner + b"\r\n0\r\n\r\n",
        chunk(b"abcde", after=one) + hidden + b"\r\n" + inner + b"\r\n" + LAST,
        b"0" + one + b"\r\n" + INSIDE, b"0\r\nX: y" + one + b"\r\n" + INSIDE,
        b"5\r\nabcde" + one + hidden + b"\r\n" + inner + b"\r\n" + LAST,
    ])  # fmt: skip


def anything(random: Random) -> bytes:
    """All oddities at once, and a byte that is put in or taken out."""
    body = b""
    for _ in range(random.randrange(1, 4)):
        data = b"abcdefghij"[: random.randrange(1, 10)]
        odd = random.random
        body += chunk(
            data,
            random.choice(SIZES).replace(b"5", f"{len(data):x}".encode()) if odd() < 0.15 else None,
            random.choice(EXTENSIONS) if odd() < 0.3 else b"",
            random.choice(LINE_ENDS) if odd() < 0.1 else b"\r\n",
            random.choice(LINE_ENDS) if odd() < 0.1 else b"\r\n",
        )
    body += LAST + random.choice(BEHIND)
    at = random.randrange(len(body))
    return random.choice(
        [
            body,
            body[:at] + random.choice([b"\r", b"\n", b"\x00", b" ", b";", b'"']) + body[at:],
            body[:at] + body[at + 1 :],
        ]
    )
