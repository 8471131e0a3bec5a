"""All mistyped words of a command line in one go: unknown keys beside what is wrong before Hydra composes."""

from collections.abc import Sequence

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from segexp.cli.hydra_errors import unknown_keys
from segexp.config.overrides.from_argument import folder_of, resumed_run
from segexp.errors import ConfigError


def with_unknown_keys(error: ConfigError, config_name: str, argv: Sequence[str], extra: Sequence[str]) -> ConfigError:
    """Adds a line for each unknown key to an error about other words, where the keys can be known.

    Args:
        error: What is wrong with the words before anything is composed.
        config_name: Primary config of the command.
        argv: Arguments given, command word taken out.
        extra: Folders given with ``--config-dir``.
    """
    # The keys of an earlier run are read later, and options in a place of the user's by Hydra alone.
    elsewhere = any(word.lstrip("+").startswith("hydra.searchpath=") for word in argv)
    if elsewhere or folder_of(argv) is not None or resumed_run(argv) is not None:
        return error
    try:
        found = unknown_keys(config_name, [word for word in argv if not word.startswith("take_over=")], extra)
    except (HydraException, OmegaConfBaseException, ValueError):
        return error
    told = str(error).split("\n")
    named = {line.partition(":")[0] for line in told}
    return ConfigError("\n".join([*told, *(line for line in found if line.partition(":")[0] not in named)]))
