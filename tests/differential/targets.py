"""Targets: every octet at every place, encodings, fragments and the other forms."""

from __future__ import annotations

from random import Random

from case import FIELD, HOST

PLAIN = [b"/a", b"/public/a", b"/a/b", b"/public/a/b.txt"]
PIECES = [
    b"%2f", b"%2F", b"%5c", b"%2e", b"%2e%2e", b"..", b".", b"%00", b"%0a", b"%0d%0a", b"%20", b"%09", b"%23", b"%3f", b"%3F", b"%25",
    b"%252e", b"%252f", b"%25%32%66", b"%c0%af", b"%c0%ae", b"%e0%80%af", b"%u002f", b"%", b"%2", b"%zz", b"%ff", b"%7f", b"%80", b"+",
    b";", b";a", b";a=b", b"/;/", b"/..;/", b"//", b"///", b"/./", b"/../", b"\\", b"\\..\\", b"?", b"??", b"#", b"#x", b"?#", b"#?",
    b"%3b", b"%3B", b"&", b"=", b"@", b":", b"*", b"|", b"^", b"`", b"{", b"}", b"<", b">", b"\"", b"'", b"[", b"]", b"~", b"!", b"$",
    b"\xc3\xa9", b"\xef\xbc\x8f", b"\xe2\x80\xae", b"%EF%BC%8F", b",", b"%2e%2e%2f", b"%3b%2f", b".%2e", b"a.", b"a%2e", b"a%20",
    b"closed", b"/closed/a", b"/../closed/a", b"%2fclosed", b"?/closed", b"#/closed", b"%61", b"%41",
]  # fmt: skip
FORMS = [
    b"http://app.test/a", b"http://app.test", b"http://app.test?x", b"http://app.test#x", b"HTTP://APP.TEST/a", b"https://app.test/a",
    b"http://evil.test/a", b"http://app.test:80/a", b"http://user@app.test/a", b"http://app.test/a#b", b"http:///a", b"http:/a",
    b"http:a", b"ftp://app.test/a", b"app.test/a", b"//app.test/a", b"//evil.test/closed/a", b"*", b"*/a", b"/*", b"app.test:80",
    b"app.test", b"a", b"?x", b"#x", b"", b"./a", b"../a", b"http://app.test//closed/a", b"http://app.test/../closed/a", b"ws://app.test/a",
    b"http://app.test\\closed/a", b"http://app.test/a?http://evil.test/", b"http://[::1]/a", b"urn:a", b"http://app.test@evil.test/a",
    b"/http://app.test/closed/a", b"file:///a", b"http://app.test:/a", b"http://app.test /a", b"http://app.test.:80/a", b"unix:/a|http://x/",
    b"http://app%2etest/a", b"http://APP.test/%61", b"javascript:1", b":", b"/:", b"http://", b"http://:80/a", b"http://app.test;x/a",
]  # fmt: skip


def line(random: Random) -> tuple[str, bytes]:
    """What is odd in it, and a request for it."""
    maker = random.choices([octet, pieces, query, form], [3, 5, 1, 3])[0]
    method = random.choice([b"GET", b"GET", b"GET", b"POST", b"OPTIONS", b"HEAD", b"DELETE"])
    return "target: " + maker.__name__, request(
        maker(random), method, random.choice([b"", b"", b"", b"Content-Length: 5\r\n"])
    )


def request(target: bytes, method: bytes = b"GET", lines: bytes = b"") -> bytes:
    """A request for a target."""
    host = target[7:].split(b"/")[0] if target.startswith(b"http://evil") else HOST
    body = b"abcde" if lines else b""
    return method + b" " + target + b" HTTP/1.1\r\nHost: " + host + b"\r\n" + FIELD + lines + b"\r\n" + body


def octet(random: Random) -> bytes:
    """Any octet, raw or encoded, at the begin, in the middle or at the end of a segment."""
    code = random.randrange(256)
    one = random.choice([bytes([code]), f"%{code:02x}".encode(), f"%{code:02X}".encode(), f"%25{code:02x}".encode()])
    base = random.choice(PLAIN)
    return random.choice(
        [
            base + one,
            base + b"/" + one + b"b",
            base + b"/b" + one + b"c",
            base + b"/b" + one + b"/c",
            base + b"?b=" + one + b"c",
        ]
    )


def pieces(random: Random) -> bytes:
    """Some of the pieces in a row."""
    target = random.choice(PLAIN)
    for _ in range(random.randrange(1, 4)):
        target += random.choice([b"", b"/", b"x"]) + random.choice(PIECES)
    return target


def query(random: Random) -> bytes:
    """Some of the pieces behind a question mark."""
    return random.choice(PLAIN) + b"?" + b"".join(random.choice(PIECES) for _ in range(random.randrange(1, 4)))


def form(random: Random) -> bytes:
    """Another form than the usual one."""
    return random.choice(FORMS)
