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
    kind = random.choices(["head", "chunks", "target"], [4, 4, 3])[0]
    in_one = random.random() < 0.4
    if kind == "chunks":
        name, head, body = chunks.stream(random)
        return Case(f"{number} {name}", split(random, head, body), in_one)
    name, data = heads.head(random) if kind == "head" else targets.line(random)
    return Case(f"{number} {name}", split(random, data, b"") if random.random() < 0.15 else (data,), in_one)


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
