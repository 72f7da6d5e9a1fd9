"""A proxy that runs, whoever's it is."""

from __future__ import annotations

from dataclasses import dataclass

from process import Process


@dataclass
class Proxy:
    """A running proxy, and what a request through it carries."""

    name: str
    process: Process
    port: int
    headers: dict[str, str]
