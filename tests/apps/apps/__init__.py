"""The apps, in the order in which they are used."""

from __future__ import annotations

from app import App
from apps.bokeh import BokehServer
from apps.datasette import Datasette
from apps.git import Git
from apps.gradio import Gradio
from apps.json_server import JsonServer
from apps.jupyterlab import JupyterLab, JupyterLabWithLogin
from apps.marimo import Marimo
from apps.mlflow import MLflow
from apps.netdata import Netdata
from apps.node_red import NodeRed
from apps.prometheus import Prometheus
from apps.radicale import Radicale
from apps.registry import Registry
from apps.shellinabox import ShellInABox
from apps.socketio import SocketIo
from apps.streamlit import Streamlit
from apps.tensorboard import TensorBoard
from apps.tiddlywiki import TiddlyWiki
from apps.verdaccio import Verdaccio
from apps.vite import Vite
from apps.wsgidav import WsgiDav

ALL = (
    JupyterLab,
    JupyterLabWithLogin,
    Streamlit,
    Gradio,
    BokehServer,
    Marimo,
    TensorBoard,
    MLflow,
    Datasette,
    NodeRed,
    Vite,
    SocketIo,
    TiddlyWiki,
    JsonServer,
    Verdaccio,
    Radicale,
    WsgiDav,
    Git,
    Registry,
    Prometheus,
    Netdata,
    ShellInABox,
)
APPS: dict[str, App] = {kind.name: kind() for kind in ALL}
