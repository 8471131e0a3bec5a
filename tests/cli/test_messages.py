"""Errors on the terminal."""

import pytest

from segexp.cli.app import run
from segexp.cli.messages import say_error
from segexp.errors import DataError


def test_no_error_speaks_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say_error(DataError("a\x1b]0;title\x07b\u202e\x85.png: is damaged\n  second line"))
    assert capsys.readouterr().err == (
        "segexp: a\\x1b]0;title\\x07b\\u202e\\x85.png: is damaged\n  second line\n"
    )  # fmt: skip
    for words in (["weights", "file='\x1b[2J.pth'"], ["compare", "\x1b[2J"], ["monitor=\x1b[2J"]):
        assert run(words) == 2
        said = capsys.readouterr()
        assert "\x1b" not in said.out + said.err
        assert "\\x1b[2J" in said.err
