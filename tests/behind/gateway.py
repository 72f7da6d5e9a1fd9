"""Doorward in front of a server, with rules that make every mistake visible, and its sessions."""

from __future__ import annotations

import http.client
from urllib.parse import urlencode

from doorward import PASSWORD, hashed, is_ready
from stage import Stage, Trouble, free_port

# A client of its own address, so that it is seen whether an app took the one that we vouch for.
CLIENT = "127.0.0.2"
# Where a proxy stands that Doorward trusts, with its own client behind it.
TRUSTED, BEHIND_TRUSTED = "127.0.0.3", "203.0.113.50"
HOST = "app.example"
PEOPLE = {"alice": ("1001", []), "admin": ("1002", ["admin"])}

SETTINGS = """
listen: 127.0.0.1:{port}
upstream: http://127.0.0.1:{upstream}
data_dir: {folder}/data
admin: {{ listen: 127.0.0.1:{admin} }}
trusted_proxies: [{trusted}/32]
insecure: {{ cookies_over_http: true }}
session: {{ access_ttl: 6h }}
log: {{ level: error }}
limits: {{ upstream_read: {patience} }}
rules:
  - {{ path: /public/**, access: public }}
  - {{ path: /static/**, access: public }}
  - {{ path: /admin/**, access: {{ roles: [admin] }} }}
  - {{ path: /files/**, methods: [GET, HEAD, POST, OPTIONS], access: authenticated }}
  - {{ path: /files/**, access: {{ roles: [admin] }} }}
default_access: authenticated
users:
{users}
"""


class Gateway:
    """A running gateway and a cookie for each person."""

    def __init__(self, stage: Stage, upstream: int, patience: str):
        self.port, admin = free_port(), free_port()
        person = '  - {{ id: "{id}", username: {name}, name: {name}, password_hash: "{hash}", roles: {roles} }}'
        digest = hashed(stage.doorward)
        users = "\n".join(person.format(id=id, name=name, hash=digest, roles=roles) for name, (id, roles) in PEOPLE.items())
        text = SETTINGS.format(
            port=self.port, upstream=upstream, folder=stage.folder, admin=admin, trusted=TRUSTED, patience=patience, users=users
        )
        config = stage.write("doorward.yaml", text)
        stage.start("doorward", [stage.doorward, "run", "--config", config])
        stage.wait_until("the gateway", lambda: is_ready(admin))
        self.cookies = {name: self.login(name) for name in PEOPLE}

    def login(self, name: str) -> str:
        """Signs a person in; the text for a `Cookie` field."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        form = urlencode({"username": name, "password": PASSWORD})
        headers = {"Host": HOST, "Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://{HOST}", "Sec-Fetch-Site": "same-origin"}
        connection.request("POST", "/login", form, headers)
        answer = connection.getresponse()
        cookies = [value.split(";")[0] for key, value in answer.getheaders() if key.lower() == "set-cookie"]
        session = [cookie for cookie in cookies if cookie.startswith("doorward=")]
        if not session:
            raise Trouble(f"{name} cannot log in: {answer.status} {answer.getheaders()}")
        return session[0]


class Bare:
    """No gateway at all: what the oracle must find wrong, or it would find nothing."""

    def __init__(self, upstream: int):
        self.port = upstream
        self.cookies = {name: f"nobody={name}" for name in PEOPLE}
