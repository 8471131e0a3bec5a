"""How ``python -m segexp`` ends."""

import os
import sys
from types import SimpleNamespace
from typing import NoReturn

import pytest

import segexp.cli.app
from segexp.__main__ import main
from segexp.errors import ConfigError


@pytest.mark.parametrize("in_group", [False, True])
def test_a_process_that_is_still_in_its_group_is_not_taken_apart(
    monkeypatch: pytest.MonkeyPatch, in_group: bool
) -> None:
    def leave(code: int) -> None:
        raise SystemExit(f"at once {code}")

    group = SimpleNamespace(is_available=lambda: True, is_initialized=lambda: in_group)
    monkeypatch.setitem(sys.modules, "torch.distributed", group)
    monkeypatch.setattr(segexp.cli.app, "run", lambda words: 3)
    monkeypatch.setattr(os, "_exit", leave)
    monkeypatch.setattr("atexit._run_exitfuncs", lambda: None)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == ("at once 3" if in_group else 3)


class Slow:
    """A module that Ctrl-C breaks off while it is imported."""

    def __getattr__(self, name: str) -> object:
        raise KeyboardInterrupt


def test_ctrl_c_is_told_whatever_was_under_way(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(words: object) -> NoReturn:
        raise KeyboardInterrupt

    def told(words: object) -> NoReturn:
        raise KeyboardInterrupt from ConfigError("the job has said it")

    for function, line in ((stopped, "segexp: interrupted\n"), (told, "")):
        monkeypatch.setattr(segexp.cli.app, "split", function)
        assert segexp.cli.app.run(["seed=1"]) == 130
        assert capsys.readouterr().err == line
    monkeypatch.setitem(sys.modules, "segexp.cli.app", Slow())
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, capsys.readouterr().err) == (130, "segexp: interrupted\n")
