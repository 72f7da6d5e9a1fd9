"""The inputs that the fuzzers keep, as requests.

Each is data of the fuzz target of its folder: heads with marks for tokens, paths, values of fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from case import COOKIE, FIELD, HOST, Case

CORPUS = Path(__file__).resolve().parents[2] / "fuzz" / "corpus"
# A good session of the fuzzer's worlds is ours; every other mark stays, as a token that is none.
MARKS = {b"{access}={alice}": COOKIE, b"{access}={bob}": COOKIE, b"{access}": b"__Host-doorward"}


def cases() -> Iterator[Case]:
    """All of them, in the order of their names."""
    for folder, make in {"gate": of_gate, "path": of_path, "cookie": of_cookie, "origin": of_origin}.items():
        for file in sorted((CORPUS / folder).iterdir()):
            data = make(file.read_bytes())
            yield Case(f"corpus: {folder}/{file.name[:12]}", (data,))


def of_gate(data: bytes) -> bytes:
    """The first byte chooses settings; the rest is a head."""
    data = data[1:]
    for mark, value in MARKS.items():
        data = data.replace(mark, value)
    # A field for the session as well, where there is a place for it.
    line, end, rest = data.partition(b"\r\n")
    return line + end + FIELD + rest if end and COOKIE not in data else data


def of_path(data: bytes) -> bytes:
    """A path."""
    return b"GET " + data + b" HTTP/1.1\r\nHost: " + HOST + b"\r\n" + FIELD + b"\r\n"


def of_cookie(data: bytes) -> bytes:
    """The value of a Cookie field."""
    return b"GET /a HTTP/1.1\r\nHost: " + HOST + b"\r\n" + FIELD[:-2] + b"; " + data + b"\r\n\r\n"


def of_origin(data: bytes) -> bytes:
    """The value of an Origin field."""
    return b"GET /a HTTP/1.1\r\nHost: " + HOST + b"\r\n" + FIELD + b"Origin: " + data + b"\r\n\r\n"
