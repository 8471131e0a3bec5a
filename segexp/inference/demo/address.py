"""The port on which the page is served."""

import errno
import socket

from segexp.errors import ConfigError


def bind_listener(host: str, port: int) -> socket.socket:
    """Binds a socket before the model is loaded, so that a port in use is said at once.

    Raises:
        ConfigError: The address is not of this machine, or the port is in use.
    """
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _no_address(host, error) from error
    try:
        # A port that was in use a minute ago is free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRNOTAVAIL:
            raise _no_address(host, error) from error
        raise ConfigError(
            f"port: {host}:{port} cannot be listened on ({error.strerror}); give another, or port=0 for a free one"
        ) from error
    return listener


def page_url(listener: socket.socket) -> str:
    """Gives the address of the page, as a browser of this machine takes it."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _no_address(host: str, error: OSError) -> ConfigError:
    return ConfigError(f"host: {host} is no address of this machine ({error}); 127.0.0.1 always is")
