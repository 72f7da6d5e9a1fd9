"""What is sent over one connection."""

from __future__ import annotations

from dataclasses import dataclass

# Stands for the session's cookie, which each gateway gives anew.
COOKIE = b"{cookie}"
# Stands alone in a `Cookie` field, so that every head that is whole is forwarded.
FIELD = b"Cookie: " + COOKIE + b"\r\n"
HOST = b"app.test"
CANARY = "/canary"
AFTER = "/after"
# No rule lets anybody there: the app sees it only where the gate did not see it.
INSIDE = b"GET /closed/inside HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n"


@dataclass(frozen=True)
class Case:
    """Some bytes in pieces, each a TCP segment.

    `in_one`: the canary comes with the last of them. `slow`: the app takes its time, so that
    what follows a request is here before its answer.
    """

    name: str
    pieces: tuple[bytes, ...]
    in_one: bool = False
    slow: bool = False

    @property
    def data(self) -> bytes:
        """All of it."""
        return b"".join(self.pieces)

    @property
    def is_head(self) -> bool:
        """Whether the first answer has no body."""
        return self.data.lstrip(b"\r\n").startswith(b"HEAD ")

    def filled(self, cookie: bytes) -> list[bytes]:
        """The pieces with a session in them. A piece may end within the mark, so all is filled first."""
        if len(self.pieces) == 1:
            return [self.pieces[0].replace(COOKIE, cookie)]
        cuts, at = [], 0
        for piece in self.pieces[:-1]:
            at += len(piece)
            cuts.append(len(self.data[:at].replace(COOKIE, cookie)))
        whole = self.data.replace(COOKIE, cookie)
        return [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


def get(target: str) -> bytes:
    """A plain request with a session."""
    return f"GET {target} HTTP/1.1\r\nHost: ".encode() + HOST + b"\r\n" + FIELD + b"\r\n"
