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
        """Median, quartiles and extremes."""
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
    """Of two things that were measured side by side, round by round."""
    return Spread.of(a / b for a, b in zip(above, below, strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of all do not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * share) - 1)]
