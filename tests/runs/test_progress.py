"""A bar appears on a terminal, after a while; pipes stay clean and nothing is lost."""

import io
from collections.abc import Iterator

import pytest

from segexp.runs.console import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def squares() -> Iterator[int]:
    return (number**2 for number in range(3))


@pytest.mark.parametrize(("delay", "seen"), [(0.0, True), (60.0, False)])
def test_on_a_terminal(monkeypatch: pytest.MonkeyPatch, delay: float, seen: bool) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    assert list(progress(squares(), 3, "drawing", delay)) == [0, 1, 4]
    assert ("drawing" in terminal.getvalue() and "/3" in terminal.getvalue()) is seen


def test_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress(squares(), 3, "drawing", 0.0)) == [0, 1, 4]
    assert capsys.readouterr() == ("", "")
