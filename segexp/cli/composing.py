"""The configs of a command line, one for each job, composed by Hydra's public functions alone.

``hydra.main`` would compose each config twice, make folders, and does not start on Python 3.14.
"""

import copy
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import ClassVar

from hydra import compose, initialize_config_dir
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from segexp.errors import ConfigError
from segexp.system.signals import interrupt_held

SWEEPS = "hydra.mode=MULTIRUN"
"""The word that says the same as ``-m``."""


class ConfigDirs(SearchPathPlugin):
    """Lets Hydra look for options in more folders, after its own and ours.

    Attributes:
        folders: Of the command line that is composed at the moment.
    """

    folders: ClassVar[tuple[str, ...]] = ()

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Adds the folders."""
        for folder in self.folders:
            search_path.append("command-line", f"file://{os.path.abspath(folder)}")  # noqa: PTH100 - as it was given, links too


@contextmanager
def searching(home: Path, folders: Sequence[str]) -> Iterator[None]:
    """In this context Hydra composes: of the configs in ``home``, and of options in ``folders`` too."""
    Plugins.instance().register(ConfigDirs)
    ConfigDirs.folders = tuple(folders)
    try:
        with initialize_config_dir(os.path.abspath(home), version_base="1.3"):  # noqa: PTH100 - as it was given, links too
            yield
    finally:
        ConfigDirs.folders = ()


def composed_jobs(name: str, words: Sequence[str], *, sweeps: bool) -> Iterator[DictConfig]:
    """Composes the jobs of a command line, each when it is asked for; to be called in :func:`searching`.

    Args:
        name: Primary config.
        words: Overrides.
        sweeps: Whether ``-m`` asks for a sweep; a word or a file of the user's may do so too.

    Yields:
        The config of a job with its block ``hydra``: of one that is no sweep one config.

    Raises:
        HydraException: A word, or what it asks for, is wrong.
        ConfigError: A sweep over what cannot be swept.
    """
    overrides = _parsed(words)
    first = _first_job(name, overrides, sweeps=sweeps)
    if not (sweeps or (first is not None and first.hydra.mode == RunMode.MULTIRUN)):
        yield first if first is not None and not _swept(overrides) else _composed(name, words)
        return
    params = dict(first.hydra.sweeper.get("params") or {}) if first is not None else {}
    overrides = [*_parsed([f"{key}={value}" for key, value in params.items()]), *overrides]
    own = [*_of_hydra(overrides), SWEEPS]
    for number, job in enumerate(grid(overrides)):
        config = _composed(name, [*own, *job])
        with open_dict(config):
            config.hydra.job.id = str(number)
            config.hydra.job.num = number
        yield config


def grid(overrides: Sequence[Override]) -> list[list[str]]:
    """Lists the words of each job of a sweep, those of the last key changing first; Hydra's own keys are left out.

    Raises:
        ConfigError: A key takes a range without steps, which only a search can.
    """
    found: dict[str, list[str]] = {}
    for override in overrides:
        key = override.get_key_element()
        if override.is_hydra_override():
            continue
        if not override.is_sweep_override():
            found[key] = [f"{key}={override.get_value_element_as_str()}"]
        elif override.is_discrete_sweep():
            found[key] = [f"{key}={value}" for value in override.sweep_string_iterator()]
        else:
            raise ConfigError(f"{override.input_line}: is for a search; add sweep=optuna")
    return [list(job) for job in product(*found.values())]


def _parsed(words: Sequence[str]) -> list[Override]:
    """Overrides that can be asked for their values; ``glob(*)`` looks at the options of its group."""
    return OverridesParser.create(config_loader=GlobalHydra.instance().config_loader()).parse_overrides(list(words))


def _composed(name: str, words: Sequence[str]) -> DictConfig:
    with interrupt_held():
        return compose(name, list(words), return_hydra_config=True)


def _first_job(name: str, overrides: Sequence[Override], *, sweeps: bool) -> DictConfig | None:
    """The config of the first job, where a word or a file of the user's may say something about sweeps in it.

    None: there are none, or it cannot be composed, which is found again where the error can be told.
    """
    if not (ConfigDirs.folders or any(override.is_hydra_override() for override in overrides)):
        return None
    try:
        return _composed(name, [_first(override) for override in overrides])
    except (HydraException, OmegaConfBaseException, ValueError):
        if sweeps:
            raise
        return None


def _first(override: Override) -> str:
    """The word, of several values with the first one alone."""
    if not override.is_discrete_sweep():
        return str(override.input_line)
    return f"{override.get_key_element()}={next(override.sweep_string_iterator())}"


def _swept(overrides: Sequence[Override]) -> bool:
    return any(override.is_sweep_override() for override in overrides)


def _of_hydra(overrides: Sequence[Override]) -> list[str]:
    """Words about Hydra's own keys.

    Raises:
        ConfigError: One has several values.
    """
    own = [override for override in overrides if override.is_hydra_override()]
    if several := [override.input_line for override in own if override.is_sweep_override()]:
        raise ConfigError(f"{several[0]}: found several values; keys of Hydra are for the whole sweep, give one")
    return [str(override.input_line) for override in own]


def job_config(config: DictConfig) -> DictConfig:
    """The config of a job without the block ``hydra``, whose resolvers (``${hydra:...}``) work in it afterwards."""
    HydraConfig.instance().set_config(config)
    keys = ("sweep.dir", "sweep.subdir") if config.hydra.mode == RunMode.MULTIRUN else ("run.dir",)
    output = Path(*(str(OmegaConf.select(config.hydra, key)) for key in keys)).absolute()
    with read_write(config.hydra.runtime), open_dict(config.hydra.runtime):
        config.hydra.runtime.output_dir = str(output)
    HydraConfig.instance().set_config(config)
    plain = copy.deepcopy(config)
    with read_write(plain), open_dict(plain):
        del plain["hydra"]
    return plain
