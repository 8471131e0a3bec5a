import importlib.util
import socket
from pathlib import Path
from unittest import mock

import pytest

from segexp.cli.app import run
from segexp.errors import ConfigError
from segexp.inference.demo.address import bind_listener, page_url


def test_without_gradio_it_says_what_to_install(capsys: pytest.CaptureFixture[str]) -> None:
    Path("anything").mkdir()
    found = importlib.util.find_spec
    # Of gradio alone: what else is imported meanwhile stays so for all tests.
    with mock.patch.object(importlib.util, "find_spec", lambda name, *a: None if name == "gradio" else found(name, *a)):
        assert run(["demo", "run=anything", "open=false"]) == 2
    assert "pip install 'segexp[demo]'" in capsys.readouterr().err


def test_a_run_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    with mock.patch("segexp.inference.demo.command.check_gradio"):
        assert run(["demo", "run=nowhere", "port=0", "open=false"]) == 2
    assert "nowhere" in capsys.readouterr().err


@pytest.mark.parametrize("override", ["port=70000", "max_pixels=0", "kept_megabytes=-1", "hots=localhost"])
def test_wrong_keys_are_refused(override: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "run=x", override]) == 2
    assert override.split("=", maxsplit=1)[0] in capsys.readouterr().err


def test_a_port_in_use_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port: 127.0.0.1:{port} .*port=0"):
            bind_listener("127.0.0.1", port)


def test_any_free_port() -> None:
    with bind_listener("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert port > 0
        assert page_url(listener) == f"http://127.0.0.1:{port}/"


def test_no_such_host() -> None:
    with pytest.raises(ConfigError, match="host"):
        bind_listener("203.0.113.7", 0)
