"""Parts of the Lightning Trainer that a config names by their class: strategy, profiler, plugins."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from lightning.fabric.plugins import CheckpointIO, ClusterEnvironment
from lightning.pytorch.profilers import AdvancedProfiler, Profiler, PyTorchProfiler, SimpleProfiler
from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy, Strategy

from segexp.config.schema import ObjectConfig, TrainerConfig
from segexp.errors import ConfigError
from segexp.training.building.constructor_errors import naming_section
from segexp.training.checks.config_trials import expect

PROFILERS: Mapping[str, type[Profiler]] = {
    "simple": SimpleProfiler, "advanced": AdvancedProfiler, "pytorch": PyTorchProfiler,
}  # fmt: skip
PROFILE = "profile"
"""Name of the file in the run folder; Lightning puts ``fit-`` in front of it."""


def build_profiler(asked: str | ObjectConfig | None, folder: Path) -> Profiler | None:
    """Builds a profiler that writes below a folder; an absolute folder of its own is meant.

    Raises:
        ConfigError: Its class refuses its keys, or is no profiler.
    """
    if asked is None:
        return None
    if isinstance(asked, str):
        # Each takes these; the base class says nothing of its constructor.
        made: Profiler = PROFILERS[asked](folder, PROFILE)
        return made
    with naming_section("trainer.profiler", asked):
        made = instantiate(asked, _convert_="all")
        expect(made, Profiler, "trainer.profiler", "a lightning.pytorch.profilers.Profiler")
    made.dirpath = folder / (made.dirpath or "")
    made.filename = made.filename or PROFILE
    return made


def build_strategy(asked: ObjectConfig, ranks: int) -> Strategy:
    """Builds a strategy that a config names by its class.

    Raises:
        ConfigError: Its class refuses its keys, is no strategy, or none for so many ranks.
    """
    with naming_section("trainer.strategy", asked):
        made: Strategy = instantiate(asked, _convert_="all")
        expect(made, Strategy, "trainer.strategy", "a lightning.pytorch.strategies.Strategy")
    name = type(made).__name__
    if not isinstance(made, DDPStrategy | SingleDeviceStrategy):
        raise ConfigError(
            f"trainer.strategy._target_: found {name}, but the weights are read by one process once training is over; "
            "to divide them between GPUs write trainer.strategy=fsdp"
        )
    if ranks > 1 and not isinstance(made, DDPStrategy):
        raise ConfigError(f"trainer.strategy._target_: found {name} with {ranks} ranks, expected a DDPStrategy")
    return made


def build_plugins(section: TrainerConfig) -> list[Any]:
    """Builds the plugins of a config.

    Raises:
        ConfigError: A class refuses its keys, or does what segexp does itself.
    """
    asked = section.plugins
    blocks = asked if isinstance(asked, list) else [] if asked is None else [asked]
    return [_plugin(f"trainer.plugins[{number}]", block) for number, block in enumerate(blocks)]


def _plugin(key: str, block: ObjectConfig) -> Any:
    with naming_section(key, block):
        made = instantiate(block, _convert_="all")
    if isinstance(made, CheckpointIO | ClusterEnvironment):
        what = "checkpoints are written" if isinstance(made, CheckpointIO) else "processes are found"
        raise ConfigError(f"{key}._target_: found {type(made).__name__}, but {what} by segexp itself; leave it out")
    return made
