"""nginx, HAProxy, Apache and Caddy as plain reverse proxies.

Each runs once and listens on several ports, each with an app of its own. They pass on what they
read with as little of their own as they can be told to: the client's Host, the path as it came,
connections to the app that stay open.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from programs import Program, Trouble, program

Routes = list[tuple[int, int]]

NGINX = """
daemon off; master_process off; error_log stderr error; pid {folder}/nginx.pid;
events {{ worker_connections 1000; }}
http {{
    access_log off; {temp} keepalive_requests 100000;
    {routes}
}}
"""
NGINX_ROUTE = """
    upstream app{to} {{ server 127.0.0.1:{to}; keepalive 8; }}
    server {{
        listen 127.0.0.1:{listen};
        location / {{
            proxy_pass http://app{to}; proxy_http_version 1.1;
            proxy_set_header Connection ""; proxy_set_header Host $http_host;
        }}
    }}
"""

HAPROXY = """
global
    nbthread 1
    maxconn 1000
defaults
    mode http
    timeout connect 5s
    timeout client 20s
    timeout server 20s
    timeout http-request 20s
    http-reuse always
{routes}
"""
HAPROXY_ROUTE = """
listen to{to}
    bind 127.0.0.1:{listen}
    server app 127.0.0.1:{to}
"""

APACHE = """
ServerRoot {folder}
ServerName peer.test
PidFile {folder}/apache.pid
DefaultRuntimeDir {folder}
Mutex file:{folder}
ErrorLog {folder}/apache.log
{modules}
{user}
StartServers 1
ServerLimit 1
ThreadsPerChild 32
MaxRequestWorkers 32
KeepAliveTimeout 20
MaxKeepAliveRequests 0
{routes}
"""
APACHE_MODULES = ["mpm_event", "authz_core", "proxy", "proxy_http"]
APACHE_ROUTE = """
Listen 127.0.0.1:{listen}
<VirtualHost 127.0.0.1:{listen}>
    AllowEncodedSlashes NoDecode
    ProxyPreserveHost On
    ProxyPass / http://127.0.0.1:{to}/ nocanon
</VirtualHost>
"""

CADDY = """
{{
    admin off
    auto_https off
    persist_config off
    log {{
        output stderr
        level ERROR
    }}
}}
{routes}
"""
CADDY_ROUTE = """
http://:{listen} {{
    bind 127.0.0.1
    reverse_proxy 127.0.0.1:{to}
}}
"""


@dataclass(frozen=True)
class Peer:
    """One kind of proxy."""

    name: str
    start: Callable[[Path, Routes, Path | None], Program]


def lines(template: str, routes: Routes) -> str:
    """The part of a configuration that repeats."""
    return "".join(template.format(listen=listen, to=to) for listen, to in routes)


def write(path: Path, text: str) -> str:
    """A configuration file."""
    path.write_text(text)
    return str(path)


def nginx(folder: Path, routes: Routes, _: Path | None) -> Program:
    """nginx."""
    kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    temp = " ".join(f"{kind}_temp_path {folder}/nginx-{kind};" for kind in kinds)
    text = NGINX.format(folder=folder, temp=temp, routes=lines(NGINX_ROUTE, routes))
    config = write(folder / "nginx.conf", text)
    return Program("nginx", [program("nginx"), "-e", "stderr", "-c", config], folder / "nginx.log")


def haproxy(folder: Path, routes: Routes, _: Path | None) -> Program:
    """HAProxy."""
    config = write(folder / "haproxy.cfg", HAPROXY.format(routes=lines(HAPROXY_ROUTE, routes)))
    return Program("haproxy", [program("haproxy"), "-db", "-f", config], folder / "haproxy.log")


def apache(folder: Path, routes: Routes, _: Path | None) -> Program:
    """Apache, with nothing but mod_proxy."""
    where = [Path("/usr/lib/apache2/modules"), Path("/usr/lib64/httpd/modules"), Path("/usr/lib/httpd/modules")]
    found = next((one for one in where if one.is_dir()), None)
    if found is None:
        raise Trouble("the modules of Apache are not where they are looked for")
    modules = "\n".join(f"LoadModule {one}_module {found}/mod_{one}.so" for one in APACHE_MODULES)
    # Apache refuses to serve as root, and nobody else may choose.
    user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
    text = APACHE.format(folder=folder, modules=modules, user=user, routes=lines(APACHE_ROUTE, routes))
    config = write(folder / "apache.conf", text)
    return Program("apache", [program("apache2"), "-D", "FOREGROUND", "-f", config], folder / "apache.out")


def caddy(folder: Path, routes: Routes, where: Path | None) -> Program:
    """Caddy, from the search path or the place that was named."""
    config = write(folder / "Caddyfile", CADDY.format(routes=lines(CADDY_ROUTE, routes)))
    command = [str(where) if where else program("caddy"), "run", "--config", config, "--adapter", "caddyfile"]
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "GOMAXPROCS": "1"}
    return Program("caddy", command, folder / "caddy.log", home)


PEERS = [Peer("nginx", nginx), Peer("haproxy", haproxy), Peer("apache", apache), Peer("caddy", caddy)]
