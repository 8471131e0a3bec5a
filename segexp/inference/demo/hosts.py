"""Only browsers that ask for this page by a name of its own are answered, and none is told how to call it.

A page of a stranger can have its name lead to this machine, and a browser would then let it read what is here (DNS
rebinding). Such a request still bears the stranger's name in its header ``Host``.
"""

import ipaddress
import socket
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOCAL = ("localhost", "127.0.0.1", "::1")
SCHEMES = ("http", "websocket")
DESCRIPTION = "openapi.json"
"""Of the interface: gradio has one beside FastAPI's that no setting switches off."""
NOT_FOUND = b"404: not found\n"
FORBIDDEN = b"403: this page is not known by that name; the key hosts of the command demo adds names\n"


class KnownHosts:
    """An ASGI application that answers 403 to all that ask another host than this one."""

    def __init__(self, app: App, host: str, names: Sequence[str] = ()) -> None:
        """Wraps an application.

        Args:
            app: What is asked.
            host: The address that is listened on.
            names: Further names of this machine, as a proxy before it has.
        """
        self._app = app
        self._names = {name.lower().rstrip(".") for name in (*LOCAL, host, *names)}
        self._is_open = not _is_loopback(host)
        if self._is_open:
            own = socket.gethostname().lower()
            self._names |= {own, own.partition(".")[0], f"{own.partition('.')[0]}.local", socket.getfqdn().lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it."""
        asked = [value.decode("latin-1") for name, value in scope.get("headers", ()) if name == b"host"]
        is_known = scope["type"] not in SCHEMES or (len(asked) == 1 and self.knows(asked[0]))
        if is_known and str(scope.get("path", "")).endswith(DESCRIPTION):
            await _answer(send, 404, NOT_FOUND)
        elif is_known:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await _answer(send, 403, FORBIDDEN)

    def knows(self, host: str) -> bool:
        """Tells whether a header ``Host``, with or without port, names this machine."""
        name = _without_port(host.strip().lower())
        # A name can lead anywhere; an address that arrives here is this machine's, whoever wrote it down.
        return name.rstrip(".") in self._names or (self._is_open and _is_address(name))


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
