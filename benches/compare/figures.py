"""Numbers: medians, quartiles and ratios of rounds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """What many rounds said of one thing."""

    median: float
    low: float
    high: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Median, quartiles and extremes.

        >>> Spread.of([5, 1, 4, 2, 3])
        Spread(median=3.0, low=2.0, high=4.0, least=1, most=5)
        >>> Spread.of([7]).text(0)
        '7–7; 7–7'
        """
        values = sorted(values)
        if len(values) < 2:
            return cls(*[values[0]] * 5)
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high, values[0], values[-1])

    def text(self, digits: int = 3) -> str:
        """Quartiles and extremes."""
        low, high, least, most = (f"{n:.{digits}f}" for n in (self.low, self.high, self.least, self.most))
        return f"{low}–{high}; {least}–{most}"


def ratios(above: Sequence[float], below: Sequence[float]) -> Spread:
    """Of two things that were measured side by side, round by round.

    The median of the ratios, which is not the ratio of the medians:

    >>> ratios([2, 6, 100], [1, 2, 10]).median
    3.0
    """
    return Spread.of(a / b for a, b in zip(above, below, strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of all do not exceed.

    >>> percentile(range(1, 101), 0.99), percentile(range(1, 102), 0.99), percentile([5], 0.5)
    (99, 100, 5)
    """
    return sorted(values)[max(0, math.ceil(len(values) * share) - 1)]
