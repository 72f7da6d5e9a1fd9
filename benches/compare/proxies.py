"""The others: each with one worker thread and connections that stay open on both sides."""

from __future__ import annotations

import web
from gateway import COOKIE, Session
from proxy import Proxy
from stage import Stage, free_port
from upstream import Upstream, temp_paths

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
    http-request set-var(txn.left) var(txn.token),jwt_payload_query('$.exp','int'),sub(txn.now)
    http-request deny deny_status 401 unless {{ var(txn.left) -m int gt 0 }}
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

TRAEFIK = """
http:
  routers: {{ app: {{ rule: "PathPrefix(`/`)", entryPoints: [web], service: app }} }}
  services: {{ app: {{ loadBalancer: {{ servers: [{{ url: "http://127.0.0.1:{upstream}" }}] }} }} }}
"""

CADDY = """
{{
    admin off
    auto_https off
    persist_config off
    log {{
        level ERROR
    }}
}}
http://127.0.0.1:{port} {{
    reverse_proxy 127.0.0.1:{upstream}
}}
"""

DRESSED = "bare Pingora, same headers"


def bare(stage: Stage, upstream: Upstream, session: Session, dressed: bool = False) -> Proxy:
    """Pingora that forwards everything; dressed: with the headers that Doorward edits."""
    port = free_port()
    command = [stage.programs.built("bare"), f"127.0.0.1:{port}", f"127.0.0.1:{upstream.port}", "1"]
    process = stage.start("bare", command + ["dressed"] * dressed, stage.proxy_cores)
    web.wait_until_ready(process, port, "/")
    return Proxy(DRESSED if dressed else "bare Pingora", process, port, session.headers)


def haproxy(stage: Stage, upstream: Upstream, session: Session) -> Proxy:
    """HAProxy with the same check."""
    port = free_port()
    text = HAPROXY.format(port=port, upstream=upstream.port, cookie=COOKIE, key=session.key)
    config = stage.write("haproxy.cfg", text)
    return started(stage, "HAProxy", ["haproxy", "-db", "-f", str(config)], port, session)


def nginx(stage: Stage, upstream: Upstream, session: Session, listen: str = "") -> Proxy:
    """nginx that forwards everything. `listen` is what follows in that directive."""
    port = free_port()
    text = NGINX.format(
        folder=stage.folder, temp=temp_paths(stage.folder), port=port, upstream=upstream.port, listen=listen
    )
    config = stage.write(f"nginx-{port}.conf", text)
    return started(stage, "nginx", ["nginx", "-e", "stderr", "-c", str(config)], port, session)


def traefik(stage: Stage, upstream: Upstream, session: Session) -> Proxy:
    """Traefik that forwards everything."""
    port = free_port()
    routes = stage.write("routes.yaml", TRAEFIK.format(upstream=upstream.port))
    command = [
        *go("traefik", stage),
        f"--entryPoints.web.address=127.0.0.1:{port}",
        f"--providers.file.filename={routes}",
        "--providers.file.watch=false",
        "--global.checkNewVersion=false",
        "--global.sendAnonymousUsage=false",
        "--log.level=ERROR",
    ]
    proxy = started(stage, "Traefik, no check", command, port, session)
    web.wait_until_ready(proxy.process, port, "/")
    return proxy


def caddy(stage: Stage, upstream: Upstream, session: Session) -> Proxy:
    """Caddy that forwards everything."""
    port = free_port()
    config = stage.write("Caddyfile", CADDY.format(port=port, upstream=upstream.port))
    command = [*go("caddy", stage), "run", "--adapter", "caddyfile", "--config", str(config)]
    return started(stage, "Caddy, no check", command, port, session)


def go(name: str, stage: Stage) -> list[str]:
    """The begin of a command of a program in Go, which has one thread for its work and writes into our folder."""
    settings = ["GOMAXPROCS=1", f"HOME={stage.folder}", f"XDG_DATA_HOME={stage.folder}", f"XDG_CONFIG_HOME={stage.folder}"]
    return ["env", *settings, stage.proxy_program(name)]


def started(stage: Stage, name: str, command: list[str], port: int, session: Session) -> Proxy:
    """A proxy that listens."""
    process = stage.start(name, command, stage.proxy_cores)
    web.wait_until_open(process, port)
    return Proxy(name, process, port, session.headers)
