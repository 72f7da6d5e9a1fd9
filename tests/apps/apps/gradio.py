"""Gradio: calls go out as posts and come back as an event stream."""

from __future__ import annotations

from app import App, Visit
from selenium.webdriver.common.by import By
from stage import Stage

PAGE = """
import sys
import gradio as gr

def count(name, path):
    with open(path) as file:
        return f"{name} gave {len(file.read())} letters"

with gr.Blocks() as page:
    name = gr.Textbox(label="Name", elem_id="name")
    given = gr.File(label="File", elem_id="given")
    said = gr.Textbox(label="Said", elem_id="said")
    gr.Button("Count", elem_id="count").click(count, [name, given], said)
page.launch(server_name="127.0.0.1", server_port=int(sys.argv[1]))
"""


class Gradio(App):
    """A page that takes a name and a file."""

    name = "gradio"
    # Browsers fetch a manifest without cookies.
    settings = """
rules:
  - { path: /manifest.json, methods: [GET, HEAD], access: public, identity: off }
"""
    addresses = ("/", "/config", "/gradio_api/queue/join", "/gradio_api/queue/data?session_hash=x", "/gradio_api/upload")

    def start(self, stage: Stage, port: int, origin: str) -> None:
        page = stage.write("page.py", PAGE)
        quiet = {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_TEMP_DIR": f"{stage.folder}/gradio", "HOME": str(stage.folder)}
        stage.start("gradio", [stage.python(), page, str(port)], quiet | {"HF_HUB_OFFLINE": "1", "no_proxy": "127.0.0.1"})

    def use(self, visit: Visit) -> str:
        browser = visit.browser
        browser.sign_in()
        browser.element("#name textarea, #name input").send_keys("Zoë")
        given = visit.stage.write("given.txt", "twenty letters here!")
        browser.until("the file field", lambda: browser.driver.find_elements(By.CSS_SELECTOR, "#given input[type=file]"))
        browser.driver.find_element(By.CSS_SELECTOR, "#given input[type=file]").send_keys(str(given))
        browser.element("#given", "given")
        browser.click("#count")
        field = "const one = document.querySelector('#said textarea, #said input'); return one ? one.value : ''"
        browser.until("the answer", lambda: browser.script(field) == "Zoë gave 20 letters")
        return "a file was uploaded, and a call came back as an event stream"
