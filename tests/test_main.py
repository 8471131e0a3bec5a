"""How ``python -m segexp`` ends."""

import os
import sys
from types import SimpleNamespace

import pytest

import segexp.cli.app
from segexp.__main__ import main


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
