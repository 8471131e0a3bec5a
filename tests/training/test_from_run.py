"""``from=<run folder>`` trains what the command of that run would train, with the new words behind it."""

from pathlib import Path

import pytest

from segexp.cli.app import run
from tests.training.runs import TINY, checkpoint, folders, read_json, same_weights, table, without

WORDS = (*TINY, "metric=[]", "bootstrap=0", "baselines=false", "panels=0", "augment=strong")


def trained(*words: str) -> Path:
    before = set(folders())
    assert run([*words]) == 0
    (path,) = set(folders()) - before
    return path


def assert_same(one: Path, other: Path) -> None:
    assert same_weights(checkpoint(one, "last"), checkpoint(other, "last"))
    assert without(table(one / "metrics.csv"), "seconds") == without(table(other / "metrics.csv"), "seconds")
    assert (one / "config.yaml").read_text() == (other / "config.yaml").read_text()
    assert read_json(one / "run.json")["choices"] == read_json(other / "run.json")["choices"]


def test_it_is_repeated_to_the_last_digit_and_another_seed_is_another_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segexp.training.endings.write_page", lambda path: path)
    first = trained(*WORDS)
    assert_same(first, trained(f"from={first}"))
    typed = trained(*WORDS, "seed=1", "optimizer.lr=0.03")
    again = trained(f"from={first}", "seed=1", "optimizer.lr=0.03")
    assert_same(typed, again)
    assert not same_weights(checkpoint(first, "last"), checkpoint(again, "last"))
    assert read_json(again / "run.json")["overrides"] == read_json(typed / "run.json")["overrides"]
