"""A program that talks HTTP through the gateway, with or without a session."""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import dataclass
from urllib.parse import urlencode

from gateway import HOST, PASSWORD, USER, Gateway
from stage import Trouble

# What a browser says when somebody opens a page.
NAVIGATES = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    cookies: list[str]
    body: bytes

    @property
    def text(self) -> str:
        """The body, as text."""
        return self.body.decode("utf-8", "replace")

    def __str__(self) -> str:
        return f"{self.status} {self.headers.get('location', '')} {self.text[:400]}"


class Connection(http.client.HTTPSConnection):
    """To the gateway, whatever the name resolves to."""

    def __init__(self, gateway: Gateway):
        self.trusting = ssl.create_default_context(cafile=str(gateway.certificate))
        super().__init__(HOST, gateway.port, timeout=60, context=self.trusting)

    def connect(self) -> None:
        plain = socket.create_connection(("127.0.0.1", self.port), self.timeout)
        self.sock = self.trusting.wrap_socket(plain, server_hostname=HOST)


class Client:
    """Asks one request after the other, each over a connection of its own."""

    def __init__(self, gateway: Gateway):
        self.gateway, self.cookie = gateway, ""

    def ask(self, method: str, target: str, body: bytes | str = b"", headers: dict[str, str] | None = None) -> Answer:
        """One request. The target goes out as it is written."""
        connection = Connection(self.gateway)
        try:
            own = {"Cookie": self.cookie} if self.cookie else {}
            sent = body.encode() if isinstance(body, str) else body
            connection.request(method, target, sent or None, own | (headers or {}))
            answer = connection.getresponse()
            fields = answer.getheaders()
            cookies = [value.split(";")[0] for key, value in fields if key.lower() == "set-cookie"]
            return Answer(answer.status, {key.lower(): value for key, value in fields}, cookies, answer.read())
        finally:
            connection.close()

    def sign_in(self) -> None:
        """Follows the way to the login form, and fills it in."""
        sent = self.ask("GET", "/", headers=NAVIGATES)
        login = sent.headers.get("location", "")
        if sent.status not in (302, 303) or not login:
            raise Trouble(f"no way to the login: {sent}")
        form = urlencode({"username": USER, "password": PASSWORD})
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        answer = self.ask("POST", login.split("?")[0], form, kind)
        session = [cookie for cookie in answer.cookies if cookie.startswith("__Host-doorward=")]
        if not session:
            raise Trouble(f"{USER} cannot sign in: {answer}")
        self.cookie = session[0]
