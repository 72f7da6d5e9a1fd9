"""For programs that cannot send a cookie: a port of this machine that adds it and passes all on."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from client import Client

HOP = ("connection", "transfer-encoding", "content-length", "host", "keep-alive")


class Shim:
    """Listens on the loopback address, and asks the gateway in the name of whom the client is; a context manager."""

    def __init__(self, client: Client):
        class Handler(BaseHTTPRequestHandler):
            """One request, on with the cookie."""

            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Nothing is written."""

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {key: value for key, value in self.headers.items() if key.lower() not in HOP}
                answer = client.ask(self.command, self.path, body, headers)
                self.send_response(answer.status)
                for key, value in answer.headers.items():
                    if key not in HOP:
                        # What leads to the public name shall come back here.
                        self.send_header(key, value.replace(client.gateway.origin, f"http://{self.headers['Host']}"))
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer.body)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> Shim:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
