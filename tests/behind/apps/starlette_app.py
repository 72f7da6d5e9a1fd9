"""A Starlette app that says what it was asked; `BEHIND=hypercorn` puts Hypercorn's proxy middleware around it."""

from __future__ import annotations

import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route


class Answer:
    """An endpoint for every method."""

    def __init__(self, route: str):
        self.route = route

    async def __call__(self, scope, receive, send):
        request = Request(scope, receive)
        said = {
            "trace": request.headers.get("x-trace", ""),
            "method": request.method,
            # The whole path that the server gave, before a mount took its part off it.
            "path": scope["path"],
            "query": request.url.query,
            "host": request.headers.get("host", ""),
            "scheme": request.url.scheme,
            "client": request.client.host if request.client else "",
            "user": request.headers.get("x-user-id", ""),
            "other_user": "",
            "route": self.route,
            "headers": [[key.decode("latin-1"), value.decode("latin-1")] for key, value in request.headers.raw],
        }
        await JSONResponse(said, headers={"X-App": "starlette"})(scope, receive, send)


routes = [kind(f"/{name}", Answer(name)) for name in ("admin", "public", "static", "files") for kind in (Route, Mount)]
app = Starlette(routes=[*routes, Route("/{rest:path}", Answer("other"))])

if os.environ.get("BEHIND") == "hypercorn":
    from hypercorn.middleware import ProxyFixMiddleware

    app = ProxyFixMiddleware(app, mode="legacy", trusted_hops=1)
