"""The study: Optuna's record of all trials, in a database that its own dashboard can open."""

import importlib.util
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from segexp.config.schema import SearchConfig
from segexp.errors import MissingExtraError
from segexp.spec import Direction
from segexp.sweeps.search.dimensions import Dimension, Numbers
from segexp.system.optuna_storage import make_pruner, open_storage

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler


def require_optuna() -> None:
    """Refuses where Optuna is missing.

    Raises:
        MissingExtraError: It is not installed.
    """
    if importlib.util.find_spec("optuna") is None:
        raise MissingExtraError("sweep=optuna: the package optuna is not installed; pip install 'segexp[search]'")


def make_sampler(section: SearchConfig) -> "BaseSampler":
    """Makes the sampler of the next trial's values, by ``sampler``, ``startup`` and ``seed`` of the section."""
    from optuna import samplers
    from optuna.exceptions import ExperimentalWarning

    from segexp.sweeps.search.sampler import SeededByTrial

    def make(seed: int) -> samplers.BaseSampler:
        if section.sampler == "random":
            return samplers.RandomSampler(seed=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            # Trials that still run count as bad ones: several at a time would look at the same spot.
            return samplers.TPESampler(
                n_startup_trials=section.startup, multivariate=True, constant_liar=True, seed=seed
            )

    return SeededByTrial(make, section.seed)


def distributions(dimensions: Mapping[str, Dimension]) -> "dict[str, BaseDistribution]":
    """The dimensions in Optuna's terms."""
    return {name: _distribution(dimension) for name, dimension in dimensions.items()}


def _distribution(dimension: Dimension) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not isinstance(dimension, Numbers):
        return CategoricalDistribution(dimension.values)
    if dimension.whole:
        return IntDistribution(int(dimension.low), int(dimension.high), dimension.log, int(dimension.step or 1))
    return FloatDistribution(dimension.low, dimension.high, dimension.log, dimension.step)


def open_study(name: str, url: str, direction: Direction, section: SearchConfig, pruner: Mapping[str, Any]) -> "Study":
    """Opens a study, or makes it.

    Args:
        name: Its name.
        url: Its storage, see :func:`storage_url`.
        direction: Which values are better.
        section: The keys ``sweep``.
        pruner: Settings of the pruner, see :func:`make_pruner`.

    Raises:
        ConfigError: The storage cannot be opened.
    """
    import optuna

    return optuna.create_study(
        study_name=name,
        storage=open_storage(url),
        direction={"min": "minimize", "max": "maximize"}[direction],
        sampler=make_sampler(section),
        pruner=make_pruner(pruner),
        load_if_exists=True,
    )
