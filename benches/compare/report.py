"""The tables, on the terminal as the work goes on and between two marks of a page."""

from __future__ import annotations

from pathlib import Path

from effort import Goal
from process import Trouble

BEGIN, END = "<!-- results: written by `make bench`, begin -->", "<!-- results: end -->"


def table(heads: list[str], rows: list[list[str]]) -> str:
    """Markdown; every column but the first is of numbers."""
    marks = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [heads, marks, *rows])


def goals(rows: list[Goal], is_quick: bool) -> str:
    """Goals beside results."""
    return table(["what", "median", "quartiles; extremes", "goal", ""], [goal.cells(is_quick) for goal in rows])


def whole(number: float) -> str:
    """Without a fraction, in groups of three."""
    return f"{number:,.0f}".replace(",", " ")


def megabytes(count: float) -> str:
    """Of bytes."""
    return f"{count / 1e6:.1f}"


def check(page: Path) -> None:
    """Whether the page has the marks, asked before half an hour is spent."""
    text = page.read_text()
    if not 0 <= text.find(BEGIN) < text.find(END):
        raise Trouble(f"{page} lacks the marks between which the results go")


def write(page: Path, text: str) -> None:
    """Replaces what stands between the marks."""
    head, _, rest = page.read_text().partition(BEGIN)
    tail = rest.partition(END)[2]
    page.write_text(f"{head}{BEGIN}\n\n{text.strip()}\n\n{END}{tail}")


def write_part(page: Path, part: str) -> None:
    """Replaces the section of the same title between the marks, or adds it at the end."""
    results = page.read_text().partition(BEGIN)[2].partition(END)[0]
    write(page, with_part(results, part))


def with_part(results: str, part: str) -> str:
    """These sections with this one in the place of its former self.

    >>> with_part("head\\n\\n### A\\n\\n1\\n\\n### B\\n\\n2", "### A\\n\\n3")
    'head\\n\\n### A\\n\\n3\\n\\n### B\\n\\n2'
    >>> with_part("head\\n\\n### A\\n\\n1", "### C\\n\\n3")
    'head\\n\\n### A\\n\\n1\\n\\n### C\\n\\n3'
    """
    head, *sections = results.strip().split("\n\n### ")
    ours = part.strip().removeprefix("### ")
    title = ours.partition("\n")[0]
    places = [number for number, section in enumerate(sections) if section.partition("\n")[0] == title]
    if places:
        sections[places[0]] = ours
    else:
        sections.append(ours)
    return "\n\n### ".join([head, *sections])
