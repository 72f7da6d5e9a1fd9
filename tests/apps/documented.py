"""What an app needs in doorward.yaml is in `docs/apps.md` or in the page of its group, word for word."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from app import App
from stage import Trouble

DOCS = Path(__file__).resolve().parents[2] / "docs"


def all_is_documented(apps: Iterable[App]) -> None:
    """Looks for every line of every app's settings."""
    pages = "".join(page.read_text() for page in sorted(DOCS.glob("apps*.md")))
    for app in apps:
        for line in app.settings.split("\n"):
            if line.strip() not in pages:
                raise Trouble(f"no page has what {app.name} needs: {line.strip()}")
