"""What the fork server is told of the data of jobs."""

from pathlib import Path
from typing import Any

import pytest

from segexp.sweeps.engines import local
from segexp.sweeps.engines.local import LocalJobEngine
from tests.sweeps.made import experiment, section


class Channel:
    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.channel = self

    def send(self, message: dict[str, Any], handles: tuple[int, ...] = ()) -> None:
        self.sent.append(message)


def orders(data: str, monkeypatch: pytest.MonkeyPatch, late: str = "") -> list[tuple[str, list[str]]]:
    """A job for each letter, which is what it reads; ``late`` ones come when half have started."""
    server, job = Channel(), experiment()
    monkeypatch.setattr(LocalJobEngine, "_take_server", lambda engine: server)
    names = iter(data + late)
    monkeypatch.setattr(local, "data_hash", lambda keys: next(names))
    engine = LocalJobEngine(Path("sweep"), section(jobs=1), dict.fromkeys(range(len(data)), job), {}, 0)
    for number in range(len(data + late)):
        if number == len(data) // 2:
            for more in range(len(late)):
                engine.expect(len(data) + more, job)
        engine.start([number])
        engine._running.clear()
    return [(order["data"], order["later"]) for order in server.sent[1:]]


def test_data_that_a_job_to_come_reads_too_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    assert orders("aabb", monkeypatch) == [("a", ["a"]), ("a", []), ("b", ["b"]), ("b", [])]
    assert orders("abab", monkeypatch) == [("a", ["a"]), ("b", ["a", "b"]), ("a", ["b"]), ("b", [])]
    # That of a search comes when the last job that reads the same has started, and before the server forgets it.
    assert orders("ab", monkeypatch, late="a") == [("a", []), ("b", ["a"]), ("a", [])]


def test_orders_do_not_grow_with_the_jobs_to_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand jobs with data of their own once named those of all to come: 10 MB."""
    assert orders("abcdefghijklmnopqrstuvwxyz", monkeypatch) == [(c, []) for c in "abcdefghijklmnopqrstuvwxyz"]
