import numpy as np
import torch

from segexp.inference.demo.answer import Answer
from segexp.inference.demo.answer_cache import AnswerCache


def made(name: str, side: int = 10) -> Answer:
    """3 + 4 bytes a pixel."""
    return Answer(name, np.zeros((side, side, 3), np.uint8), torch.zeros(1, side, side), None, {}, "")


def test_size_counts_picture_and_logits() -> None:
    assert made("a").size == 700


def test_oldest_goes_when_memory_is_full_and_use_makes_new() -> None:
    kept = AnswerCache(1500)
    one, two = kept.add(made("one")), kept.add(made("two"))
    assert kept.size == 1400
    assert kept.get(one) is not None
    three = kept.add(made("three"))
    assert kept.get(two) is None
    assert [kept.get(key).name for key in (one, three)] == ["one", "three"]  # type: ignore[union-attr]
    assert kept.size <= 1500


def test_newest_stays_however_large() -> None:
    kept = AnswerCache(1500)
    kept.add(made("one"))
    large = kept.add(made("large", 100))
    assert kept.get(large) is not None
    assert kept.size == 70_000


def test_dropped_is_gone_and_keys_differ() -> None:
    kept = AnswerCache(10_000)
    keys = {kept.add(made("same")) for _ in range(5)}
    assert len(keys) == 5
    key = keys.pop()
    kept.drop(key)
    kept.drop(key)
    kept.drop(None)
    assert kept.get(key) is None
    assert kept.get(None) is None
    assert kept.size == 2800
