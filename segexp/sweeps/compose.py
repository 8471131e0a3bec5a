"""Hydra's own sweeper, but every config is composed once, and the first config is that of the first job."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override
from hydra.plugins.sweeper import Sweeper
from hydra.types import RunMode
from omegaconf import DictConfig


@contextmanager
def composing_once() -> Iterator[None]:
    """In this context Hydra does not compose all jobs of a grid ahead, only to see whether they can be.

    Our jobs do nothing but hand over their config, and nothing is written before all have done so: what is wrong is
    found all the same, and composing twice would take twice as long, a quarter of a second for each job. Hydra has no
    option for it, and takes sweepers from a package ``hydra_plugins`` only.

    Before any job Hydra composes one config from the words that have one value, with the default of each group that
    has several: ``experiment=a,b datamodule.root=x`` would fail there although every job can be composed. Here that
    config is the one of the first job.
    """
    legal, load = Sweeper.validate_batch_is_legal, ConfigLoaderImpl._load_configuration_impl
    Sweeper.validate_batch_is_legal = _nothing  # type: ignore[assignment,method-assign] # put back below

    def load_first(
        loader: ConfigLoaderImpl, config_name: str | None, overrides: list[str], run_mode: RunMode, **more: Any
    ) -> DictConfig:
        if run_mode is not RunMode.MULTIRUN:
            return load(loader, config_name, overrides, run_mode, **more)
        config = load(loader, config_name, _first_choices(loader, overrides), run_mode, **more)
        # The sweeper reads here what is swept.
        config.hydra.overrides.task = [each.input_line for each in _parsed(overrides) if not each.is_hydra_override()]
        return config

    ConfigLoaderImpl._load_configuration_impl = load_first  # type: ignore[assignment,method-assign] # put back below
    try:
        yield
    finally:
        Sweeper.validate_batch_is_legal = legal  # type: ignore[method-assign]
        ConfigLoaderImpl._load_configuration_impl = load  # type: ignore[method-assign]


def _nothing(sweeper: Sweeper, batch: Sequence[Sequence[str]]) -> None: ...


def _parsed(overrides: Sequence[str]) -> list[Override]:
    return OverridesParser.create().parse_overrides(list(overrides))


def _first_choices(loader: ConfigLoaderImpl, overrides: Sequence[str]) -> list[str]:
    """The words, of groups with several options the first one alone."""
    return [_first(each) if _sweeps_group(loader, each) else str(each.input_line) for each in _parsed(overrides)]


def _sweeps_group(loader: ConfigLoaderImpl, override: Override) -> bool:
    return isinstance(override.value(), ChoiceSweep) and bool(loader.get_group_options(override.key_or_group))


def _first(override: Override) -> str:
    key, _, _ = str(override.input_line).partition("=")
    return f"{key}={next(override.sweep_string_iterator())}"
