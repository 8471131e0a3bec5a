"""The page answers to its own names; the pages that describe its interface are off."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from segexp.inference.demo.hosts import KnownHosts


def asked(app: KnownHosts, host: str | None, path: str = "/", kind: str = "http") -> Any:
    """Status of the answer, or what a web socket was closed with."""
    sent: list[MutableMapping[str, Any]] = []
    headers = [] if host is None else [(b"host", host.encode())]

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app({"type": kind, "path": path, "headers": headers}, receive, send))
    return sent[0].get("status", sent[0].get("code"))


async def page(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


@pytest.mark.parametrize(
    ("listening", "host", "status"),
    [
        ("127.0.0.1", "127.0.0.1:7860", 200),
        ("127.0.0.1", "localhost", 200),
        ("127.0.0.1", "LocalHost.:80", 200),
        ("127.0.0.1", "[::1]:7860", 200),
        ("127.0.0.1", "evil.example", 403),
        ("127.0.0.1", "evil.example:7860", 403),
        ("127.0.0.1", "localhost.evil.example", 403),
        ("127.0.0.1", "127.0.0.1.evil.example:7860", 403),
        ("127.0.0.1", "192.168.0.7:7860", 403),
        ("127.0.0.1", "localhost@evil.example", 403),
        ("127.0.0.1", "", 403),
        ("127.0.0.1", None, 403),
        ("0.0.0.0", "192.168.0.7:7860", 200),
        ("0.0.0.0", "[fe80::1]:7860", 200),
        ("0.0.0.0", "evil.example:7860", 403),
        ("192.168.0.7", "192.168.0.7", 200),
        ("127.0.0.1", "proxy.example", 200),
    ],
)
def test_host(listening: str, host: str | None, status: int) -> None:
    app = KnownHosts(page, listening, ["Proxy.Example"])
    assert asked(app, host) == status


def test_two_headers_are_none() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"host", b"evil.example")]
    asyncio.run(KnownHosts(page, "127.0.0.1")({"type": "http", "path": "/", "headers": headers}, None, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 403


def test_sockets_are_closed_and_the_start_of_the_server_passes() -> None:
    app = KnownHosts(page, "127.0.0.1")
    assert asked(app, "evil.example", kind="websocket") == 1008
    assert asked(app, None, kind="lifespan") == 200


@pytest.mark.parametrize("path", ["/openapi.json", "/gradio_api/openapi.json"])
def test_the_interface_is_not_described(path: str) -> None:
    assert asked(KnownHosts(page, "127.0.0.1"), "localhost", path) == 404


def test_the_page_itself() -> None:
    """With gradio: nothing that describes it, and a stranger's name is refused by the whole application."""
    pytest.importorskip("gradio", reason="needs gradio: make test-demo")
    from types import SimpleNamespace

    from segexp.inference.demo import server

    model = SimpleNamespace(classes=("a", "b"), threshold=0.5, sources=(), notes=[], spec=None)
    session: Any = SimpleNamespace(model=model, kept=SimpleNamespace(drop=print), max_pixels=10, max_megabytes=1.0)
    app = server.application(session, "127.0.0.1")
    for path in ("/openapi.json", "/docs", "/redoc", "/gradio_api/openapi.json"):
        assert asked(app, "localhost", path) == 404
    assert asked(app, "evil.example", "/config") == 403
