"""What the apps that run on Node have in common."""

from __future__ import annotations

from pathlib import Path

from stage import Stage


def start(stage: Stage, name: str, script: str | Path, *arguments: str | Path, env: dict[str, str] | None = None) -> None:
    """A script with the modules of the tools; one that is named by a text is a module's."""
    modules = stage.must_be(stage.tools / "node_modules")
    path = modules / script if isinstance(script, str) else script
    stage.start(name, [stage.program("node"), stage.must_be(path), *arguments], {"NODE_PATH": str(modules), "HOME": str(stage.folder)} | (env or {}))
