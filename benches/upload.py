"""How long an upload takes over HTTP/2 and over HTTP/1.1 through a line with a delay.

Starts a gateway with TLS before an app that reads what it is sent, and a relay that hands on
every byte so many milliseconds after it came, in each direction, and takes any number of bytes
meanwhile. So nothing but the gateway's own windows makes a client wait for a round trip, which
is the worst case for HTTP/2: a real line has windows of TCP, too, for both. curl uploads, over
a connection of its own each time, in turn over either version, and the time is curl's, from the
begin of the connection to the end of the answer.

Needs curl and openssl. Listens on the loopback only, and leaves nothing behind.
"""

from __future__ import annotations

import argparse
import asyncio
import http.server
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

CONFIG = """
listen: 127.0.0.1:{port}
upstream: http://127.0.0.1:{app}
public_url: {origin}
data_dir: {dir}/data
admin: {{ listen: 127.0.0.1:{admin} }}
tls: {{ cert: {dir}/cert.pem, key: {dir}/key.pem }}
default_access: public
log: {{ level: error }}
"""
PIECE = 64 * 1024
PATIENCE = 120


class App(http.server.BaseHTTPRequestHandler):
    """Reads a body and says how long it was."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        left = length = int(self.headers["Content-Length"])
        while left > 0:
            left -= len(self.rfile.read(min(left, PIECE)))
        said = str(length).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


async def hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Hands on what comes, each piece so much later."""
    due: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def hand_out() -> None:
        while True:
            when, piece = await due.get()
            await asyncio.sleep(max(0.0, when - time.monotonic()))
            if not piece:
                break
            writer.write(piece)
            await writer.drain()
        writer.close()

    out = asyncio.create_task(hand_out())
    try:
        piece = b"begin"
        while piece:
            piece = await reader.read(PIECE)
            due.put_nowait((time.monotonic() + delay, piece))
        await out
    except OSError:
        out.cancel()
        writer.close()


def relay(port: int, target: int, delay: float) -> None:
    """Serves for ever, in this thread."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The three packets of TCP's own handshake, of which the client sees nothing here.
        await asyncio.sleep(2 * delay)
        other_reader, other_writer = await asyncio.open_connection("127.0.0.1", target)
        await asyncio.gather(hand_on(reader, other_writer, delay), hand_on(other_reader, writer, delay))

    async def serve() -> None:
        server = await asyncio.start_server(connection, "127.0.0.1", port, limit=PIECE)
        await server.serve_forever()

    asyncio.run(serve())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port: int) -> None:
    """Waits until somebody listens there."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def upload(origin: str, body: Path, version: str) -> float:
    """The seconds of one upload."""
    command = ["curl", "--silent", "--show-error", "--insecure", "--proxy", "", "--max-time", str(PATIENCE)]
    # No wait for a 100, which curl asks for over HTTP/1.1 alone.
    command += [version, "--header", "Expect:", "--header", f"Origin: {origin}"]
    command += ["--data-binary", f"@{body}", "--write-out", "\n%{http_version} %{http_code} %{time_total}", f"{origin}/"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    taken, told = done.stdout.rsplit("\n", 1)
    spoken, code, seconds = told.split()
    expected = "2" if version == "--http2" else "1.1"
    if (spoken, code, taken) != (expected, "200", str(body.stat().st_size)):
        sys.exit(f"{version}: {done.stdout!r}")
    return float(seconds)


def told(times: list[float]) -> str:
    return f"median {statistics.median(times):.3f} s ({min(times):.3f} to {max(times):.3f} s)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--doorward", default="target/debug/doorward", help="the program")
    parser.add_argument("--delay", type=float, default=50, help="milliseconds in each direction")
    parser.add_argument("--mib", type=float, default=8, help="how much is uploaded")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--most", type=float, default=2, help="the ratio above which this fails")
    options = parser.parse_args()

    app = http.server.ThreadingHTTPServer(("127.0.0.1", 0), App)
    threading.Thread(target=app.serve_forever, daemon=True).start()
    port, admin, line = free_port(), free_port(), free_port()
    threading.Thread(target=relay, args=(line, port, options.delay / 1000), daemon=True).start()
    origin = f"https://127.0.0.1:{line}"
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
            + ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
            + ["-addext", "basicConstraints=critical,CA:FALSE"]
            + ["-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"],
            check=True,
            capture_output=True,
        )
        os.chmod(f"{folder}/key.pem", 0o600)
        config = Path(folder, "doorward.yaml")
        config.write_text(CONFIG.format(port=port, app=app.server_port, origin=origin, admin=admin, dir=folder))
        body = Path(folder, "body")
        body.write_bytes(os.urandom(int(options.mib * 1024 * 1024)))
        gateway = subprocess.Popen([options.doorward, "run", "--config", str(config)])
        try:
            wait_for(port)
            wait_for(line)
            versions = ["--http2", "--http1.1"]
            times: dict[str, list[float]] = {version: [] for version in versions}
            for turn in range(-1, options.rounds):
                for version in versions if turn % 2 else reversed(versions):
                    took = upload(origin, body, version)
                    # The first round warms up.
                    if turn >= 0:
                        times[version].append(took)
        finally:
            gateway.terminate()
            gateway.wait()
    two, one = times["--http2"], times["--http1.1"]
    ratios = [a / b for a, b in zip(two, one)]
    ratio = statistics.median(ratios)
    print(f"{options.mib:g} MiB through a line of {options.delay:g} ms each way, {options.rounds} rounds")
    print(f"HTTP/2:   {told(two)}")
    print(f"HTTP/1.1: {told(one)}")
    print(f"HTTP/2 / HTTP/1.1, in each round: median {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    if ratio > options.most:
        sys.exit(f"above {options.most:g}")


if __name__ == "__main__":
    main()
