"""Where the names come from: what is installed here of servers, frameworks and middlewares.

A source is one package in one version, and the files of it that are read. What is not installed
is left out, and the list that is committed says what was there when it was made.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Servers, frameworks and middlewares of Python, by the name of the folder that they are in.
PYTHON = """gunicorn uvicorn hypercorn daphne waitress werkzeug flask django starlette aiohttp tornado asgiref
quart fastapi bottle falcon pyramid webob sanic cheroot cherrypy a2wsgi python_ipware ipware
whitenoise paste radicale calibreweb cps wsgidav flask_appbuilder jupyterhub jupyter_server
rest_framework aiohttp_remotes repoze trac allauth streamlit flower ZPublisher method_override shibboleth
fastapi_ipware devpi_remote_user""".split()

NODE = """express koa proxy-addr forwarded method-override morgan serve-static request-ip http-proxy
http-proxy-middleware fastify @fastify/proxy-addr connect parseurl send finalhandler body-parser restify
koa-methodoverride koa-sslify express-sslify get-client-ip nestjs-real-ip next h3 astro @sveltejs/kit
@sveltejs/adapter-node @astrojs/vercel @astrojs/node hono @hono/node-server""".split()

# Debian's packages, and which of their files are read. A path without a star is a program.
DEBIAN = {
    "puma": ["/usr/lib/*/rubygems-integration/*/gems/puma-*/**/*.rb"],
    "ruby-rack": ["/usr/share/rubygems-integration/*/gems/rack-2*/**/*.rb"],
    "ruby-rack-protection": ["/usr/share/rubygems-integration/*/gems/rack-protection-*/**/*.rb"],
    "ruby-sinatra": ["/usr/share/rubygems-integration/*/gems/sinatra-*/**/*.rb"],
    "ruby-actionpack": ["/usr/share/rubygems-integration/*/gems/actionpack-*/**/*.rb"],
    "php-symfony-http-foundation": ["/usr/share/php/Symfony/Component/HttpFoundation/**/*.php"],
    "php-symfony-http-kernel": ["/usr/share/php/Symfony/Component/HttpKernel/**/*.php"],
    "php-laravel-framework": ["/usr/share/php/Illuminate/**/*.php"],
    "libtomcat10-java": ["/usr/share/java/tomcat10-*.jar"],
    "libjetty9-java": ["/usr/share/java/jetty9-*.jar"],
    "libspring-web-java": ["/usr/share/java/spring3-web-*.jar"],
    "nginx": ["/usr/sbin/nginx"],
    "apache2-bin": ["/usr/sbin/apache2", "/usr/lib/apache2/modules/*.so"],
    "php8.2-fpm": ["/usr/sbin/php-fpm8.2"],
}

TEXT = {".py", ".js", ".cjs", ".mjs", ".rb", ".php"}


@dataclass(frozen=True)
class File:
    """One file of a package, as the list names it."""

    package: str
    version: str
    shown: str
    path: Path


def _version_of_python(folder: Path, name: str) -> str:
    for info in folder.parent.glob("*.dist-info"):
        stem, _, version = info.name.removesuffix(".dist-info").partition("-")
        record = info / "RECORD"
        if record.exists() and f"\n{name}" in "\n" + record.read_text():
            record_has = re.search(rf"^{name}(/|\.py)", record.read_text(), re.MULTILINE)
            if record_has:
                return version
    return "?"


def _text_below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder).parts
        # A package's own tests and what it carries of others would be named in its place.
        skipped = {"test", "tests", "testing", "node_modules", "docs", "benchmarks", "types", "examples", "compiled", "static", "htdocs"}
        if path.suffix in TEXT and path.is_file() and not skipped.intersection(inner) and ".min." not in path.name:
            yield path


def python(site_packages: Path) -> Iterator[File]:
    """The files of the Python packages in a folder."""
    for name in PYTHON:
        folder = site_packages / name
        version = _version_of_python(folder, name)
        files = _text_below(folder) if folder.is_dir() else [path for path in [site_packages / f"{name}.py"] if path.is_file()]
        for path in files:
            yield File(f"pypi {name}", version, str(path.relative_to(site_packages)), path)


def node(modules: Path) -> Iterator[File]:
    """The files of the node packages."""
    for name in NODE:
        folder = modules / name
        if not folder.is_dir():
            continue
        described = (folder / "package.json").read_text()
        found = re.search(r'^\s*"version":\s*"([^"]+)"', described, re.MULTILINE)
        for path in _text_below(folder):
            yield File(f"npm {name}", found.group(1) if found else "?", str(path.relative_to(modules)), path)


def debian() -> Iterator[File]:
    """The files of Debian's packages."""
    for package, patterns in DEBIAN.items():
        asked = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True)
        if asked.returncode != 0:
            continue
        for pattern in patterns:
            for path in sorted(Path("/").glob(pattern.lstrip("/"))):
                if path.is_file() and not path.is_symlink():
                    yield File(f"debian {package}", asked.stdout, path.name if path.suffix in {".jar", ".so"} else _short(path), path)


def _short(path: Path) -> str:
    """The end of a path, from the package's own folder on."""
    text = str(path)
    for start in ("/gems/", "/vendor_ruby/", "/usr/share/php/", "/usr/sbin/"):
        if start in text:
            return text.split(start, 1)[1]
    return path.name
