"""Load that a profile is made of: what a gateway does all day, through Doorward and bare Pingora.

Nothing is measured. The programs were built to count what they run, and write their counts when
they end, so here they must end by themselves.
"""

from __future__ import annotations

import signal
import subprocess
from dataclasses import replace

import proxies
import tls
from gateway import COOKIE, Doorward
from process import Process, Trouble
from rounds import saturate
from stage import Stage
from tokens import forged
from upstream import Upstream

# For an end in their own time.
PATIENCE = 60


def run(stage: Stage, seconds: int) -> None:
    """Each kind of load for so many seconds."""
    upstream = Upstream(stage, stage.load_cores)
    gateway = Doorward(stage, "Doorward", upstream, cores=stage.proxy_cores)
    session = gateway.login()
    good = gateway.proxy(session)
    refused = {"Accept": "application/json", "Cookie": f"{COOKIE}={forged(session.token)}"}
    saturate(stage, upstream, good, seconds)
    saturate(stage, upstream, replace(good, headers=refused), seconds, refused=401)
    end(gateway.process, signal.SIGTERM)

    secure = tls.gateway(stage, upstream, *tls.certificate(stage))
    tls.requests(stage, upstream, secure.proxy(secure.login()), seconds)
    end(secure.process, signal.SIGTERM)

    bare = proxies.bare(stage, upstream, session)
    saturate(stage, upstream, bare, seconds)
    # After a SIGTERM Pingora waits for minutes.
    end(bare.process, signal.SIGINT)


def end(process: Process, how: signal.Signals) -> None:
    """Tells a program to end, and waits until it has."""
    process.assert_running()
    process.child.send_signal(how)
    try:
        process.child.wait(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise Trouble(f"{process.name} does not end, and so writes no counts") from None
