"""Serves the page to a browser."""

import socket
import threading
import webbrowser

import gradio
import uvicorn
from fastapi import FastAPI

from segexp.run.console import LOG
from segexp.use.demo.address import url
from segexp.use.demo.desk import MEGABYTE, Desk
from segexp.use.demo.page import Page, look

PATIENCE = 2
"""Seconds that open pages have to end after Ctrl-C: their connections for events never end by themselves."""


def application(desk: Desk) -> FastAPI:
    """The page as a web application: nothing of it comes from, or goes to, another machine."""
    app: FastAPI = gradio.mount_gradio_app(
        FastAPI(openapi_url=None), Page(desk).blocks, "/", max_file_size=int(desk.max_megabytes * MEGABYTE),
        footer_links=[], run_history=False, ssr_mode=False, pwa=False, enable_monitoring=False, **look(),
    )  # fmt: skip
    return app


def serve(desk: Desk, door: socket.socket, *, browser: bool) -> None:
    """Serves on a bound socket until Ctrl-C."""
    settings = uvicorn.Config(application(desk), log_level="warning", timeout_graceful_shutdown=PATIENCE)
    server = uvicorn.Server(settings)
    LOG.info(f"page        {url(door)}   Ctrl-C ends it")
    if browser:
        # The door is open already: a browser that comes early waits.
        door.listen()
        threading.Thread(target=webbrowser.open, args=(url(door),), daemon=True).start()
    try:
        server.run(sockets=[door])
    except KeyboardInterrupt:
        # Ctrl-C is how it ends; uvicorn has closed everything and raises it again.
        LOG.info("")
