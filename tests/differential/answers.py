"""Answers, as a patient client reads them one after the other."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass
class Answer:
    """One answer without its body. `echo` names the request that the app answered by it."""

    status: int
    echo: str | None
    closes: bool = False

    def is_for(self, target: str) -> bool:
        """Whether the app gave it to this GET."""
        return self.echo is not None and self.echo.endswith(f" GET {target}")

    @property
    def number(self) -> int | None:
        """Which of the app's requests it answers."""
        return int(self.echo.split()[0]) if self.echo else None


class Answers:
    """Takes bytes as they come and gives answers."""

    def __init__(self, is_head: bool):
        self.data = b""
        self.all: list[Answer] = []
        self.is_head = is_head
        self.broken = False

    @property
    def final(self) -> list[Answer]:
        """Those that end an exchange; a switch of protocols is one of them."""
        return [one for one in self.all if one.status >= 200 or one.status == 101]

    def take(self, more: bytes) -> None:
        """Some bytes came."""
        self.data += more
        while not self.broken and self._one():
            pass

    def end(self) -> None:
        """Nothing more will come: what has no length is whole now."""
        found = re.match(rb"HTTP/1\.[01] (\d{3})", self.data)
        if found and b"\r\n\r\n" in self.data and not self.broken:
            self.all.append(Answer(int(found[1]), echo(self.data.split(b"\r\n\r\n")[0]), closes=True))
        self.data = b""

    def _one(self) -> bool:
        end = self.data.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = self.data[:end]
        found = re.match(rb"HTTP/1\.[01] (\d{3})", head)
        if not found:
            self.broken = True
            return False
        answer = Answer(int(found[1]), echo(head), closes(head))
        length = self._body(answer, head, end + 4)
        if length is None:
            return False
        self.data = self.data[end + 4 + length :]
        self.all.append(answer)
        return True

    def _body(self, answer: Answer, head: bytes, at: int) -> int | None:
        """How many bytes follow the head; `None` while they are not all here."""
        if answer.status < 200 or answer.status in (204, 304):
            return 0
        # Without a body: what the app says is for HEAD, and a proxy's own answer to a first HEAD.
        if " HEAD " in answer.echo if answer.echo else self.is_head and not self.final:
            return 0
        if re.search(rb"(?im)^transfer-encoding:\s*chunked", head):
            found = re.compile(rb"(?:^|\r\n)0\r\n\r\n").search(self.data, at)
            return found.end() - at if found else None
        found = re.search(rb"(?im)^content-length:\s*(\d+)", head)
        if not found:
            return None
        length = int(found[1])
        return length if len(self.data) - at >= length else None


def echo(head: bytes) -> str | None:
    """What the app wrote into its answer, see `app.py`."""
    found = re.search(rb"(?im)^x-echo:[ \t]*([^\r\n]*)", head)
    return found[1].decode("latin-1").strip() if found else None


def closes(head: bytes) -> bool:
    """Whether the connection ends with this answer."""
    options = b",".join(re.findall(rb"(?im)^connection:([^\r\n]*)", head)).lower()
    return b"close" in options or (head.startswith(b"HTTP/1.0") and b"keep-alive" not in options)
