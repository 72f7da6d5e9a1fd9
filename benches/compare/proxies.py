"""The proxies side by side, each with one worker thread and open connections on both sides."""

from __future__ import annotations

import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import web
from process import Process, Trouble
from stage import Stage, free_port
from upstream import Upstream, temp_paths

COOKIE = "__Host-doorward"
USER_ID, USER_NAME, USERNAME, PASSWORD = "1001", "Alice Example", "alice", "correct horse battery staple"

DOORWARD = """
listen: 127.0.0.1:{port}
upstream: http://127.0.0.1:{upstream}
public_url: {origin}
data_dir: {data}
threads: {threads}
admin: {{ listen: 127.0.0.1:{admin} }}
users: {{ file: {users} }}
signing: {{ key: {key} }}
session: {{ access_ttl: 6h }}
log: {{ level: {log} }}
{more}
"""

USERS = """
- {{ id: "{id}", username: {username}, name: {name}, password_hash: "{hash}" }}
"""

# What Doorward does for a valid session, in HAProxy's words. It does less: no issuer, audience,
# key id and start of validity, no revocations, no rules, no X-Forwarded-*, and the token
# reaches the app.
HAPROXY = """
global
    nbthread 1
    maxconn 4000
defaults
    mode http
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    timeout http-keep-alive 1h
    option http-keep-alive
    http-reuse always
frontend gate
    bind 127.0.0.1:{port} backlog 4096
    http-request set-var(txn.token) req.cook({cookie})
    http-request deny deny_status 401 unless {{ var(txn.token) -m found }}
    http-request deny deny_status 401 unless {{ var(txn.token),jwt_header_query('$.alg') -m str HS256 }}
    http-request deny deny_status 401 unless {{ var(txn.token),jwt_verify("HS256","{key}") -m int 1 }}
    http-request set-var(txn.now) date()
    http-request deny deny_status 401 unless {{ var(txn.token),jwt_payload_query('$.exp','int'),sub(txn.now) -m int gt 0 }}
    http-request del-header X-User-Id
    http-request del-header X-User-Name
    http-request del-header X-User-Roles
    http-request set-header X-User-Id %[var(txn.token),jwt_payload_query('$.sub')]
    http-request set-header X-User-Name %[var(txn.token),jwt_payload_query('$.name')]
    default_backend app
backend app
    server app 127.0.0.1:{upstream}
"""

NGINX = """
daemon off;
master_process off;
error_log stderr error;
pid {folder}/nginx.pid;
events {{ worker_connections 4000; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    {temp}
    upstream app {{
        server 127.0.0.1:{upstream};
        keepalive 256;
        keepalive_requests 1000000000;
        keepalive_timeout 1h;
    }}
    server {{
        listen 127.0.0.1:{port} {listen};
        location / {{
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
        }}
    }}
}}
"""


@dataclass
class Proxy:
    """A running proxy, and what a request through it carries."""

    name: str
    process: Process
    port: int
    headers: dict[str, str]


@dataclass(frozen=True)
class Session:
    """A sign-in that every proxy with a check accepts: one key signs for all."""

    key: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """What the browser sends."""
        return {"Cookie": f"{COOKIE}={self.token}"}


def hash_password(stage: Stage) -> str:
    """An Argon2id hash with the default parameters."""
    command = [str(stage.programs.doorward), "hash-password"]
    done = subprocess.run(command, input=PASSWORD, capture_output=True, text=True)
    if done.returncode != 0:
        raise Trouble(f"no password was hashed: {done.stderr}")
    return done.stdout.strip()


class Doorward:
    """A gateway with one user or more, ready to serve."""

    def __init__(
        self,
        stage: Stage,
        name: str,
        upstream: Upstream,
        *,
        threads: str = "1",
        log: str = "warn",
        scheme: str = "http",
        more: str = "",
        users: str = "",
        data: str | None = None,
        cores: set[int] | None = None,
    ):
        self.stage, self.name, self.cores = stage, name, cores
        self.port, self.admin, self.scheme = free_port(), free_port(), scheme
        self.origin = f"{scheme}://127.0.0.1:{self.port}"
        self.key = secrets.token_hex(32)
        self.data = Path(data) if data else stage.file(f"{name}.data")
        person = USERS.format(id=USER_ID, username=USERNAME, name=USER_NAME, hash=hash_password(stage))
        config = DOORWARD.format(
            port=self.port,
            upstream=upstream.port,
            origin=self.origin,
            data=self.data,
            threads=threads,
            admin=self.admin,
            users=stage.write(f"{name}.users.yml", person + users),
            key=self.key,
            log=log,
            more=more,
        )
        self.config = stage.write(f"{name}.yaml", config)
        self.spawn()
        web.wait_until_ready(self.process, self.admin, "/readyz")

    def spawn(self) -> None:
        """Starts it, perhaps again, without waiting for anything."""
        command = [str(self.stage.programs.doorward), "run", "--config", str(self.config)]
        self.process = self.stage.start(self.name, command, self.cores)

    def login(self) -> Session:
        """Signs the user in, as a browser does."""
        form = urlencode({"username": USERNAME, "password": PASSWORD})
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.origin}
        answer = web.ask(self.port, "POST", "/login", headers, form, is_tls=self.scheme == "https")
        token = answer.cookie(COOKIE)
        if not token:
            raise Trouble(f"{self.name} lets nobody in: {answer}")
        return Session(self.key, token)

    def proxy(self, session: Session) -> Proxy:
        """This gateway as one to be measured."""
        return Proxy(self.name, self.process, self.port, session.headers)


def bare(stage: Stage, upstream: Upstream, session: Session) -> Proxy:
    """Pingora that forwards everything."""
    port = free_port()
    command = [str(stage.programs.bare), f"127.0.0.1:{port}", f"127.0.0.1:{upstream.port}", "1"]
    process = stage.start("bare", command, stage.proxy_cores)
    web.wait_until_ready(process, port, "/")
    return Proxy("bare Pingora", process, port, session.headers)


def haproxy(stage: Stage, upstream: Upstream, session: Session) -> Proxy:
    """HAProxy with the same check."""
    port = free_port()
    text = HAPROXY.format(port=port, upstream=upstream.port, cookie=COOKIE, key=session.key)
    config = stage.write("haproxy.cfg", text)
    process = stage.start("haproxy", ["haproxy", "-db", "-f", str(config)], stage.proxy_cores)
    proxy = Proxy("HAProxy", process, port, session.headers)
    web.wait_until_open(process, port)
    return proxy


def nginx(stage: Stage, upstream: Upstream, session: Session, listen: str = "") -> Proxy:
    """nginx that forwards everything. `listen` is what follows in that directive."""
    port = free_port()
    text = NGINX.format(
        folder=stage.folder, temp=temp_paths(stage.folder), port=port, upstream=upstream.port, listen=listen
    )
    config = stage.write(f"nginx-{port}.conf", text)
    process = stage.start("nginx", ["nginx", "-e", "stderr", "-c", str(config)], stage.proxy_cores)
    proxy = Proxy("nginx", process, port, session.headers)
    web.wait_until_open(process, port)
    return proxy

