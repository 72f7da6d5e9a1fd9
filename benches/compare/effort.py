"""How much is measured, and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from figures import Spread


@dataclass(frozen=True)
class Effort:
    """How long everything takes."""

    rounds: int
    seconds: int
    starts: int
    sessions: int
    users: int
    rules: int
    connections: int
    is_quick: bool = False

    @classmethod
    def full(cls, rounds: int, seconds: int) -> Effort:
        """What the goals speak of."""
        return cls(rounds, seconds, 20, 1_000_000, 100_000, 1_000, 10_000)

    @classmethod
    def quick(cls) -> Effort:
        """Enough to see that everything works; the numbers are worth nothing."""
        return cls(1, 1, 2, 1_000, 1_000, 100, 200, is_quick=True)


@dataclass(frozen=True)
class Goal:
    """Something that was asked for, and what came out."""

    what: str
    value: float
    spread: str
    limit: float
    unit: str = ""
    digits: int = 2

    @classmethod
    def of(cls, what: str, ratio: Spread, limit: float) -> Goal:
        """A ratio of two things in one run."""
        return cls(what, ratio.median, ratio.text(), limit, "", 3)

    def cells(self, is_quick: bool) -> list[str]:
        """As a row; what was measured quickly has no verdict."""
        met = "" if is_quick else "met" if self.value <= self.limit else "missed"
        value = f"{self.value:.{self.digits}f}{self.unit}"
        return [self.what, value, self.spread, f"≤ {self.limit:g}{self.unit}", met]


@dataclass
class Outcome:
    """What one measurement has to say."""

    text: list[str] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
