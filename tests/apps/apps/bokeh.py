"""Bokeh server: a slider whose value goes to Python and back, over a WebSocket."""

from __future__ import annotations

from app import App, Visit
from stage import Stage

PAGE = """
from bokeh.io import curdoc
from bokeh.layouts import column
from bokeh.models import Div, Slider

slider = Slider(title="n", name="n", start=0, end=10, value=1)
said = Div(name="said", text="nothing yet")
slider.on_change("value", lambda attr, old, new: said.update(text=f"its square is {new ** 2}"))
curdoc().add_root(column(slider, said))
"""
SET = "Bokeh.documents[0].get_model_by_name('n').value = 7"
SAID = "return Bokeh.documents[0].get_model_by_name('said').text"


class BokehServer(App):
    """One page with a slider."""

    name = "bokeh"
    addresses = ("/page", "/page/ws", "/page/autoload.js?bokeh-autoload-element=1", "/static/js/bokeh.min.js")

    def start(self, stage: Stage, port: int, origin: str) -> None:
        page = stage.write("page.py", PAGE)
        place = ["--address", "127.0.0.1", "--port", str(port)]
        stage.start("bokeh", [stage.python(), "-m", "bokeh", "serve", page, *place])

    def use(self, visit: Visit) -> str:
        browser = visit.browser
        browser.sign_in("/page")
        browser.until("the slider", lambda: browser.script(SAID) == "nothing yet")
        browser.script(SET)
        browser.until("what Python says", lambda: browser.script(SAID) == "its square is 49")
        return "a slider moved, and Python's answer came back over the WebSocket"
