"""Serves the page to a browser."""

import socket
import threading
import webbrowser
from collections.abc import Sequence
from typing import Any

import gradio
import uvicorn
from fastapi import FastAPI

from segexp.inference.demo.address import page_url
from segexp.inference.demo.hosts import KnownHosts
from segexp.inference.demo.page import Page, page_style
from segexp.inference.demo.session import MEGABYTE, DemoSession
from segexp.runs.console import LOG

PATIENCE = 2
"""Seconds that open pages have to end after Ctrl-C: their connections for events never end by themselves."""


DESCRIBED: dict[str, Any] = {"openapi_url": None, "docs_url": None, "redoc_url": None}
"""Neither application describes itself: the pages that do so load code from elsewhere."""


def application(session: DemoSession, host: str, names: Sequence[str] = ()) -> KnownHosts:
    """Builds the page as a web application: nothing of it comes from, or goes to, another machine.

    Args:
        session: What the page does.
        host: The address that is listened on.
        names: Further names by which browsers may ask for it.
    """
    app: FastAPI = gradio.mount_gradio_app(
        FastAPI(**DESCRIBED), Page(session).blocks, "/", max_file_size=int(session.max_megabytes * MEGABYTE),
        footer_links=[], run_history=False, ssr_mode=False, pwa=False, enable_monitoring=False,
        app_kwargs=dict(DESCRIBED), **page_style(),
    )  # fmt: skip
    return KnownHosts(app, host, names)


def serve(
    session: DemoSession, listener: socket.socket, *, browser: bool, host: str, names: Sequence[str] = ()
) -> None:
    """Serves the page on a bound socket until Ctrl-C; ``host`` and ``names`` as in :func:`application`."""
    settings = uvicorn.Config(
        application(session, host, names), log_level="warning", timeout_graceful_shutdown=PATIENCE
    )
    server = uvicorn.Server(settings)
    LOG.info(f"page        {page_url(listener)}   Ctrl-C ends it")
    if browser:
        # The listener is open already: a browser that comes early waits.
        listener.listen()
        threading.Thread(target=webbrowser.open, args=(page_url(listener),), daemon=True).start()
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        # Ctrl-C is how it ends; uvicorn has closed everything and raises it again.
        LOG.info("")
