"""All cases of a run, in an order that a seed decides."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from random import Random

import chunks
import corpora
import heads
import targets
from case import Case


def cases(seed: int, corpus: bool = True) -> Iterator[Case]:
    """The corpora once, mixed among what is made; without an end.

    >>> one, two = cases(1), cases(1)
    >>> all(next(one) == next(two) for _ in range(300))
    True
    """
    kept = list(corpora.cases()) if corpus else []
    Random(seed).shuffle(kept)
    for number in count():
        if number % 3 == 2 and kept:
            yield kept.pop()
        else:
            yield made(seed, number)


def made(seed: int, number: int) -> Case:
    """The case of this number. It depends on nothing before it."""
    random = Random(f"{seed}/{number}")
    kind = random.choices(["head", "chunks", "target", "row"], [4, 4, 3, 1])[0]
    in_one, slow = random.random() < 0.4, random.random() < 0.15
    if kind == "chunks":
        name, head, body = chunks.stream(random)
        pieces = split(random, head, body)
    elif kind == "row":
        name, pieces = row(random)
    else:
        name, data = heads.head(random) if kind == "head" else targets.line(random)
        pieces = split(random, data, b"") if random.random() < 0.15 else (data,)
    return Case(f"{number} {name}", pieces, in_one, slow)


def row(random: Random) -> tuple[str, tuple[bytes, ...]]:
    """Right requests in a row, as one segment or several."""
    bodies = [
        (b"", b""),
        (b"", b""),
        (b"Content-Length: 5\r\n", b"abcde"),
        (b"Transfer-Encoding: chunked\r\n", b"5\r\nabcde\r\n0\r\n\r\n"),
    ]
    requests = [heads.plain(random, *random.choice(bodies)) for _ in range(random.randrange(2, 5))]
    return "row", tuple(requests) if random.random() < 0.5 else split(random, b"".join(requests), b"")


def split(random: Random, head: bytes, body: bytes) -> tuple[bytes, ...]:
    """Into TCP segments: as one, behind the head, or anywhere."""
    how = random.random()
    if how < 0.4 or len(head + body) < 4:
        return (head + body,)
    if how < 0.6 and body:
        return (head, body)
    whole = head + body
    first = len(head) if body else 1
    places = sorted(random.sample(range(first, len(whole)), min(random.randrange(1, 4), len(whole) - first)))
    return tuple(whole[a:b] for a, b in zip([0, *places], [*places, len(whole)], strict=True))
