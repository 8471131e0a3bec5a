"""Serves the page to a browser."""

import socket
import threading
import webbrowser
from collections.abc import Sequence
from typing import Any

import gradio
import uvicorn
from fastapi import FastAPI

from segexp.inference.demo.address import url
from segexp.inference.demo.hosts import KnownHosts
from segexp.inference.demo.page import Page, look
from segexp.inference.demo.session import MEGABYTE, Desk
from segexp.runs.console import LOG

PATIENCE = 2
"""Seconds that open pages have to end after Ctrl-C: their connections for events never end by themselves."""


DESCRIBED: dict[str, Any] = {"openapi_url": None, "docs_url": None, "redoc_url": None}
"""Neither application describes itself: the pages that do so load code from elsewhere."""


def application(desk: Desk, host: str, names: Sequence[str] = ()) -> KnownHosts:
    """The page as a web application: nothing of it comes from, or goes to, another machine.

    Args:
        desk: What the page does.
        host: The address that is listened on.
        names: Further names by which browsers may ask for it.
    """
    app: FastAPI = gradio.mount_gradio_app(
        FastAPI(**DESCRIBED), Page(desk).blocks, "/", max_file_size=int(desk.max_megabytes * MEGABYTE),
        footer_links=[], run_history=False, ssr_mode=False, pwa=False, enable_monitoring=False,
        app_kwargs=dict(DESCRIBED), **look(),
    )  # fmt: skip
    return KnownHosts(app, host, names)


def serve(desk: Desk, door: socket.socket, *, browser: bool, host: str, names: Sequence[str] = ()) -> None:
    """Serves on a bound socket until Ctrl-C; the last two as :func:`application`."""
    settings = uvicorn.Config(application(desk, host, names), log_level="warning", timeout_graceful_shutdown=PATIENCE)
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
