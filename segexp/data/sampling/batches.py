"""Which samples make up a batch, and which part of them each rank takes."""

from collections.abc import Iterator

import torch
from torch.utils.data import Sampler

from segexp.data.sampling.samples import SPARE, Key, KeyedSampler
from segexp.errors import ConfigError
from segexp.types import LoaderOptions


class KeyedBatches(Sampler[list[Key]]):
    """Batches of keys, the same with any number of ranks: a training batch is divided, of others each takes every n-th.

    Attributes:
        sampler: Whose keys; Lightning tells it the epoch.
    """

    def __init__(
        self, sampler: KeyedSampler, size: int, *, drop_last: bool, divide: bool, begin: tuple[int, int] = (0, 0)
    ) -> None:
        """Sets how batches are made.

        Args:
            sampler: Order of the samples.
            size: Samples in a batch, on all ranks together.
            drop_last: Leave out a last batch that is not full.
            divide: Each rank takes its part of every batch; False: whole batches in turn, so that what is measured
                batch by batch does not depend on the ranks.
            begin: An epoch and the number of its first batch: those before it are left out, for a training that goes on
                within that epoch; other epochs have all of theirs.
        """
        self.sampler = sampler
        self.size = size
        self.drop_last = drop_last
        self.divide = divide
        self.begin = begin

    def __len__(self) -> int:
        rank, ranks = rank_of()
        return self._count() if self.divide else max(1, len(range(rank, self._count(), ranks)))

    def _first(self) -> int:
        epoch, batch = self.begin
        return batch if self.sampler.training_epoch == epoch else 0

    def _count(self) -> int:
        samples = len(self.sampler)
        return samples // self.size if self.drop_last else -(-samples // self.size)

    def __iter__(self) -> Iterator[list[Key]]:
        keys = list(self.sampler)
        batches = [
            keys[number * self.size : (number + 1) * self.size] for number in range(self._first(), self._count())
        ]
        rank, ranks = rank_of()
        if not self.divide:
            # A rank without images would not take part in the exchange at the end, and the others would wait.
            return iter(batches[rank::ranks] or [[(SPARE, keys[0][1])]])
        return iter([_part(batch, rank, ranks) for batch in batches])

    def shares(self, number: int) -> list[int]:
        """Number of samples that each rank has of a batch, by the batch's number in the epoch."""
        _, ranks = rank_of()
        return shares(min(self.size, len(self.sampler) - number * self.size), ranks)


def shares(samples: int, ranks: int) -> list[int]:
    """A batch divided as evenly as it can be, the larger parts first."""
    return [samples // ranks + (rank < samples % ranks) for rank in range(ranks)]


def check_batches(samples: int, options: LoaderOptions, ranks: int) -> None:
    """Checks that there is a training batch, and that every rank has a sample of every one.

    Raises:
        ConfigError: Nothing would be trained, or a batch is smaller than the number of ranks.
    """
    if options.drop_last and samples < options.batch_size:
        raise ConfigError(
            f"datamodule.loader.drop_last: {samples} samples do not fill one batch of {options.batch_size}, so nothing "
            "would be trained; use a smaller batch_size or drop_last=false"
        )
    if ranks > 1:
        check_shares(samples, options.batch_size, ranks, drop_last=options.drop_last)


def check_shares(samples: int, batch_size: int, ranks: int, *, drop_last: bool) -> None:
    """Checks that every rank has a sample of every batch.

    Raises:
        ConfigError: A batch is smaller than the number of ranks.
    """
    last = 0 if drop_last else samples % batch_size
    if min(shares(batch_size, ranks)) == 0:
        raise ConfigError(
            f"datamodule.loader.batch_size: found {batch_size} for {ranks} ranks; it is divided between them, use at "
            f"least {ranks}"
        )
    if 0 < last < ranks:
        raise ConfigError(
            f"datamodule.loader.batch_size: {samples} samples in batches of {batch_size} leave {last} for the last "
            f"one, which {ranks} ranks cannot divide; use another batch_size, or datamodule.loader.drop_last=true"
        )


def _part(batch: list[Key], rank: int, ranks: int) -> list[Key]:
    """Neighbours, so that the parts in the order of the ranks are the batch."""
    parts = shares(len(batch), ranks)
    start = sum(parts[:rank])
    return batch[start : start + parts[rank]]


def rank_of() -> tuple[int, int]:
    """This rank and how many there are."""
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1
