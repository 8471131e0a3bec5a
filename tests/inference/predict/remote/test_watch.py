"""A remote file arrives in time and within bounds, or is given up: by a clock of the test, and from a real server."""

import socketserver
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from segexp.errors import DataError
from segexp.inference.predict.inputs import find_inputs
from segexp.inference.predict.remote import image as remote_image
from segexp.inference.predict.remote.watch import CopyWatch, RemoteLimits
from tests.inference.conftest import Finished
from tests.inference.predict.made import noise
from tests.inference.predict.remote.test_remote import predict
from tests.inference.predict.test_command import summary


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def arrives(watch: CopyWatch, clock: Clock, size: int, pause: float, times: int) -> None:
    for _ in range(times):
        clock.now += pause
        watch.relative_update(size)


def test_drops_are_no_answer() -> None:
    clock = Clock()
    with pytest.raises(DataError, match=r"almost no answer within 60 s \(60 bytes\); the key timeout allows more"):
        arrives(CopyWatch(60.0, RemoteLimits(), clock), clock, 1, 1.0, 1000)
    assert clock.now == 60.0


def test_slow_and_steady_is_an_answer_until_the_time_is_up() -> None:
    clock = Clock()
    with pytest.raises(DataError, match="has not arrived within 500 s; the key total_timeout allows more"):
        arrives(CopyWatch(60.0, RemoteLimits(seconds=500.0), clock), clock, 5000, 1.0, 1000)
    assert clock.now == 501.0


def test_without_end_is_too_much() -> None:
    clock = Clock()
    with pytest.raises(DataError, match=r"has 2\.0\d* GB, more than max_gigabytes=2; give more"):
        arrives(CopyWatch(60.0, RemoteLimits(gigabytes=2.0), clock), clock, 5_000_000, 0.01, 1000)
    assert clock.now < 5


class Server(socketserver.BaseRequestHandler):
    """Answers to which there is no end, each in its own way."""

    pause = 0.05

    def handle(self) -> None:
        asked = self.request.recv(65536)
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: image/png\r\n"
        try:
            if b"headers" in asked:
                self.request.sendall(head)
                self.drip(b"X-A: b\r\n")
            elif b"redirect" in asked:
                self.request.sendall(
                    b"HTTP/1.1 302 Found\r\nLocation: /redirect.png\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
                )
            elif b"huge" in asked:
                self.request.sendall(head + b"Content-Length: 9000000000000000\r\n\r\n")
            elif b"folder/" in asked:
                self.request.sendall(head.replace(b"image/png", b"text/html") + b"\r\n")
                self.drip(b"<a")
            elif asked.startswith(b"HEAD"):
                self.request.sendall(head + b"\r\n")
            elif b"endless" in asked:
                self.request.sendall(head + b"\r\n")
                while True:
                    self.request.sendall(bytes(1 << 20))
            else:
                self.request.sendall(head + b"\r\n")
                self.drip(b"\x89")
        except OSError:
            return  # who asked has gone

    def drip(self, drop: bytes) -> None:
        while True:
            self.request.sendall(drop)
            time.sleep(self.pause)


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Server) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("drip.png", r"almost no answer within 0\.5 s \(\d+ bytes\)"),
        ("headers.png", r"no answer within 0\.5 s"),
        ("redirect.png", "leads from one address to the next without end"),
        ("huge.png", r"has 9e\+06 GB, more than max_gigabytes=0\.1"),
        ("endless.png", r"has 0\.1\d* GB, more than max_gigabytes=0\.1"),
    ],
)
def test_every_answer_without_end_has_one(endless: str, name: str, words: str) -> None:
    (file,) = find_inputs(f"{endless}/{name}", Path("out"))
    start = time.monotonic()
    with pytest.raises(DataError, match=f"^{endless}/{name}: {words}"), file.opened(0.5, RemoteLimits(5.0, 0.1)):
        pass
    assert time.monotonic() - start < 10


def test_a_page_that_never_ends(endless: str) -> None:
    with pytest.raises(DataError, match="no answer within"):
        find_inputs(f"{endless}/folder/", Path("out"), 0.5, RemoteLimits(1.0, 0.1))


def test_a_bad_link_of_a_list_fails_alone(endless: str, finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(noise(40, 56)).save("photo.png")
    bad = (f"{endless}/drip.png", "http://[::1/a.png", "nowhere://a/b.png", "http://127.0.0.1:9/folder/")
    keys = ("timeout=0.5", "total_timeout=5")
    assert predict(finished, f"input=[{bad[0]},photo.png,'{bad[1]}','{bad[2]}','{bad[3]}']", *keys) == 1
    assert "1 done, 4 failed" in capsys.readouterr().err
    rows = summary()
    assert rows["photo.png"]["state"] == "done"
    failed = {row["file"]: row["error"] for row in rows.values() if row["state"] == "failed"}
    assert {name for name in bad if name in failed} == set(bad)
    assert all(error for error in failed.values())
    # Alone, there is nothing to go on with.
    assert predict(finished, f"input='{bad[1]}'") == 2
    assert predict(finished, f"input=['{bad[2]}']") == 2


def test_a_disk_that_is_too_small_is_told_before_the_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"its copy of 9e\+09 GB does not fit into .* TMPDIR names another folder"):
        remote_image._check_disk(9 * 10**18, ".")
