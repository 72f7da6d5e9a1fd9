"""The servers and frameworks, each configured as people run it behind a proxy on the same machine."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stage import Stage, free_port

APPS = Path(__file__).parent / "apps"
TOMCAT = Path("/usr/share/tomcat10")
COMPILER = Path("/usr/share/java/eclipse-jdt-core.jar")
# Doorward, and the proxy in front of it that some requests come through.
PROXIES = "127.0.0.1,127.0.0.3"


@dataclass(frozen=True)
class Server:
    """One of them, and what its documentation says of how it reads a request.

    `client` is `forwarded` where it takes the client from `X-Forwarded-For`, else `peer`.
    `folds` has what it does to every path before any app sees it: `semicolon` cuts parameters
    off segments, `slashes` makes one of several (`leading`: only those at the begin), `dots` takes
    a dot segment out, `method` makes capitals of a method's letters. `patience` is how long the
    gateway waits for it, short for one that never answers what it cannot read.
    """

    start: Callable[[Stage, int], None]
    client: str = "forwarded"
    folds: tuple[str, ...] = ()
    share: float = 1.0
    patience: str = "8s"


def _python(module: str, *arguments: str, env: dict[str, str] | None = None) -> Callable[[Stage, int], None]:
    def start(stage: Stage, port: int) -> None:
        given = [argument.format(port=port) for argument in arguments]
        stage.start(module, [stage.python(), "-m", module, *given], {"PYTHONPATH": str(APPS)} | (env or {}))

    return start


def _tornado(stage: Stage, port: int) -> None:
    stage.start("tornado", [stage.python(), APPS / "tornado_app.py", str(port)])


def _waitress(stage: Stage, port: int) -> None:
    trusted = "--trusted-proxy=127.0.0.1 --trusted-proxy-count=1 --clear-untrusted-proxy-headers"
    headers = "--trusted-proxy-headers=x-forwarded-for x-forwarded-proto x-forwarded-host"
    command = [stage.python(), "-m", "waitress", f"--listen=127.0.0.1:{port}", *trusted.split(), headers, "flask_app:app"]
    stage.start("waitress", command, {"PYTHONPATH": str(APPS), "BEHIND": "script_name"})


def _node(app: str) -> Callable[[Stage, int], None]:
    def start(stage: Stage, port: int) -> None:
        modules = stage.must_be(stage.tools / "node_modules")
        stage.start(app, [stage.program("node"), APPS / f"{app}.js", str(port)], {"NODE_PATH": str(modules)})

    return start


PHP_FPM = """
[global]
error_log = {folder}/php.log
daemonize = no
[www]
listen = {folder}/php.sock
listen.mode = 0666
{user}
pm = static
pm.max_children = 2
security.limit_extensions = .php
php_admin_value[cgi.fix_pathinfo] = 1
"""

# The usual front controller, which only nginx itself may name, and a program that takes what comes
# after its own name as PATH_INFO.
NGINX = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log error;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    fastcgi_temp_path {folder}/fastcgi;
    proxy_temp_path {folder}/proxy;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {root};
        keepalive_requests 1000000;
        fastcgi_buffer_size 64k;
        fastcgi_buffers 8 64k;
        location / {{ try_files $uri /index.php$is_args$args; }}
        location = /index.php {{
            internal;
            fastcgi_pass unix:{folder}/php.sock;
            include {params};
            fastcgi_param SCRIPT_NAME /index.php;
            fastcgi_param SCRIPT_FILENAME $document_root/index.php;
        }}
        location ~ [^/]\\.php(/|$) {{
            fastcgi_split_path_info ^(.+?\\.php)(/.*)$;
            try_files $fastcgi_script_name =404;
            set $rest $fastcgi_path_info;
            fastcgi_pass unix:{folder}/php.sock;
            include {params};
            fastcgi_param SCRIPT_NAME $fastcgi_script_name;
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_param PATH_INFO $rest;
        }}
    }}
}}
"""

FASTCGI = (
    "QUERY_STRING $query_string; REQUEST_METHOD $request_method; CONTENT_TYPE $content_type;"
    " CONTENT_LENGTH $content_length; REQUEST_URI $request_uri; DOCUMENT_URI $document_uri;"
    " DOCUMENT_ROOT $document_root; SERVER_PROTOCOL $server_protocol; REQUEST_SCHEME $scheme; GATEWAY_INTERFACE CGI/1.1;"
    " REMOTE_ADDR $remote_addr; REMOTE_PORT $remote_port; SERVER_ADDR $server_addr; SERVER_PORT $server_port;"
    " SERVER_NAME $server_name; REDIRECT_STATUS 200"
)


def _php(stage: Stage, port: int) -> None:
    root = stage.folder / "www"
    for page in ("index.php", "tool.php", "admin/tool.php"):
        stage.write(f"www/{page}", (APPS / "index.php").read_text())
    as_root = Path("/proc/self").owner() == "root"
    params = stage.write("params", "".join(f"fastcgi_param {line.strip()};\n" for line in FASTCGI.split(";")))
    pool = stage.write("php.conf", PHP_FPM.format(folder=stage.folder, user="user = nobody\ngroup = nogroup" if as_root else ""))
    user = "user nobody nogroup;" if as_root else ""
    config = stage.write("nginx.conf", NGINX.format(folder=stage.folder, port=port, root=root, params=params, user=user))
    fpm = next((name for name in ("php-fpm8.2", "php-fpm8.4", "php-fpm8.3", "php-fpm") if _is_there(stage, name)), "php-fpm")
    stage.start("php-fpm", [stage.program(fpm), "-n", "-y", pool, "-F"])
    stage.wait_until("php-fpm", (stage.folder / "php.sock").exists)
    stage.start("nginx", [stage.program("nginx"), "-e", stage.folder / "nginx.log", "-p", stage.folder, "-c", config])


def _is_there(stage: Stage, name: str) -> bool:
    try:
        return bool(stage.program(name))
    except Exception:
        return False


APACHE = """
ServerRoot {folder}
Listen 127.0.0.1:{port}
ServerName localhost
PidFile {folder}/httpd.pid
ErrorLog {folder}/httpd.log
Mutex file:{folder}
{user}
{modules}
RemoteIPHeader X-Forwarded-For
RemoteIPInternalProxy 127.0.0.1
AllowEncodedSlashes On
MaxKeepAliveRequests 0
KeepAliveTimeout 30
LimitRequestFieldSize 32768
ScriptAlias / {script}/
<Directory />
    Require all granted
    Options +ExecCGI
    AllowOverride None
</Directory>
{routes}
"""


def _apache(stage: Stage, port: int) -> None:
    modules = stage.must_be(Path("/usr/lib/apache2/modules"))
    names = "mpm_event authz_core alias cgid env remoteip".split()
    loaded = "".join(f"LoadModule {name}_module {modules}/mod_{name}.so\n" for name in names)
    script = stage.write("app.pl", (APPS / "app.pl").read_text())
    script.chmod(0o755)
    as_root = Path("/proc/self").owner() == "root"
    user = "User nobody\nGroup nogroup" if as_root else ""
    sections = "".join(f"<Location /{name}>\n    SetEnv ROUTE {name}\n</Location>\n" for name in ("admin", "public", "static", "files"))
    text = APACHE.format(folder=stage.folder, port=port, user=user, modules=loaded + f"ScriptSock {stage.folder}/cgid.sock", script=script, routes=sections)
    stage.start("apache2", [stage.program("apache2"), "-DFOREGROUND", "-f", stage.write("httpd.conf", text)])


def _puma(stage: Stage, port: int) -> None:
    command = [stage.program("puma"), "-C", "-", "-e", "production", "-t", "2:2", "-b", f"tcp://127.0.0.1:{port}", APPS / "config.ru"]
    stage.start("puma", command)


TOMCAT_SERVER = """<?xml version="1.0" encoding="UTF-8"?>
<Server port="-1">
  <Service name="Catalina">
    <Connector address="127.0.0.1" port="{port}" protocol="HTTP/1.1" maxKeepAliveRequests="-1" maxHttpHeaderSize="65536"/>
    <Engine name="Catalina" defaultHost="localhost">
      <Host name="localhost" appBase="webapps" autoDeploy="false">
        <Valve className="org.apache.catalina.valves.RemoteIpValve" hostHeader="X-Forwarded-Host"
               internalProxies="127\\.0\\.0\\.1" remoteIpHeader="X-Forwarded-For" protocolHeader="X-Forwarded-Proto"/>
      </Host>
    </Engine>
  </Service>
</Server>
"""

WEB_APP = '<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0">{}</web-app>'
SERVLET = """
  <servlet><servlet-name>{name}</servlet-name><servlet-class>Answer</servlet-class>
    <init-param><param-name>route</param-name><param-value>{name}</param-value></init-param></servlet>
  <servlet-mapping><servlet-name>{name}</servlet-name><url-pattern>{pattern}</url-pattern></servlet-mapping>
"""


def _tomcat(stage: Stage, port: int) -> None:
    java = stage.program("java")
    stage.must_be(TOMCAT / "lib")
    base = stage.folder / "tomcat"
    inside = base / "webapps/ROOT/WEB-INF"
    for part in ("temp", "work", "logs", "webapps/ROOT/WEB-INF/classes", "conf"):
        (base / part).mkdir(parents=True)
    stage.write("tomcat/conf/server.xml", TOMCAT_SERVER.format(port=port))
    stage.write("tomcat/conf/web.xml", WEB_APP.format(""))
    # Tomcat brings the compiler with it that it makes servlets of pages with.
    compiler = [java, "-cp", stage.must_be(COMPILER), "org.eclipse.jdt.internal.compiler.batch.Main"]
    made = [*compiler, "-17", "-nowarn", "-proc:none", "-cp", TOMCAT / "lib/servlet-api.jar", "-d", inside / "classes", APPS / "Answer.java"]
    subprocess.run(made, check=True, timeout=120)
    routes = [(name, f"/{name}/*") for name in ("admin", "public", "static", "files")] + [("other", "/*")]
    servlets = "".join(SERVLET.format(name=name, pattern=pattern) for name, pattern in routes)
    (inside / "web.xml").write_text(WEB_APP.format(servlets))
    classes = ":".join(str(TOMCAT / "bin" / jar) for jar in ("bootstrap.jar", "tomcat-juli.jar"))
    options = [f"-Dcatalina.home={TOMCAT}", f"-Dcatalina.base={base}", f"-Djava.io.tmpdir={base}/temp", "-Xmx256m", "-XX:TieredStopAtLevel=1"]
    stage.start("tomcat", [java, *options, "-cp", classes, "org.apache.catalina.startup.Bootstrap", "start"])


SERVERS: dict[str, Server] = {
    "gunicorn": Server(
        _python(
            "gunicorn", "--bind=127.0.0.1:{port}", "--workers=1", "--threads=4", "--worker-class=gthread", "--keep-alive=60",
            f"--forwarded-allow-ips={PROXIES}", "--no-control-socket", "flask_app:app", env={"BEHIND": "script_name"}
        ),
        client="peer",
        folds=("leading",),
    ),
    "gunicorn-django": Server(
        _python(
            "gunicorn", "--bind=127.0.0.1:{port}", "--workers=1", "--threads=4", "--worker-class=gthread", "--keep-alive=60",
            f"--forwarded-allow-ips={PROXIES}", "--no-control-socket", "django_app:application"
        ),
        client="peer",
    ),
    "uvicorn": Server(
        _python("uvicorn", "--port={port}", "--log-level=error", "--proxy-headers", f"--forwarded-allow-ips={PROXIES}", "starlette_app:app")
    ),
    "daphne": Server(_python("daphne", "-p", "{port}", "-v", "0", "--proxy-headers", "django_app:asgi"), folds=("method",), share=0.5),
    "hypercorn": Server(
        _python("hypercorn", "--bind=127.0.0.1:{port}", "--log-level=error", "--keep-alive=60", "starlette_app:app", env={"BEHIND": "hypercorn"}),
        folds=("method",),
    ),
    "waitress": Server(_waitress, folds=("leading",)),
    "tornado": Server(_tornado),
    "werkzeug": Server(
        _python(
            "gunicorn", "--bind=127.0.0.1:{port}", "--workers=1", "--threads=4", "--worker-class=gthread", "--keep-alive=60",
            f"--forwarded-allow-ips={PROXIES}", "--no-control-socket", "flask_app:app", env={"BEHIND": "proxy_fix"}
        ),
        folds=("leading",),
    ),
    "express": Server(_node("express_app")),
    "koa": Server(_node("koa_app")),
    "php": Server(_php, folds=("slashes", "dots")),
    "apache": Server(_apache, folds=("slashes", "dots"), share=0.3),
    "puma": Server(_puma, patience="1s"),
    "tomcat": Server(_tomcat, folds=("semicolon", "slashes", "dots")),
}


def start(stage: Stage, name: str) -> int:
    """Starts a server; its port."""
    port = free_port()
    SERVERS[name].start(stage, port)
    stage.wait_for_port(port)
    return port
