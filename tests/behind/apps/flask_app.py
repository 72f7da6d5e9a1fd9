"""A Flask app that says what it was asked, and what people put around it behind a proxy.

`BEHIND` names the middlewares: `script_name` is the one of many Flask apps that are served below
a prefix, `proxy_fix` is Werkzeug's own with all that it can believe.
"""

from __future__ import annotations

import os

from flask import Flask, jsonify, request
from werkzeug.middleware.proxy_fix import ProxyFix

METHODS = "GET POST PUT PATCH DELETE OPTIONS PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK REPORT TRACE QUERY FOO get".split()


class ScriptName:
    """Takes the prefix, the scheme and the host from where nginx set-ups write them."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        prefix = environ.get("HTTP_X_SCRIPT_NAME", "")
        if prefix:
            environ["SCRIPT_NAME"] = prefix
            if environ["PATH_INFO"].startswith(prefix):
                environ["PATH_INFO"] = environ["PATH_INFO"][len(prefix) :]
        environ["wsgi.url_scheme"] = environ.get("HTTP_X_SCHEME") or environ["wsgi.url_scheme"]
        environ["HTTP_HOST"] = environ.get("HTTP_X_FORWARDED_SERVER") or environ["HTTP_HOST"]
        return self.app(environ, start_response)


def answer(route: str):
    """What this request is to Flask."""
    environ = request.environ
    said = jsonify(
        trace=request.headers.get("X-Trace", ""),
        method=request.method,
        path=request.path,
        query=request.query_string.decode("latin-1"),
        host=request.host,
        scheme=request.scheme,
        client=request.remote_addr,
        user=environ.get("HTTP_X_USER_ID", ""),
        other_user=request.remote_user or "",
        route=route,
        headers=[[key[5:], value] for key, value in environ.items() if key.startswith("HTTP_")],
    )
    said.headers["X-App"] = "flask"
    return said


app = Flask(__name__, static_folder=None)
app.url_map.strict_slashes = False
for name in ("admin", "public", "static", "files"):
    for pattern in (f"/{name}", f"/{name}/", f"/{name}/<path:rest>"):
        app.add_url_rule(pattern, f"{name}{pattern}", lambda rest="", name=name: answer(name), methods=METHODS)
for pattern in ("/", "/<path:rest>"):
    app.add_url_rule(pattern, f"other{pattern}", lambda rest="": answer("other"), methods=METHODS)

if "script_name" in os.environ.get("BEHIND", ""):
    app.wsgi_app = ScriptName(app.wsgi_app)
if "proxy_fix" in os.environ.get("BEHIND", ""):
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_port=1, x_prefix=1)
