"""How a server reads the bytes of one connection as requests.

One reader with habits. `STRICT` reads RFC 9112 by the letter and stops at the first doubt. Each of
the `LENIENT` ones has a habit that some server had or has. Bytes that strict and lenient readers
take for the same requests are safe to send to anybody.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from numbers_read import chunk_size, content_length

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# A query may hold raw octets: old browsers send them, and no reader sees another path by them.
LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+(?:\?[!-~\x80-\xff]*)?) (HTTP/1\.[01])")
# RFC 9112 section 3.2, without what is for CONNECT alone.
FORM = re.compile(rb"/|[A-Za-z][A-Za-z0-9+.-]*://[^/?#]")
HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")
CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
LONGEST = 1 << 20


@dataclass(frozen=True)
class Habits:
    """What a reader does where the standard says otherwise. All off: the strict one."""

    name: str
    lone_lf: bool = False  # a line feed alone ends a line of the head
    lone_cr: bool = False  # a carriage return alone does
    lone_lf_in_chunks: bool = False  # a line feed alone ends the line of a chunk, extensions too
    blank_before_colon: bool = False
    folds: bool = False  # a line that begins with a blank continues the one before
    odd_numbers: bool = False  # blanks, signs, `0x`, and whatever follows the digits
    no_line_after_data: bool = False  # the line end behind the data of a chunk may be missing
    length_wins: bool = False  # over Transfer-Encoding
    any_coding: bool = False  # `chunked` anywhere in the value
    underscores: bool = False  # `_` in a name is `-`, as in CGI
    no_trailers: bool = False  # the last chunk and one line end the body
    loose_line: bool = False  # any blanks between the words of the first line, any version

    @property
    def is_strict(self) -> bool:
        """Whether it has no habit."""
        return self == Habits(self.name)


STRICT = Habits("strict")
LENIENT = [
    Habits("a lone LF ends lines", lone_lf=True, lone_lf_in_chunks=True, folds=True, loose_line=True),
    Habits("a lone CR ends lines", lone_lf=True, lone_cr=True, lone_lf_in_chunks=True, loose_line=True),
    Habits("a LF ends chunk extensions", lone_lf_in_chunks=True),
    Habits("blanks before colons", blank_before_colon=True, folds=True, any_coding=True),
    Habits("odd numbers", odd_numbers=True, no_line_after_data=True, lone_lf_in_chunks=True),
    Habits("the length wins", length_wins=True, odd_numbers=True),
    Habits("any coding that names chunked", any_coding=True),
    Habits("underscores are hyphens", underscores=True),
    Habits("nothing follows the last chunk", no_trailers=True),
]


@dataclass
class Request:
    """One request, as its reader understood it."""

    method: bytes
    target: bytes
    version: bytes
    fields: list[tuple[bytes, bytes]]
    body: bytes = b""
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)
    is_chunked: bool = False
    blank_lines: int = 0  # before it
    end: int = 0  # the offset behind it

    def all(self, name: bytes) -> list[bytes]:
        """Every value of a field, its name in lower case."""
        return [value for key, value in self.fields if key == name]

    @property
    def core(self) -> tuple[bytes, bytes, bytes, bytes]:
        """What must be the same for every reader."""
        return (self.method, self.target, b", ".join(self.all(b"host")), self.body)

    def __str__(self) -> str:
        return f"{self.method!r} {self.target!r} host={self.all(b'host')!r} body={self.body[:60]!r}"


@dataclass
class Reading:
    """What came out: whole requests, then perhaps a doubt, or bytes of one that is not whole.

    `begun` is the head of the last one, where that was read and its body was not.
    """

    requests: list[Request]
    doubt: str | None
    rest: bytes
    begun: Request | None = None


class Doubt(Exception):
    """This reader refuses what comes here."""


class More(Exception):
    """The bytes end in the middle of something."""


def read(data: bytes, habits: Habits = STRICT) -> Reading:
    """Reads all the requests of a connection.

    >>> read(b"GET /a HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n").requests[0].target
    b'/a'
    >>> read(b"GET /a HTTP/1.1\\nHost: h\\n\\n").doubt
    'a line feed alone'
    """
    requests, at = [], 0
    while at < len(data):
        reader = Reader(data, at, habits)
        try:
            one = reader.request()
        except More:
            return Reading(requests, None, data[at:], reader.begun)
        except Doubt as doubt:
            return Reading(requests, str(doubt), data[at:], reader.begun)
        requests.append(one)
        at = one.end
    return Reading(requests, None, b"")


class Reader:
    """Reads one request from an offset."""

    def __init__(self, data: bytes, at: int, habits: Habits):
        self.data, self.at, self.habits = data, at, habits
        self.begun: Request | None = None

    def line(self, lone_lf: bool) -> bytes:
        """One line without its end."""
        if self.habits.lone_cr:
            found = re.compile(rb"\r\n|\r|\n").search(self.data, self.at)
            if found is None:
                raise More
            text, self.at = self.data[self.at : found.start()], found.end()
            return text
        feed = self.data.find(b"\n", self.at)
        if feed < 0:
            if len(self.data) - self.at > LONGEST:
                raise Doubt("a line without an end")
            raise More
        text = self.data[self.at : feed]
        self.at = feed + 1
        if text.endswith(b"\r"):
            text = text[:-1]
        elif not lone_lf:
            raise Doubt("a line feed alone")
        return text

    def request(self) -> Request:
        """One whole request."""
        blank_lines = 0
        # RFC 9112 section 2.2: a server skips empty lines before a request.
        while not (line := self.line(self.habits.lone_lf)):
            blank_lines += 1
        one = self.first(line)
        one.blank_lines = blank_lines
        if one.version != b"HTTP/0.9":
            one.fields = self.fields(self.habits.lone_lf)
            self.begun = one
            self.body(one)
        one.end = self.at
        return one

    def first(self, line: bytes) -> Request:
        """The request line."""
        if self.habits.loose_line:
            words = line.split()
            if len(words) == 2:
                return Request(words[0], words[1], b"HTTP/0.9", [])
            if len(words) < 3 or not words[-1].startswith(b"HTTP/"):
                raise Doubt("no request line")
            return Request(words[0], b" ".join(words[1:-1]), words[-1], [])
        found = LINE.fullmatch(line)
        if found is None or b"#" in found[2]:
            raise Doubt("no request line")
        if not FORM.match(found[2]) and (found[1], found[2]) != (b"OPTIONS", b"*"):
            raise Doubt("no form of a target")
        return Request(found[1], found[2], found[3], [])

    def fields(self, lone_lf: bool) -> list[tuple[bytes, bytes]]:
        """The lines up to an empty one."""
        fields: list[tuple[bytes, bytes]] = []
        while line := self.line(lone_lf):
            if line[:1] in (b" ", b"\t"):
                if not self.habits.folds or not fields:
                    raise Doubt("a folded line")
                name, value = fields.pop()
                fields.append((name, (value + b" " + line.strip()).strip()))
                continue
            name, colon, value = line.partition(b":")
            if self.habits.blank_before_colon:
                name = name.strip(b" \t\x0b\x00")
            value = value.strip(b" \t")
            if not colon or not TOKEN.fullmatch(name):
                raise Doubt("no name of a field")
            if self.habits.is_strict and CONTROL.search(value):
                raise Doubt("a control character in a value")
            name = name.lower()
            fields.append((name.replace(b"_", b"-") if self.habits.underscores else name, value))
        return fields

    def body(self, one: Request) -> None:
        """What the fields say that follows."""
        if self.habits.is_strict:
            hosts = len(one.all(b"host"))
            if hosts > 1 or (hosts == 0 and one.version == b"HTTP/1.1"):
                raise Doubt("not one Host")
            if hosts and not HOST.fullmatch(one.all(b"host")[0]):
                raise Doubt("a Host that is none")
        codings, lengths = one.all(b"transfer-encoding"), one.all(b"content-length")
        chunked = self.is_chunked(one, codings)
        if self.habits.is_strict and codings and lengths:
            raise Doubt("both a length and a coding")
        if self.habits.length_wins and lengths:
            chunked = False
        if chunked:
            one.is_chunked = True
            one.body, one.trailers = self.chunks()
        elif lengths:
            if self.habits.is_strict and len(lengths) > 1:
                raise Doubt("two lengths")
            length = content_length(lengths[0], self.habits.odd_numbers)
            if length is None:
                raise Doubt("no number as length")
            one.body = self.take(length)

    def is_chunked(self, one: Request, codings: list[bytes]) -> bool:
        """Whether chunks follow."""
        if not codings:
            return False
        value = b",".join(codings).lower()
        if self.habits.any_coding:
            return b"chunked" in value
        if value != b"chunked" and self.habits.is_strict:
            raise Doubt("another coding than chunked")
        if one.version == b"HTTP/1.0" and self.habits.is_strict:
            raise Doubt("a coding in HTTP/1.0")
        return value == b"chunked"

    def take(self, count: int) -> bytes:
        """So many bytes."""
        if len(self.data) - self.at < count:
            raise More
        taken = self.data[self.at : self.at + count]
        self.at += count
        return taken

    def chunks(self) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        """A chunked body and its trailers."""
        body = b""
        while True:
            size = chunk_size(self.line(self.habits.lone_lf_in_chunks), self.habits.is_strict, self.habits.odd_numbers)
            if size is None:
                raise Doubt("no size of a chunk")
            if size == 0:
                break
            body += self.take(size)
            self.after_data()
        if self.habits.no_trailers:
            self.line(lone_lf=False)
            return body, []
        return body, self.fields(self.habits.lone_lf or self.habits.lone_lf_in_chunks)

    def after_data(self) -> None:
        """The line end behind the data of a chunk."""
        two = self.data[self.at : self.at + 2]
        if two == b"\r\n":
            self.at += 2
        elif two[:1] == b"\n" and self.habits.lone_lf_in_chunks:
            self.at += 1
        elif two[:1] == b"\r" and self.habits.lone_cr and len(two) == 2:
            self.at += 1
        elif len(two) < 2 and two in (b"", b"\r"):
            raise More
        elif not self.habits.no_line_after_data:
            raise Doubt("no line end behind a chunk")
