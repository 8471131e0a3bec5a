"""A thread that is about to end keeps no job from being a copy of the fork server; one that stays does."""

import pytest

from segexp.sweeps.engines import process


def test_threads_that_end_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = [3, 2, 1]
    monkeypatch.setattr(process, "count_threads", lambda: counts.pop(0))
    assert process.count_lasting_threads(patience=60) == 1
    assert counts == []


def test_threads_that_stay_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "count_threads", lambda: 2)
    assert process.count_lasting_threads(patience=0.02) == 2
