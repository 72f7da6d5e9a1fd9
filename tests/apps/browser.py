"""A headless Chromium that signs in at Doorward's login page and then uses the app."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from gateway import HOST, PASSWORD, USER, Gateway
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException, WebDriverException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.file_detector import UselessFileDetector
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait
from stage import Stage, Trouble, free_port

# On two busy cores an app of some megabytes of scripts takes its time.
PATIENCE = 60.0
Found = TypeVar("Found")

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--ignore-certificate-errors",
    "--window-size=1280,900",
    # Whatever an app wants from elsewhere (fonts, counters) is not there, and that is known at once.
    f"--host-resolver-rules=MAP {HOST} 127.0.0.1, MAP * ~NOTFOUND",
)


class Browser:
    """One browser with a profile of its own."""

    def __init__(self, stage: Stage, gateway: Gateway):
        self.stage, self.gateway = stage, gateway
        port, asked = free_port(), free_port()
        # Started by us and not by the driver, so that it ends with us.
        place = [f"--user-data-dir={stage.folder}/profile", f"--remote-debugging-port={asked}"]
        stage.start("chromium", [stage.program("chromium"), *ARGUMENTS, *place, "about:blank"])
        stage.start("chromedriver", [stage.program("chromedriver"), f"--port={port}"])
        stage.wait_for_port(asked)
        stage.wait_for_port(port)
        options = webdriver.ChromeOptions()
        options.debugger_address = f"127.0.0.1:{asked}"
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Remote(f"http://127.0.0.1:{port}", options=options)
        # What a field for files is given is a path here, and nothing is sent to the driver.
        self.driver.file_detector = UselessFileDetector()
        self.driver.command_executor.add_command("getLog", "POST", "/session/$sessionId/se/log")
        self.driver.set_page_load_timeout(PATIENCE)
        self.driver.set_script_timeout(PATIENCE)

    def sign_in(self, target: str = "/") -> None:
        """Opens a page of the app, is sent to the login form, fills it in and comes back."""
        self.open(target)
        self.element("input[name=username]").send_keys(USER)
        form = self.element("input[name=password]")
        if "/login" not in self.driver.current_url:
            raise Trouble(f"the login form is at {self.driver.current_url}")
        form.send_keys(PASSWORD)
        form.submit()
        self.until("the way back from the login", lambda: not self.at_login())

    def at_login(self) -> bool:
        """Whether Doorward's form is what is shown."""
        return bool(self.script("return !!document.querySelector('form input[name=username]') && document.title == 'Sign in'"))

    def open(self, target: str) -> None:
        """Goes to a page of the app."""
        self.driver.get(self.gateway.origin + target)

    def script(self, text: str, *arguments: object) -> object:
        """Runs a script in the page."""
        return self.driver.execute_script(text, *arguments)

    def until(self, what: str, found: Callable[[], Found], patience: float = PATIENCE) -> Found:
        """Waits until it is so; what it came to."""
        passing = (StaleElementReferenceException, WebDriverException)
        try:
            return WebDriverWait(None, patience, 0.1, ignored_exceptions=passing).until(lambda _: found())
        except TimeoutException:
            raise Trouble(f"not in the browser: {what}; it shows {self.text()[:600]!r} at {self.driver.current_url}") from None

    def element(self, css: str, text: str = "") -> WebElement:
        """Waits for an element that is seen, and has this text in it."""

        def look() -> WebElement | None:
            for one in self.driver.find_elements(By.CSS_SELECTOR, css):
                if one.is_displayed() and text in one.text:
                    return one
            return None

        return self.until(f"{css} {text}".strip(), look)

    def click(self, css: str, text: str = "") -> None:
        """Clicks on an element, as soon as nothing is in the way."""

        def click() -> bool:
            self.element(css, text).click()
            return True

        self.until(f"a click on {css} {text}", click)

    def shows(self, text: str) -> None:
        """Waits until the page has this text."""
        self.until(repr(text), lambda: text in self.text())

    def text(self) -> str:
        """What can be read in the page."""
        return str(self.script("return document.body ? document.body.innerText : ''"))

    def keys(self, *keys: str) -> None:
        """Types, wherever the cursor is."""
        ActionChains(self.driver).send_keys(*keys).perform()

    def chord(self, held: str, key: str) -> None:
        """Types one key while another is held."""
        ActionChains(self.driver).key_down(held).send_keys(key).key_up(held).perform()

    def fetch(self, target: str, options: dict[str, object] | None = None) -> tuple[int, str]:
        """What a script of the page gets: status and body."""
        script = (
            "const [to, options, done] = arguments;"
            "fetch(to, options).then(async one => done([one.status, await one.text()])).catch(e => done([0, String(e)]))"
        )
        status, body = self.driver.execute_async_script(script, target, options or {})
        return int(status), str(body)

    def complaints(self) -> list[str]:
        """What the browser's console has of this site."""
        said = self.driver.execute("getLog", {"type": "browser"})["value"]
        return [one["message"] for one in said if one["level"] == "SEVERE" and HOST in one["message"]]

    def shoot(self, path: Path) -> None:
        """What is shown now, as a picture."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(WebDriverException):
            self.driver.save_screenshot(str(path))

    def quit(self) -> None:
        """Lets the driver go of the browser; both end with the stage."""
        with suppress(WebDriverException):
            self.driver.quit()
