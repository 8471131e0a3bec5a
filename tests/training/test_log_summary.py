"""The first lines of a run."""

import logging

import pytest

from segexp.training.log_summary import LOG, log_notes


def test_guesses_are_notes_and_what_is_left_out_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[logging.LogRecord] = []
    monkeypatch.setattr(LOG, "handle", told.append)
    monkeypatch.setattr(LOG, "level", logging.INFO)
    monkeypatch.setattr(LOG, "_cache", {})
    log_notes(["guessed from names: 3 images", "left out: a.png: damaged"])
    assert [(record.levelname, record.getMessage()) for record in told] == [
        ("INFO", "note: guessed from names: 3 images"),
        ("WARNING", "left out: a.png: damaged"),
    ]
