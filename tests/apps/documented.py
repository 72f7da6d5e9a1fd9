"""What an app needs in doorward.yaml is in `docs/apps.md`, word for word."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from app import App
from stage import Trouble

PAGE = Path(__file__).resolve().parents[2] / "docs/apps.md"


def all_is_documented(apps: Iterable[App]) -> None:
    """Looks for every line of every app's settings."""
    page = PAGE.read_text()
    for app in apps:
        for line in app.settings.split("\n"):
            if line.strip() not in page:
                raise Trouble(f"{PAGE.name} does not have what {app.name} needs: {line.strip()}")
