"""What may be doubtful in the bytes that the gateway sends to an app."""

from __future__ import annotations

import re

from app import Record
from readings import LENIENT, STRICT, Request, read

# RFC 9110 section 6.5.1: what frames, routes, authenticates or says what the content is.
NO_TRAILERS = re.compile(
    rb"(content-(length|type|encoding|range)|transfer-encoding|host|cookie|authorization|connection|te|trailer|expect|range"
    rb"|max-forwards|upgrade|x-user-.*|x-forwarded-.*|forwarded|set-cookie)"
)


def doubts(record: Record) -> list[tuple[str, str]]:
    """All of them, in what came over one connection."""
    found = readings(record)
    for _, one in record.requests:
        found += shape(one)
    return found


def readings(record: Record) -> list[tuple[str, str]]:
    """Strict and lenient readers see the same requests."""
    strict = read(record.data, STRICT)
    if strict.doubt and not record.upgraded:
        return [(f"the app is sent {strict.doubt}", repr(strict.rest[:200]))]
    found = []
    for habits in LENIENT:
        other = read(record.data, habits)
        one, two = [r.core for r in strict.requests], [r.core for r in other.requests]
        # A reader that refuses the rest is harmless; one that waits for more, or sees more, is not.
        same = two == one[: len(two)] if other.doubt else two == one
        if not same:
            kind = f"another reading where {habits.name}"
            found.append(
                (kind, f"{[str(r) for r in other.requests]}, and strictly {[str(r) for r in strict.requests]}")
            )
    return found


def shape(one: Request) -> list[tuple[str, str]]:
    """What no request to an app looks like."""
    found = []
    if one.target.lower().startswith(b"/closed"):
        found.append(("a request that the gate did not see", str(one)))
    if not one.target.startswith(b"/") and (one.method, one.target) != (b"OPTIONS", b"*"):
        found.append(("a target that is no path", str(one)))
    if one.blank_lines:
        found.append(("an empty line before a request", str(one)))
    if odd := [name for name, _ in one.fields if b"_" in name]:
        found.append(("a name with an underscore", f"{odd}"))
    if bad := [name for name, _ in one.trailers if NO_TRAILERS.fullmatch(name.replace(b"_", b"-"))]:
        found.append(("a trailer that may be none", f"{bad}"))
    if one.all(b"trailer") and not one.trailers:
        found.append(("trailers that are announced and do not come", f"{one.all(b'trailer')}"))
    return found


def origin_form(target: bytes) -> bytes:
    """The path and query of a target, whichever form it has.

    >>> origin_form(b"http://app.test?x"), origin_form(b"/a"), origin_form(b"*")
    (b'/?x', b'/a', b'*')
    """
    found = re.match(rb"(?i)[a-z][a-z0-9+.-]*://[^/?#]*", target)
    if not found:
        return target
    rest = target[found.end() :]
    return rest if rest.startswith(b"/") else b"/" + rest
