"""Reads the sources of servers, frameworks and middlewares and lists the header names in them.

    python3 -B tests/behind/names/collect.py FOLDER... >tests/behind/names/names.tsv

A folder is a `site-packages` or a `node_modules`; Debian's packages are found by themselves.

One name a line with where it was found first: a name that a program has in its source is one
that it may act on. Too many is harmless, since each is only one more header for the generator;
too few is not, so a text that looks like a header name is taken as one.
"""

from __future__ import annotations

import http
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import sources

NAME = r"[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)+"
# As CGI, WSGI, Rack and PHP call a header.
FOLDED = re.compile(r"""['"]HTTP_([A-Z][A-Z0-9_]+)['"]""")
# What a gateway interface says about a request beside its headers. A server that puts headers
# into the same table without a prefix, or lets them take its place, makes a header of it.
VARIABLE = re.compile(
    r"""['"]((?:SCRIPT|PATH|REMOTE|SERVER|REQUEST|QUERY|AUTH|SSL|REDIRECT|HTTPS|ORIG|UNENCODED|IIS|RAW|CONTEXT"""
    r"""|DOCUMENT|GATEWAY|X|URI|URL|PHP|LOCAL)(?:_[A-Z0-9]+)*)['"]"""
)
VARIABLE_AROUND = re.compile(r"environ|\benv\b|META|_SERVER|server|->get|\$server", re.IGNORECASE)
X_NAME = re.compile(rf"""['"`]([Xx]-{NAME[len('[A-Za-z]'):]}|[Xx]-[A-Za-z0-9]+)['"`]""")
LITERAL = re.compile(rf"""['"`]({NAME})['"`]""")
LITERAL_AROUND = re.compile(r"header|req\.get|request\.get|META", re.IGNORECASE)

# In programs and classes texts stand without quotes, so only those are taken that say what they are.
IN_BINARY = re.compile(
    rb"(?<![A-Za-z0-9_-])(?:([Xx]-[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*)|HTTP_([A-Z][A-Z0-9_]+)"
    rb"|((?:SCRIPT|PATH|REMOTE|REQUEST|QUERY|AUTH|SSL_CLIENT|REDIRECT|ORIG|CONTEXT|DOCUMENT|PHP_AUTH)_[A-Z0-9_]+"
    rb"|SERVER_(?:NAME|PORT|ADDR|PROTOCOL)|PHP_(?:ADMIN_)?VALUE)"
    rb"|((?:[Ff]orwarded|Front-End-Https|Client-IP|Destination|WL-Proxy-[A-Za-z-]+|ssl_client_[a-z]+"
    rb"|[Tt]rue-[Cc]lient-[Ii][Pp]|[Pp]roxy-auth-cert|[Pp]roxy-ssl-id)))(?![A-Za-z0-9_-])"
)

# Not names of headers, although they look like it: media types, character sets and languages.
NOT_A_NAME = re.compile(
    r"^((ui|aria|data)-.*|utf-\d+|latin-1|us-ascii|[a-z]{2}-[a-z]{2}"
    r"|x-(www-form-urlencoded|gzip|compress|bzip2|icon|javascript|msdownload|tar|troff|xz|.*mix.*|shockwave.*)"
    r"|(x-)?(ibm|mac|iso|euc|ms\d|mswin|windows|utf|big5|jis|sjis|pck|johab|iscii|us-ascii|compound-t|koi8)[a-z0-9-]*)$",
    re.IGNORECASE,
)
# The reasons of statuses, which servers have in tables.
REASONS = {re.sub(r"[^a-z]+", "-", status.phrase.lower()) for status in http.HTTPStatus}


def in_text(text: str) -> Iterator[str]:
    """The names in a source file."""
    for line in text.splitlines():
        for found in FOLDED.finditer(line):
            yield found.group(1).replace("_", "-").title()
        for found in X_NAME.finditer(line):
            yield found.group(1).title()
        if LITERAL_AROUND.search(line):
            for found in LITERAL.finditer(line):
                if "-" in found.group(1):
                    yield found.group(1).title()
        if VARIABLE_AROUND.search(line):
            for found in VARIABLE.finditer(line):
                yield found.group(1)


def in_binary(data: bytes) -> Iterator[str]:
    """The names in a program, a module or a class."""
    for found in IN_BINARY.finditer(data):
        name, folded, variable, other = (part.decode() if part else "" for part in found.groups())
        if folded:
            yield folded.strip("_").replace("_", "-").title()
        else:
            yield variable or (name or other).title()


def in_file(file: sources.File) -> Iterator[tuple[str, str]]:
    """The names in a file, each with the file that it is in, or the member of the archive."""
    if file.path.suffix == ".jar":
        with zipfile.ZipFile(file.path) as jar:
            for member in sorted(jar.namelist()):
                if member.endswith(".class"):
                    for name in in_binary(jar.read(member)):
                        yield name, f"{file.shown}!{member}"
    elif file.path.suffix in sources.TEXT:
        for name in in_text(file.path.read_text(errors="replace")):
            yield name, file.shown
    else:
        for name in in_binary(file.path.read_bytes()):
            yield name, file.shown


def main() -> None:
    folders = [Path(argument) for argument in sys.argv[1:]]
    first: dict[str, tuple[str, str]] = {}
    packages: dict[str, None] = {}
    kinds = [sources.node(folder) if folder.name == "node_modules" else sources.python(folder) for folder in folders]
    for files in (*kinds, sources.debian()):
        for file in files:
            packages[f"{file.package} {file.version}"] = None
            for name, where in in_file(file):
                if len(name) <= 60 and not NOT_A_NAME.match(name) and name.lower() not in REASONS:
                    first.setdefault(name.lower(), (name, f"{file.package} {file.version}: {where}"))
    print("# Header names in the sources of these, made by collect.py: name, where it was found first.")
    for package in packages:
        print(f"# {package}")
    for _, (name, origin) in sorted(first.items()):
        print(f"{name}\t{origin}")


if __name__ == "__main__":
    main()
