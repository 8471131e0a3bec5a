"""Where ``init_from`` points to."""

import os
from pathlib import Path

from segexp.errors import ConfigError, DataError
from segexp.runs.checkpoints import find_sources
from segexp.runs.near_runs import near_runs

EXPECTED = "a run folder, a checkpoint, a state dict or a .safetensors"
_BEST = Path("checkpoints") / "best.ckpt"


def weight_file(init_from: str) -> Path:
    """Gives the file that ``init_from`` names: itself, or the best checkpoint of a run folder.

    Raises:
        ConfigError: There is none.
    """
    place = Path(os.path.expanduser(init_from))  # noqa: PTH111 - that of pathlib raises for an unknown user
    if place.is_dir():
        try:
            (source,) = find_sources(place)
        except DataError as error:
            raise ConfigError(f"init_from: {place} holds no {_BEST}; give {EXPECTED}") from error
        return source.checkpoint
    if not place.is_file():
        raise ConfigError(f"init_from: no file or folder {place}; give {EXPECTED}{near_runs('init_from', place)}")
    return place
