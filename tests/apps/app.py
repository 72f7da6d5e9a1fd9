"""What is told of an app: how it is started, what doorward.yaml needs for it, how it is used."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from browser import Browser
from client import Client
from gateway import Gateway
from stage import Stage


class Broken(Exception):
    """The app does not do behind Doorward what it does without it."""


@dataclass
class Visit:
    """One app that runs, Doorward in front of it, and somebody who has signed in."""

    stage: Stage
    gateway: Gateway
    client: Client
    shot: Path
    opened: list[Browser] = field(default_factory=list)

    @cached_property
    def browser(self) -> Browser:
        """A browser; it starts when it is first asked for."""
        browser = Browser(self.stage, self.gateway)
        self.opened.append(browser)
        return browser


class App:
    """An app. Each has a class, and the table in `apps/__init__.py` has an instance of each."""

    name = ""
    # What its doorward.yaml has beside upstream, public_url, tls and users.
    settings = ""
    # What is asked for without a session; none of it may reach the app.
    addresses: tuple[str, ...] = ("/",)
    # Seconds from the start of the app to the end of its use.
    timeout = 180.0
    # What Doorward may refuse while the app is used (method, path and verdict), and why that does no harm.
    refused: dict[tuple[str, str, str], str] = {}

    def start(self, stage: Stage, port: int, origin: str) -> None:
        """Starts the app on this port of the loopback address; browsers see it at `origin`."""
        raise NotImplementedError

    def use(self, visit: Visit) -> str:
        """Uses the app and says what was done; raises `Broken` where it does not work."""
        raise NotImplementedError


def must(holds: bool, otherwise: object) -> None:
    """Something that must be so, and what to say where it is not."""
    if not holds:
        raise Broken(str(otherwise)[:2000])
