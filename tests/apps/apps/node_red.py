"""Node-RED: an editor that is told by a WebSocket what the flows do."""

from __future__ import annotations

import json

from app import App, Visit, must
from apps import node
from stage import Stage

FLOWS = [
    {"id": "f1", "type": "tab", "label": "Trial"},
    {"id": "n1", "type": "inject", "z": "f1", "name": "go", "props": [{"p": "payload"}, {"p": "topic", "vt": "str"}],
     "payload": "said by the flow",
     "payloadType": "str", "topic": "", "repeat": "", "crontab": "", "once": False, "onceDelay": 0.1, "x": 150, "y": 100, "wires": [["n2"]]},
    {"id": "n2", "type": "debug", "z": "f1", "name": "told", "active": True, "tosidebar": True, "complete": "payload",
     "targetType": "msg", "x": 350, "y": 100, "wires": []},
]
SETTINGS = """module.exports = {{
  uiHost: '127.0.0.1', uiPort: {port}, flowFile: 'flows.json',
  editorTheme: {{ tours: false }}, telemetry: {{ enabled: false }},
}}
"""


class NodeRed(App):
    """One flow of two nodes."""

    name = "node-red"
    addresses = ("/", "/flows", "/comms", "/inject/n1", "/settings")

    def start(self, stage: Stage, port: int, origin: str) -> None:
        stage.write("red/flows.json", json.dumps(FLOWS))
        settings = stage.write("red/settings.js", SETTINGS.format(port=port))
        node.start(stage, "node-red", "node-red/red.js", "--userDir", stage.folder / "red", "--settings", settings)

    def use(self, visit: Visit) -> str:
        browser = visit.browser
        browser.sign_in()
        browser.element(".red-ui-flow-node-group, .red-ui-flow-node")
        browser.script("RED.sidebar.show('debug')")
        browser.until("its WebSocket", lambda: browser.script("return !document.querySelector('.red-ui-notification-error')"))
        browser.click("#n1 .red-ui-flow-node-button-button, .red-ui-flow-node-button-button")
        browser.element(".red-ui-debug-msg", "said by the flow")
        browser.script("RED.nodes.node('n1').payload = 'said after a change'; RED.nodes.node('n1').changed = true; RED.nodes.dirty(true)")
        browser.click("#red-ui-header-button-deploy")
        flows = visit.stage.folder / "red/flows.json"
        browser.until("the deployed flow", lambda: "said after a change" in flows.read_text())
        status, _ = browser.fetch("/flows", {"headers": {"Accept": "application/json"}})
        must(status == 200, status)
        return "a flow ran by a click and its message came over the WebSocket; a changed flow was deployed"
