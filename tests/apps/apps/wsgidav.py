"""WsgiDAV: WebDAV, whose MOVE and COPY name a whole address in a header."""

from __future__ import annotations

from app import App, Visit, must
from stage import Stage

NAME, PATH = "50% of a;b\\c.txt", "/50%25%20of%20a%3Bb%5Cc.txt"

LOCK = """<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>
<D:locktype><D:write/></D:locktype></D:lockinfo>"""


class WsgiDav(App):
    """One folder, open to everybody who comes through."""

    name = "wsgidav"
    addresses = ("/", "/file.txt", PATH)

    def start(self, stage: Stage, port: int, origin: str) -> None:
        (stage.folder / "files").mkdir()
        command = [stage.python(), "-m", "wsgidav.server.server_cli", "--host", "127.0.0.1", "--port", str(port)]
        stage.start("wsgidav", [*command, "--root", stage.folder / "files", "--auth", "anonymous", "--no-config"])

    def use(self, visit: Visit) -> str:
        ask, origin, files = visit.client.ask, visit.gateway.origin, visit.stage.folder / "files"
        big = bytes(range(256)) * 40_000
        must(ask("PUT", "/big.bin", big).status == 201, "PUT")
        must(ask("GET", "/big.bin").body == big, "what was put is not what came back")
        part = ask("GET", "/big.bin", headers={"Range": "bytes=256-511"})
        must(part.status == 206 and part.body == bytes(range(256)), part.status)
        must(ask("MKCOL", "/folder/").status == 201, "MKCOL")
        for method, target in (("COPY", "/folder/copy.bin"), ("MOVE", "/folder/moved.bin")):
            done = ask(method, "/big.bin", headers={"Destination": origin + target, "Overwrite": "F"})
            must(done.status == 201, f"{method}: {done}")
        must((files / "folder/moved.bin").read_bytes() == big and not (files / "big.bin").exists(), "MOVE moved nothing")
        must(ask("PUT", PATH, "a difficult name").status == 201, "PUT of a difficult name")
        must((files / NAME).read_text() == "a difficult name", list(files.iterdir()))
        must(ask("GET", PATH).text == "a difficult name", "GET of a difficult name")
        listed = ask("PROPFIND", "/", headers={"Depth": "1"})
        must(listed.status == 207 and "%25" in listed.text, listed)
        locked = ask("LOCK", "/folder/copy.bin", LOCK, {"Content-Type": "application/xml", "Timeout": "Second-60"})
        must(locked.status == 200 and "lock-token" in locked.headers, locked)
        must(ask("DELETE", "/folder/copy.bin").status == 423, "a lock does not hold")
        browser = visit.browser
        browser.sign_in("/folder/")
        browser.shows("moved.bin")
        return "10 MB were put and read back, copied, moved and locked; a file whose name has %, ; and \\ too"
