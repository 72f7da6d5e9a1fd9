"""Whether the proxies do what they are compared at, asked before anything is measured."""

from __future__ import annotations

from collections.abc import Collection

import web
from gateway import COOKIE, USER_ID, USER_NAME, Session
from process import Trouble
from proxy import Proxy
from tokens import bad, foreign


def gates(proxy: Proxy, session: Session, cannot: Collection[str] = ()) -> None:
    """A valid session passes and the app is told who it is; nothing else does, but for what this proxy cannot refuse."""
    good = echo(proxy, session.token, {"X-User-Id": "0", "X-User-Name": "Mallory"})
    if good.status != 200 or not good.body.startswith(f"{USER_ID}|{USER_NAME}|"):
        raise Trouble(f"{proxy.name} does not tell the app who is there: {good}")
    refusals = {name: echo(proxy, token) for name, token in bad(session.token, session.key).items()}
    refusals["no cookie"] = web.ask(proxy.port, "GET", "/echo", {"X-User-Id": USER_ID})
    for name, answer in refusals.items():
        if answer.status != 401 and name not in cannot:
            raise Trouble(f"{proxy.name} does not refuse ({name}): {answer}")


def admits(proxy: Proxy, session: Session) -> list[str]:
    """What this proxy lets pass, or passes on, that Doorward does not: asked, not taken from its manual."""
    tokens = bad(session.token, session.key) | foreign(session.token, session.key)
    found = [name for name, token in tokens.items() if echo(proxy, token).status == 200]
    heard = echo(proxy, session.token).body
    return found + ["the app gets the token"] * (session.token in heard)


def forwards(proxy: Proxy) -> None:
    """Everything passes."""
    answer = web.ask(proxy.port, "GET", "/", proxy.headers)
    if answer.status != 200 or not answer.body.startswith("Hello"):
        raise Trouble(f"{proxy.name} does not forward: {answer}")


def refuses(proxy: Proxy, status: int) -> None:
    """What this proxy is sent is refused like that."""
    answer = web.ask(proxy.port, "GET", "/", proxy.headers)
    if answer.status != status:
        raise Trouble(f"{proxy.name}: not {status}, but {answer}")


def echo(proxy: Proxy, token: str, more: dict[str, str] | None = None) -> web.Answer:
    """What the app heard of a request with this token."""
    return web.ask(proxy.port, "GET", "/echo", {"Cookie": f"{COOKIE}={token}", **(more or {})})
