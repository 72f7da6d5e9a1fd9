"""What stands around the gateway: an app with and without TLS, names, a Redis, and a browser."""

import http.client
import http.server
import json
import os
import socket
import ssl
import subprocess
import threading
import time


class App(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = f"hello {self.headers.get('x-user-name')}".encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class OnSocket(http.server.ThreadingHTTPServer):
    address_family = socket.AF_UNIX

    def server_bind(self):
        self.socket.bind(self.server_address)
        os.chmod(self.server_address, 0o666)

    def get_request(self):
        return self.socket.accept()[0], ("unix", 0)


def app(place, certificate=None):
    """An app on a port, or on the path of a socket."""
    server = OnSocket(place, App) if isinstance(place, str) else http.server.ThreadingHTTPServer(("127.0.0.1", place), App)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def certificate(folder, name):
    """A certificate for a name, its key, and the certificate of the authority that issued it."""
    paths = [os.path.join(folder, file) for file in ("cert.pem", "key.pem", "ca.pem", "ca-key.pem")]
    cert, key, ca, ca_key = paths
    request = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    issuer = [*request, "-subj", "/CN=Authority of a test", "-out", ca, "-keyout", ca_key]
    issued = [*request, "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-addext", "basicConstraints=critical,CA:FALSE",
              "-CA", ca, "-CAkey", ca_key, "-out", cert, "-keyout", key]
    for command in (issuer, issued):
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return cert, key, ca


def names(known):
    """A name server on 127.0.0.1:53 that knows these IPv4 names and no others."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))

    def serve():
        while True:
            query, client = server.recvfrom(512)
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1 : at + 1 + query[at]].decode())
                at += 1 + query[at]
            question, kind = query[12 : at + 5], query[at + 1 : at + 3]
            address = known.get(".".join(labels).lower())
            answer = b""
            if address and kind == b"\0\1":
                answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(address)
            flags = b"\x81\x80" if address else b"\x81\x83"
            count = b"\0\1" if answer else b"\0\0"
            server.sendto(query[:2] + flags + b"\0\1" + count + b"\0\0\0\0" + question + answer, client)

    threading.Thread(target=serve, daemon=True).start()


def redis(folder, port):
    server = subprocess.Popen(["redis-server", "--port", str(port), "--dir", folder, "--save", ""], stdout=subprocess.DEVNULL)
    until("Redis", lambda: socket.create_connection(("127.0.0.1", port)).close() is None)
    return server


def until(what, works, patience=120):
    end = time.monotonic() + patience
    while True:
        try:
            if works():
                return
        except OSError:
            pass
        if time.monotonic() > end:
            raise SystemExit(f"image-test: {what} does not come in {patience} s")
        time.sleep(0.2)


def ask(method, path, body=None, cookie=None, port=8080):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"origin": f"http://127.0.0.1:{port}"}
    if body is not None:
        headers["content-type"], body = "application/json", json.dumps(body)
    if cookie:
        headers["cookie"] = cookie
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer, answer.read()


def sign_in(password):
    answer, body = ask("POST", "/login", {"username": "alice", "password": password})
    if answer.status != 200:
        raise SystemExit(f"image-test: signing in answers {answer.status}: {body.decode()}")
    cookies = [value.split(";")[0] for name, value in answer.getheaders() if name.lower() == "set-cookie"]
    return "; ".join(cookies)
