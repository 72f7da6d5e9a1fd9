"""socket.io: long polling first, then a WebSocket on the same session."""

from __future__ import annotations

from pathlib import Path

from app import App, Visit, must
from apps import node
from stage import Stage

SEND = "const done = arguments[0]; socket.emit('file', new Uint8Array(3000000), done)"


class SocketIo(App):
    """A room with one page."""

    name = "socket.io"
    addresses = ("/", "/socket.io/?EIO=4&transport=polling", "/socket.io/?EIO=4&transport=websocket", "/socket.io/socket.io.js")

    def start(self, stage: Stage, port: int, origin: str) -> None:
        node.start(stage, "socketio", Path(__file__).parent / "socketio_server.js", str(port))

    def use(self, visit: Visit) -> str:
        browser = visit.browser
        browser.sign_in()
        browser.element("#how", "websocket")
        browser.script("socket.emit('say', 'hello from the page')")
        browser.element("#heard", "1001: hello from the page")
        got = browser.driver.execute_async_script(SEND)
        must(got == 3000000, f"{got} bytes arrived")
        return "polling became a WebSocket, a message came back under the user's id, and 3 MB went up"
