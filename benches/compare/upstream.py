"""The app behind the proxies: nginx with one small answer, which also counts its requests."""

from __future__ import annotations

import re

import web
from stage import Stage, free_port

# `echo` is for the checks: what the proxies tell the app about the user.
CONFIG = """
daemon off;
master_process off;
error_log stderr error;
pid {folder}/upstream.pid;
events {{ worker_connections 4000; }}
http {{
    access_log off;
    server_tokens off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    default_type text/plain;
    {temp}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ return 200 "Hello from the app.\\n"; }}
        location = /echo {{ return 200 "$http_x_user_id|$http_x_user_name|$http_cookie"; }}
        location = /count {{ stub_status; }}
    }}
}}
"""


def temp_paths(folder: object) -> str:
    """nginx makes these folders at its start, and the usual ones are root's."""
    kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    return " ".join(f"{kind}_temp_path {folder}/nginx-{kind};" for kind in kinds)


class Upstream:
    """A running one."""

    def __init__(self, stage: Stage, cores: set[int] | None = None):
        self.port = free_port()
        self._asked = 0
        text = CONFIG.format(folder=stage.folder, port=self.port, temp=temp_paths(stage.folder))
        config = stage.write("upstream.conf", text)
        self.process = stage.start("upstream", ["nginx", "-e", "stderr", "-c", str(config)], cores)
        web.wait_until_ready(self.process, self.port, "/")

    def requests(self) -> int:
        """How many it has answered, those for this number left out."""
        text = web.ask(self.port, "GET", "/count").body
        total = int(re.search(r"\n \d+ \d+ (\d+)", text).group(1))
        self._asked += 1
        return total - self._asked
