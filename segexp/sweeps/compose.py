"""Hydra's own sweeper, but every config is composed once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hydra.plugins.sweeper import Sweeper


@contextmanager
def composing_once() -> Iterator[None]:
    """In this context Hydra does not compose all jobs of a grid ahead, only to see whether they can be.

    Our jobs do nothing but hand over their config, and nothing is written before all have done so: what is wrong is
    found all the same, and composing twice would take twice as long, a quarter of a second for each job. Hydra has no
    option for it, and takes sweepers from a package ``hydra_plugins`` only.
    """
    before = Sweeper.validate_batch_is_legal
    Sweeper.validate_batch_is_legal = _nothing  # type: ignore[assignment,method-assign] # put back below
    try:
        yield
    finally:
        Sweeper.validate_batch_is_legal = before  # type: ignore[method-assign]


def _nothing(sweeper: Sweeper, batch: Sequence[Sequence[str]]) -> None: ...
