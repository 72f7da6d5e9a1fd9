"""The tables, on the terminal as the work goes on and between two marks of a page."""

from __future__ import annotations

from pathlib import Path

from figures import Spread
from process import Trouble

BEGIN, END = "<!-- results: written by `make bench`, begin -->", "<!-- results: end -->"


def table(heads: list[str], rows: list[list[str]]) -> str:
    """Markdown; every column but the first is of numbers."""
    marks = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [heads, marks, *rows])


def whole(number: float) -> str:
    """Without a fraction, in groups of three."""
    return f"{number:,.0f}".replace(",", " ")


def goal_row(what: str, spread: Spread, goal: float | None, digits: int = 3) -> list[str]:
    """A ratio beside its goal."""
    asked = "reported" if goal is None else f"≤ {goal:g}"
    met = "" if goal is None else ("yes" if spread.median <= goal else "no")
    return [what, f"{spread.median:.{digits}f}", spread.text(digits), asked, met]


GOAL_HEADS = ["median of the rounds' ratios", "ratio", "quartiles, extremes", "goal", "met"]


def write(page: Path, text: str) -> None:
    """Replaces what stands between the marks."""
    old = page.read_text()
    head, begin, rest = old.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise Trouble(f"{page} lacks the marks between which the results go")
    page.write_text(f"{head}{BEGIN}\n\n{text.strip()}\n\n{END}{tail}")
