"""Each app from its start to its end, one after the other, each in its time."""

from __future__ import annotations

import argparse
import os
import signal
import time
from pathlib import Path

import orphans
from app import App, Broken, Visit
from apps import APPS
from client import Client
from documented import all_is_documented
from gateway import ADMITTED, Gateway
from stage import Missing, Stage, Trouble, free_port
from unseen import nothing_reaches, open_gate_is_found


class TooSlow(BaseException):
    """The time of one app is over. Nothing that waits for something takes this for its own error."""


def run(app: App, arguments: argparse.Namespace) -> str:
    """One app from its start to its end, and what was done with it."""
    with Stage(arguments.doorward, arguments.tools) as stage:
        port = free_port()
        gateway = Gateway(stage, port, app.settings)
        client = Client(gateway)
        asked = nothing_reaches(port, client, app.addresses)
        app.start(stage, port, gateway.origin)
        stage.wait_for_port(port)
        gateway.requests()
        visit = Visit(stage, gateway, client, arguments.shots / f"{app.name}.png")
        try:
            done = app.use(visit)
            nothing_refused(app, gateway)
        except (Broken, Trouble) as why:
            raise type(why)(f"{why}\n{evidence(app, visit)}") from None
        finally:
            for browser in visit.opened:
                browser.shoot(visit.shot)
                browser.quit()
        return f"{done}; {asked} requests without a session stayed outside"


def nothing_refused(app: App, gateway: Gateway) -> None:
    """Who has signed in is refused nothing by the gateway, and what the app says comes through."""
    for line in gateway.requests():
        kind = (line.get("method"), line.get("path"), line["verdict"])
        if line["verdict"] not in ADMITTED and line["status"] not in (302, 303) and kind not in app.refused:
            raise Broken(f"the gateway refused what the app needs: {line}")


def evidence(app: App, visit: Visit) -> str:
    """What may tell why it failed."""
    refused = [line for line in visit.gateway.requests() if int(str(line["status"])) >= 400]
    lines = [f"{line.get('method')} {line.get('path')} {line['status']} {line['verdict']}" for line in refused]
    for browser in visit.opened:
        try:
            lines += browser.complaints()
        except Exception as lost:  # noqa: BLE001  What failed may be the browser.
            lines.append(f"the browser is gone: {lost}")
    apps = [name for name, _ in visit.stage.children if name not in ("doorward", "chromium", "chromedriver")]
    lines += [f"--- {name}:\n{visit.stage.log(name)[-1500:]}" for name in apps]
    return "\n".join(lines)


def tried(app: App, arguments: argparse.Namespace) -> tuple[str, str]:
    """`ok`, `FAILED` or `SKIPPED`, and a word about it."""

    def too_late(*_: object) -> None:
        raise TooSlow

    signal.signal(signal.SIGALRM, too_late)
    signal.setitimer(signal.ITIMER_REAL, app.timeout)
    try:
        return "ok", run(app, arguments)
    except Missing as why:
        return "SKIPPED", str(why)
    except TooSlow:
        return "FAILED", f"not done within {app.timeout:.0f} s"
    except Exception as why:  # noqa: BLE001  The next app has its turn, whatever this one did.
        return "FAILED", f"{type(why).__name__}: {why}" if not isinstance(why, (Broken, Trouble)) else str(why)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        orphans.end_all()


def asked_for() -> argparse.Namespace:
    """What is to be done, with whole paths."""
    parser = argparse.ArgumentParser(prog="apps", description="Uses real apps through Doorward.")
    parser.add_argument("--doorward", required=True, type=Path, help="the program under test")
    parser.add_argument("--tools", type=Path, default=Path("target/apps"), help="what `.ci/setup apps` made")
    parser.add_argument("--shots", type=Path, help="where the pictures go; shots/ of the tools without it")
    parser.add_argument("--app", action="append", choices=APPS, help="may be given more than once; all without it")
    arguments = parser.parse_args()
    arguments.doorward, arguments.tools = arguments.doorward.resolve(), arguments.tools.resolve()
    arguments.shots = (arguments.shots or arguments.tools / "shots").resolve()
    return arguments


def main() -> int:
    """All the apps that were asked for, one after the other."""
    arguments = asked_for()
    orphans.adopt()
    all_is_documented(APPS.values())
    open_gate_is_found(arguments.doorward, arguments.tools)
    outcomes = []
    for name in arguments.app or APPS:
        started = time.monotonic()
        outcome, word = tried(APPS[name], arguments)
        outcomes.append(outcome)
        print(f"{outcome:7} {name} ({time.monotonic() - started:.0f} s): {word}", flush=True)
    failed, missing = outcomes.count("FAILED"), outcomes.count("SKIPPED")
    print(f"{len(outcomes) - failed - missing} passed, {failed} failed, {missing} skipped")
    return 1 if failed or (missing and os.environ.get("CI") == "true") else 0
