"""cgit and git's own HTTP backend: a clone, a push, and pages of what was pushed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from app import App, Visit, must
from gateway import HOST
from stage import Missing, Stage

CGIT = Path("/usr/lib/cgit/cgit.cgi")
STATIC = Path("/usr/share/cgit")
BACKEND = Path("/usr/lib/git-core/git-http-backend")
SERVER = """
server.document-root = "{folder}/web"
server.bind = "127.0.0.1"
server.port = {port}
server.modules = ("mod_alias", "mod_setenv", "mod_cgi")
setenv.add-environment = ("GIT_PROJECT_ROOT" => "{folder}/repos", "GIT_HTTP_EXPORT_ALL" => "1", "REMOTE_USER" => "alice",
  "CGIT_CONFIG" => "{folder}/cgitrc", "HOME" => "{folder}")
alias.url = ("/git/" => "{backend}/", "/cgit-css/" => "{static}/", "/cgit/" => "{cgit}/")
cgi.assign = ("git-http-backend" => "", "cgit.cgi" => "")
"""
RC = "virtual-root=/cgit/\ncss=/cgit-css/cgit.css\nlogo=/cgit-css/cgit.png\nrepo.url=trial.git\nrepo.path={folder}/repos/trial.git\nrepo.desc=Trial\n"


class Git(App):
    """One repository, by lighttpd's CGI."""

    name = "git"
    addresses = ("/cgit/", "/git/trial.git/info/refs?service=git-upload-pack", "/git/trial.git/git-receive-pack")

    def start(self, stage: Stage, port: int, origin: str) -> None:
        for part in (CGIT, BACKEND):
            if not part.exists():
                raise Missing(f"there is no {part}")
        (stage.folder / "web").mkdir()
        repository = stage.folder / "repos/trial.git"
        self.run(stage, "init", "--quiet", "--bare", "--initial-branch=main", str(repository))
        self.run(stage, "--git-dir", str(repository), "config", "http.receivepack", "true")
        stage.write("cgitrc", RC.format(folder=stage.folder))
        config = stage.write("lighttpd.conf", SERVER.format(folder=stage.folder, port=port, backend=BACKEND, static=STATIC, cgit=CGIT))
        stage.start("lighttpd", [stage.program("lighttpd"), "-D", "-f", config])

    def use(self, visit: Visit) -> str:
        stage, gateway = visit.stage, visit.gateway
        name, value = visit.client.cookie.split("=", 1)
        # A jar as curl writes it. The prefix __Host- asks for: secure, path /, no domain.
        jar = stage.write("cookies", f"# Netscape HTTP Cookie File\n{HOST}\tFALSE\t/\tTRUE\t0\t{name}\t{value}\n")
        options = {
            "http.sslCAInfo": gateway.certificate,
            "http.cookieFile": jar,
            "http.curloptResolve": f"{HOST}:{gateway.port}:127.0.0.1",
            "http.postBuffer": "65536",
            "user.name": "Alice", "user.email": "alice@app.example",
        }
        given = [part for key, one in options.items() for part in ("-c", f"{key}={one}")]
        address = f"{gateway.origin}/git/trial.git"
        copy = stage.folder / "copy"
        self.run(stage, *given, "clone", "--quiet", address, str(copy))
        stage.write("copy/README", "pushed through the gateway\n")
        # More than the post buffer, so that git sends it in chunks.
        (copy / "big.bin").write_bytes(Path("/dev/urandom").open("rb").read(3_000_000))
        self.run(stage, "-C", str(copy), "add", ".")
        self.run(stage, *given, "-C", str(copy), "commit", "--quiet", "--message", "First words")
        self.run(stage, *given, "-C", str(copy), "push", "--quiet", "origin", "HEAD:main")
        self.run(stage, *given, "clone", "--quiet", "--branch", "main", address, str(stage.folder / "again"))
        must((stage.folder / "again/README").read_text() == "pushed through the gateway\n", "another README")
        must((stage.folder / "again/big.bin").read_bytes() == (copy / "big.bin").read_bytes(), "another big.bin")
        browser = visit.browser
        browser.sign_in("/cgit/trial.git/log/?h=main")
        browser.shows("First words")
        browser.open("/cgit/trial.git/tree/README?h=main")
        browser.shows("pushed through the gateway")
        return "git cloned, pushed 3 MB in chunks and cloned again; cgit shows the commit"

    def run(self, stage: Stage, *command: str) -> None:
        """Runs git without the settings of whoever runs this."""
        env = {"PATH": os.environ["PATH"], "HOME": str(stage.folder), "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
        done = subprocess.run([stage.program("git"), *command], env=env, capture_output=True, text=True, timeout=120)
        must(done.returncode == 0, f"git {command}: {done.stderr}")
