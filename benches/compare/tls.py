"""TLS: full handshakes, and requests over HTTP/2, beside nginx with the same certificate."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import proxies
from effort import Effort, Outcome
from figures import ratios
from gateway import Doorward
from process import Trouble, finished
from proxy import Proxy
from report import table, whole
from rounds import each, interleaved, middle
from stage import Stage, program
from upstream import Upstream

# A client's part of a handshake is more work than a server's, so several take turns.
CLIENTS = 4
# 32 requests at once, as over HTTP/1.1.
H2_CONNECTIONS, H2_STREAMS = 4, 8


@dataclass(frozen=True)
class Sample:
    """One proxy in one round: handshakes, or requests."""

    per_second: float
    cpu_us: float


def run(stage: Stage, effort: Effort) -> Outcome:
    """Both kinds of load on both proxies."""
    cert, key = certificate(stage)
    upstream = Upstream(stage, stage.load_cores)
    doorward = gateway(stage, upstream, cert, key)
    session = doorward.login()
    listen = f"ssl http2; ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {cert}; ssl_certificate_key {key}"
    subjects = {
        "Doorward": doorward.proxy(session),
        "nginx": proxies.nginx(stage, upstream, session, listen=listen),
    }
    greetings = interleaved(effort.rounds, subjects, lambda proxy: handshakes(stage, proxy, effort.seconds))
    asked = interleaved(effort.rounds, subjects, lambda proxy: requests(stage, upstream, proxy, effort.seconds))
    rows = []
    for name in subjects:
        cells = [f"{middle(taken[name], 'cpu_us'):.1f}" for taken in (greetings, asked)]
        shakes, rate = (whole(middle(taken[name], "per_second")) for taken in (greetings, asked))
        rows.append([name, shakes, cells[0], rate, cells[1]])
    heads = [stage.pinned(), "full handshakes/s", "CPU µs a handshake", "requests/s over h2", "CPU µs a request"]
    lines = [table(heads, rows)]
    for what, taken in [("handshake", greetings), ("request over h2", asked)]:
        ratio = ratios(each(taken["Doorward"], "cpu_us"), each(taken["nginx"], "cpu_us"))
        lines.append(f"CPU a {what}, Doorward / nginx: {ratio.median:.3f} ({ratio.text()}).")
    return Outcome(lines)


def gateway(stage: Stage, upstream: Upstream, cert: Path, key: Path) -> Doorward:
    """Doorward with this certificate."""
    settings = f"tls: {{ cert: {cert}, key: {key} }}"
    return Doorward(stage, "Doorward over TLS", upstream, more=settings, scheme="https", cores=stage.proxy_cores)


def certificate(stage: Stage) -> tuple[Path, Path]:
    """ECDSA P-256, signed by itself."""
    cert, key = stage.write("tls.crt", ""), stage.write("tls.key", "")
    command = [program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    done = finished([*command, "-keyout", str(key), "-out", str(cert)], 60)
    if done.returncode != 0:
        raise Trouble(f"openssl made no certificate: {done.stderr}")
    return cert, key


def handshakes(stage: Stage, proxy: Proxy, seconds: int) -> Sample:
    """TLS 1.3 without resumption, each on a connection of its own, by `openssl s_time -new`."""
    command = [program("openssl"), "s_time", "-new", "-tls1_3", "-time", str(seconds)]
    command += ["-connect", f"127.0.0.1:{proxy.port}"]

    def client(_: int) -> CompletedProcess[str]:
        return finished(command, seconds + 60, stage.load_cores)

    before = proxy.process.cpu_ns()
    with ThreadPoolExecutor(CLIENTS) as crowd:
        done = list(crowd.map(client, range(CLIENTS)))
    spent = proxy.process.cpu_ns() - before
    counts = [re.search(r"^(\d+) connections in \d+ real seconds", one.stdout, re.MULTILINE) for one in done]
    if not all(counts) or any(one.returncode for one in done):
        raise Trouble(f"openssl s_time failed at {proxy.name}: {done}")
    total = sum(int(count.group(1)) for count in counts)
    if total == 0:
        raise Trouble(f"{proxy.name} finished no handshake in {seconds} s")
    return Sample(total / seconds, spent / total / 1000)


def requests(stage: Stage, upstream: Upstream, proxy: Proxy, seconds: int) -> Sample:
    """As many as the proxy takes in about these seconds; the first few tell how many that is."""
    rate = h2load(stage, proxy, 1000)
    count = max(1000, int(rate * seconds))
    seen, before = upstream.requests(), proxy.process.cpu_ns()
    rate = h2load(stage, proxy, count)
    spent, seen = proxy.process.cpu_ns() - before, upstream.requests() - seen
    if seen < count:
        raise Trouble(f"{proxy.name}: {count} requests over h2, {seen} reached the app")
    return Sample(rate, spent / count / 1000)


def h2load(stage: Stage, proxy: Proxy, count: int) -> float:
    """So many requests; how many of them a second. Each must be answered with 2xx."""
    command = [program("h2load"), f"-n{count}", f"-c{H2_CONNECTIONS}", f"-m{H2_STREAMS}"]
    for name, value in proxy.headers.items():
        command += ["-H", f"{name}: {value}"]
    command.append(f"https://127.0.0.1:{proxy.port}/")
    done = finished(command, 300, stage.load_cores)
    rate = re.search(r"^finished in .*, ([\d.]+) req/s", done.stdout, re.MULTILINE)
    good = re.search(r"^status codes: (\d+) 2xx", done.stdout, re.MULTILINE)
    if not rate or not good or int(good.group(1)) != count or "Application protocol: h2" not in done.stdout:
        raise Trouble(f"h2load failed at {proxy.name}: {done.stdout}{done.stderr}")
    return float(rate.group(1))
