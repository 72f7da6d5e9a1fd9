"""A Tornado app that says what it was asked, with `xheaders` as Jupyter has it: `tornado_app.py PORT`."""

from __future__ import annotations

import json
import sys
from urllib.parse import unquote_to_bytes

from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.web import Application, RequestHandler


class Answer(RequestHandler):
    """One for every method that there is."""

    SUPPORTED_METHODS = ("GET", "HEAD", "POST", "DELETE", "PATCH", "PUT", "OPTIONS", "PROPFIND", "MOVE", "COPY", "REPORT", "FOO", "QUERY")

    def initialize(self, route: str):
        self.route = route

    async def answer(self, *_):
        request = self.request
        said = {
            "trace": request.headers.get("X-Trace", ""),
            "method": request.method,
            "path": unquote_to_bytes(request.path).decode("latin-1"),
            "query": request.query,
            "host": request.host,
            "scheme": request.protocol,
            "client": request.remote_ip,
            "user": request.headers.get("X-User-Id", ""),
            "other_user": "",
            "route": self.route,
            "headers": list(request.headers.get_all()),
        }
        self.set_header("X-App", "tornado")
        self.set_header("Content-Type", "application/json")
        self.write(json.dumps(said))


for method in Answer.SUPPORTED_METHODS:
    setattr(Answer, method.lower(), Answer.answer)

rules = [(rf"/{name}(?:/.*)?", Answer, {"route": name}) for name in ("admin", "public", "static", "files")]
server = HTTPServer(Application([*rules, (r"(?s).*", Answer, {"route": "other"})]), xheaders=True, trusted_downstream=["127.0.0.3"])
server.listen(int(sys.argv[1]), "127.0.0.1")
IOLoop.current().start()
