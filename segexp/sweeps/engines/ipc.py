"""Messages between a sweep and its fork server: one line of JSON each, over a pair of sockets."""

import json
import select
import socket
from typing import Any

Message = dict[str, Any]


class Channel:
    """One end."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._pending = b""
        self.open = True

    def fileno(self) -> int:
        """For select."""
        return self._socket.fileno()

    def send(self, message: Message, handles: tuple[int, ...] = ()) -> None:
        """Sends a message, and open files with it; one to an end that is gone is lost."""
        data = json.dumps(message).encode() + b"\n"
        try:
            if handles:
                socket.send_fds(self._socket, [data], list(handles))
            else:
                self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            self.open = False

    def receive(self, seconds: float) -> tuple[list[Message], list[int]]:
        """Waits up to some seconds for messages and open files; at the other's end :attr:`open` becomes False."""
        ready, _, _ = select.select([self._socket], [], [], seconds)
        if not ready:
            return [], []
        try:
            data, handles, _, _ = socket.recv_fds(self._socket, 65536, 4)
        except ConnectionResetError:
            data, handles = b"", []
        if not data:
            self.open = False
        *lines, self._pending = (self._pending + data).split(b"\n")
        return [json.loads(line) for line in lines], handles

    def close(self) -> None:
        """Closes this end."""
        self._socket.close()
