"""Streamlit: everything that a widget does goes over one WebSocket, uploads beside it."""

from __future__ import annotations

from app import App, Visit
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from stage import Stage

PAGE = """
import streamlit as st
name = st.text_input("Name")
st.write(f"Hello {name}, whom the gateway calls {st.context.headers.get('X-User-Name')}")
given = st.file_uploader("File")
if given:
    st.write("The file says: " + given.read().decode())
"""


class Streamlit(App):
    """A page with a text field and an upload."""

    name = "streamlit"
    addresses = ("/", "/_stcore/stream", "/_stcore/health", "/_stcore/upload_file/a/b")

    def start(self, stage: Stage, port: int, origin: str) -> None:
        page = stage.write("page.py", PAGE)
        options = [f"--server.port={port}", "--server.address=127.0.0.1", "--server.headless=true", "--browser.gatherUsageStats=false"]
        stage.start("streamlit", [stage.python(), "-m", "streamlit", "run", page, *options], {"HOME": str(stage.folder)})

    def use(self, visit: Visit) -> str:
        browser = visit.browser
        browser.sign_in()
        browser.element("input[aria-label=Name]").send_keys("Zoë", Keys.ENTER)
        browser.shows("Hello Zoë, whom the gateway calls Alice Example")
        given = visit.stage.write("given.txt", "uploaded through the gateway")
        browser.driver.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys(str(given))
        browser.shows("The file says: uploaded through the gateway")
        return "a text field changed the page over its WebSocket, and a file was uploaded"
