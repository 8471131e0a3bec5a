"""Batches divided between ranks."""

from collections.abc import Callable
from itertools import chain

import pytest

from segexp.data.sampling import batches as module
from segexp.data.sampling.batches import KeyedBatches, check_shares, shares
from segexp.data.sampling.samples import SPARE, Key, KeyedSampler, WholeImages
from segexp.errors import ConfigError
from tests.data.sampling.test_samples import ITEMS

AsRank = Callable[[int, int], None]


@pytest.fixture
def as_rank(monkeypatch: pytest.MonkeyPatch) -> AsRank:
    return lambda rank, ranks: monkeypatch.setattr(module, "rank_of", lambda: (rank, ranks))


def of_ranks(as_rank: AsRank, batches: KeyedBatches, ranks: int) -> list[list[list[Key]]]:
    found = []
    for rank in range(ranks):
        as_rank(rank, ranks)
        found.append(list(batches))
        assert len(found[-1]) == len(batches)
    return found


@pytest.mark.parametrize("drop_last", [True, False])
@pytest.mark.parametrize(("length", "size", "ranks"), [(11, 4, 2), (11, 4, 3), (10, 7, 3), (12, 4, 4)])
def test_parts_of_ranks_are_the_batches_of_one(
    as_rank: AsRank, length: int, size: int, ranks: int, drop_last: bool
) -> None:
    sampler = KeyedSampler(length, 7, shuffle=True)
    batches = KeyedBatches(sampler, size, drop_last=drop_last, divide=True)
    for epoch in (0, 3):
        sampler.set_epoch(epoch)
        (alone,) = of_ranks(as_rank, batches, 1)
        assert len(alone) == (length // size if drop_last else -(-length // size))
        divided = of_ranks(as_rank, batches, ranks)
        assert [list(chain(*parts)) for parts in zip(*divided, strict=True)] == alone
        sizes = [[len(part) for part in parts] for parts in zip(*divided, strict=True)]
        as_rank(0, ranks)
        assert sizes == [batches.shares(number) for number in range(len(batches))]
        assert min(map(min, sizes)) >= 1


@pytest.mark.parametrize(("length", "ranks"), [(11, 1), (11, 2), (11, 4), (3, 4), (1, 2)])
def test_whole_batches_go_round_and_none_counts_twice(as_rank: AsRank, length: int, ranks: int) -> None:
    for size in (1, 3):
        batches = KeyedBatches(KeyedSampler(length, 7, shuffle=False), size, drop_last=False, divide=False)
        (alone,) = of_ranks(as_rank, batches, 1)
        divided = of_ranks(as_rank, batches, ranks)
        assert all(divided)
        seen = sorted(batch for of_rank in divided for batch in of_rank if batch[0][0] != SPARE)
        assert seen == sorted(alone)


def test_a_spare_image_has_no_number() -> None:
    images = WholeImages(ITEMS)
    assert images[0, 1]["index"] == 1
    assert images[SPARE, 1]["index"] == SPARE


def test_shares_are_even() -> None:
    assert shares(8, 2) == [4, 4]
    assert shares(8, 3) == [3, 3, 2]
    assert shares(1, 3) == [1, 0, 0]


def test_a_batch_that_cannot_be_divided_is_refused() -> None:
    check_shares(10, 4, 2, drop_last=False)
    check_shares(9, 4, 2, drop_last=True)
    with pytest.raises(ConfigError, match=r"batch_size: found 2 for 3 ranks"):
        check_shares(12, 2, 3, drop_last=False)
    with pytest.raises(ConfigError, match=r"9 samples in batches of 4 leave 1 for the last one.*drop_last=true"):
        check_shares(9, 4, 2, drop_last=False)


@pytest.mark.parametrize("repeats", [False, True])
def test_an_epoch_that_goes_on_has_the_rest_of_its_batches(as_rank: AsRank, repeats: bool) -> None:
    sampler = KeyedSampler(11, 7, shuffle=True, repeats=repeats)
    whole = KeyedBatches(sampler, 4, drop_last=False, divide=True)
    rest = KeyedBatches(sampler, 4, drop_last=False, divide=True, begin=(3, 2))
    for epoch, left_out in ((0, 0), (3, 2), (4, 0)):
        sampler.set_epoch(epoch)
        for rank in (0, 1):
            as_rank(rank, 2)
            assert list(rest) == list(whole)[left_out:]
            assert len(rest) == 3
