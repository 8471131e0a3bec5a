"""Names that come from elsewhere: none leads out of the output folder, and no password into a file."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fsspec.implementations.ftp import FTPFileSystem

from segexp.cli.app import run
from segexp.errors import DataError
from segexp.inference.predict.inputs import Input, find_inputs
from segexp.inference.predict.remote import address as remote_address
from segexp.inference.predict.remote import listing as remote_listing
from segexp.inference.predict.remote.address import hide_secrets, open_filesystem
from tests.inference.conftest import Finished
from tests.inference.predict.test_command import summary


def listing(monkeypatch: pytest.MonkeyPatch, names: Sequence[str]) -> None:
    """File systems say that they hold these."""
    found = {name: {"type": "file"} for name in names}

    def holding(address: str, timeout: float) -> tuple[Any, str]:
        system, path = open_filesystem(address, timeout)
        for method in ("find", "glob"):
            monkeypatch.setattr(system, method, lambda *_, **__: found)
        return system, path

    monkeypatch.setattr(remote_listing, "open_filesystem", holding)


@pytest.mark.parametrize("evil", ["..%2F..%2Fevil.png", "%2e%2e/%2e%2e/evil.png", "sub/../../evil.png"])
def test_a_page_cannot_write_beside_the_output_folder(monkeypatch: pytest.MonkeyPatch, evil: str) -> None:
    listing(monkeypatch, [f"http://host/in/{evil}", "http://host/in/good.png"])
    for place in ("http://host/in/", "http://host/in/*.png"):
        with pytest.raises(DataError, match=r"evil\.png: its predictions would lie outside of the output folder"):
            find_inputs(place, Path("out"))
    with pytest.raises(DataError, match="outside of the output folder"):
        find_inputs("http://host/..%2F..%2Fevil.png", Path("out"))


def test_names_of_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that looks like the root of this machine, a signed one, one of the other scheme, the page itself."""
    names = ("http://host/in/%2Fetc%2Fabs.png", "http://host/in/a.png?sig=x.y", "https://host/in/b.c.png")
    listing(monkeypatch, [*names, "http://host/in/?C=N;O=D.png"])
    found = find_inputs("http://host/in/*.png", Path("out"))
    assert [str(file.stem) for file in found] == ["etc/abs", "a", "b.c"]
    assert [file.address for file in found] == list(names)
    assert find_inputs("http://host/?id=3", Path("out"))[0].stem == Path("image")


def test_names_of_a_bucket_are_no_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    listing(monkeypatch, ["/b/a%20b.png", "/b/sub/c.png"])
    assert [str(file.stem) for file in find_inputs("memory://b/", Path("out"))] == ["a%20b", "sub/c"]
    listing(monkeypatch, ["/b/../../evil.png"])
    with pytest.raises(DataError, match="outside of the output folder"):
        find_inputs("memory://b/", Path("out"))


def test_a_file_system_with_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Host, user and password come from the address; files of a folder have them too."""
    given: list[tuple[str, int, str, str]] = []

    def connect(self: Any) -> None:
        given.append((self.host, self.port, *self.cred[:2]))
        self.ftp = SimpleNamespace(close=lambda: None)

    monkeypatch.setattr(FTPFileSystem, "_connect", connect)
    listing(monkeypatch, ["/in/a.png"])
    (file,) = find_inputs("ftp://me:pw@host:2121/in/", Path("out"))
    assert (file.address, str(file.stem)) == ("ftp://me:pw@host:2121/in/a.png", "a")
    assert given == [("host", 2121, "me", "pw")]
    for place in ("reference://x/a.png", "http://[bad/a.png"):
        with pytest.raises(DataError, match="no files can be read from"):
            find_inputs(place, Path("out"))


def test_a_time_that_nobody_can_read(monkeypatch: pytest.MonkeyPatch) -> None:
    system, _ = open_filesystem("http://host/a.png", 1.0)
    monkeypatch.setattr(system, "info", lambda *_, **__: {"Last-Modified": "some day", "type": "file"})
    assert remote_listing.last_change("http://host/a.png", 1.0) is None


def test_hidden() -> None:
    assert hide_secrets("https://me:p%40w@h/a.tif: gone") == "https://***@h/a.tif: gone"
    assert hide_secrets("https://token@h/a.tif and ftp://u:p@h/b") == "https://***@h/a.tif and ftp://***@h/b"
    signed = "https://h/a.tif?X-Amz-Credential=AK%2Fus&id=7&X-Amz-Signature=0af"
    assert hide_secrets(signed) == "https://h/a.tif?X-Amz-Credential=***&id=7&X-Amz-Signature=***"
    assert (
        hide_secrets("/vsicurl/https://h/a.tif?sv=1&sig=x%3D' failed")
        == "/vsicurl/https://h/a.tif?sv=1&sig=***' failed"
    )
    for plain in ("abfs://container@account/a.tif", "s3://b/a@b.tif", "https://h/a@b.tif?id=3"):
        assert hide_secrets(plain) == plain
    assert Input("https://h/a.tif?token=b/c", Path("a")).name == "a.tif"


def test_no_password_in_log_and_summary(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    place = "http://me:passw0rd@127.0.0.1:9/a.png?X-Amz-Signature=s1gned"
    assert run(["predict", f"run={finished.path}", "output=out", f"input='{place}'", "debug=true"]) == 1
    told = capsys.readouterr()
    written = Path("out/summary.csv").read_text()
    for text in (told.out, told.err, written):
        assert "passw0rd" not in text
        assert "s1gned" not in text
    assert "http://***@127.0.0.1:9/a.png?X-Amz-Signature=***" in written
    assert [row["state"] for row in summary().values()] == ["failed"]


def test_what_a_bucket_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself s3fs waits 15 s, 25 times, whatever ``timeout`` says."""
    monkeypatch.delenv("AWS_NO_SIGN_REQUEST", raising=False)
    limits = {"config_kwargs": {"connect_timeout": 7.0, "read_timeout": 7.0, "retries": {"max_attempts": 0}}}
    assert remote_address._options("s3", 7.0) == remote_address._options("s3a", 7.0) == limits
    assert remote_address._options("gs", 7.0) == {}
    monkeypatch.setenv("AWS_NO_SIGN_REQUEST", "YES")
    monkeypatch.setenv("GS_NO_SIGN_REQUEST", "true")
    assert remote_address._options("s3", 7.0) == {**limits, "anon": True}
    assert remote_address._options("gcs", 7.0) == {"token": "anon"}
