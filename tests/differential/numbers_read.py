"""Numbers in messages: by the letter, and as `strtol` and its like read them."""

from __future__ import annotations

import re

WORD = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
EXTENSION = rb"[ \t]*;[ \t]*" + WORD + rb"(?:[ \t]*=[ \t]*(?:" + WORD + rb"|" + QUOTED + rb"))?"
SIZE = re.compile(rb"([0-9A-Fa-f]+)(?:" + EXTENSION + rb")*[ \t]*")
LOOSE_SIZE = re.compile(rb"([0-9A-Fa-f]+)[ \t]*(?:;.*)?", re.DOTALL)
ODD_SIZE = re.compile(rb"[ \t\x0b\x0c]*\+?(?:0[xX])?([0-9A-Fa-f]+)")
ODD_LENGTH = re.compile(rb"[ \t\x0b\x0c]*\+?([0-9]+)")


def chunk_size(line: bytes, strict: bool, odd: bool) -> int | None:
    """The size in the line of a chunk, `None` where there is none.

    Blanks behind the size without an extension are outside of the grammar of RFC 9112 section
    7.1, but every reader agrees on them, and so they are no doubt here.

    >>> chunk_size(b'a;b="c d"', True, False), chunk_size(b"0xa", True, False), chunk_size(b"0xa", False, True)
    (10, None, 10)
    >>> chunk_size(b"a;", True, False), chunk_size(b"a;", False, False)
    (None, 10)
    """
    if odd:
        found = ODD_SIZE.match(line)
    else:
        found = (SIZE if strict else LOOSE_SIZE).fullmatch(line)
    return within(int(found[1], 16)) if found else None


def content_length(value: bytes, odd: bool) -> int | None:
    """The length of a body, `None` where there is none.

    >>> content_length(b"+5", odd=False), content_length(b"5, 6", odd=True), content_length(b"9223372036854775808", odd=False)
    (None, 5, None)
    """
    if odd:
        found = ODD_LENGTH.match(value)
        return int(found[1]) if found else None
    return within(int(value)) if re.fullmatch(rb"[0-9]{1,1000}", value) else None


def within(number: int) -> int | None:
    """A number that every reader can hold, however many zeros it has in front."""
    return number if number < 1 << 63 else None
