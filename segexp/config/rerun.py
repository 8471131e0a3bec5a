"""``from=<run folder>``: the config of an earlier run as input of a new one."""

import atexit
import json
import shutil
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

import yaml

from segexp.config.groups import groups
from segexp.config.stored import check_choices, check_stored
from segexp.config.trust import trusted_packages, typed_keys, without_trust
from segexp.errors import ConfigError

KEY = "from="
# What conf/train.yaml sets for Hydra; the config of a run holds only segexp's own keys.
HYDRA = (
    "hydra.output_subdir=null",
    "hydra.run.dir=.",
    "hydra/job_logging=none",
    "hydra/hydra_logging=none",
)


def choices(argv: Sequence[str]) -> dict[str, str]:
    """Options that the earlier run had chosen, which name the parts of the new one; empty without ``from=``."""
    for argument in argv:
        record = _folder(argument) / "run.json"
        if argument.startswith(KEY) and record.is_file():
            return dict(json.loads(record.read_text(encoding="utf-8")).get("choices", {}))
    return {}


def _folder(argument: str) -> Path:
    """The run folder of ``from=``, which may also name the config.yaml in it."""
    path = Path(argument.removeprefix(KEY))
    return path.parent if path.name == "config.yaml" and path.is_file() else path


def _alone(config: Path, replaced: Sequence[str]) -> Path:
    """A temporary folder with nothing but the config: Hydra would take panels/ and the like for groups.

    Blocks that are to be ``replaced`` by an option of a group are left out.
    """
    place = Path(tempfile.mkdtemp(prefix="segexp_from_"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    blocks = yaml.safe_load(config.read_text(encoding="utf-8"))
    kept = {key: value for key, value in blocks.items() if key not in replaced}
    # Written anew: Hydra would read a comment in the first line as well.
    (place / "config.yaml").write_text(yaml.safe_dump(kept, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return place


def expand(argv: list[str], own: Collection[str] = ()) -> list[str]:
    """Replaces ``from=<run folder>`` by the flags that make Hydra start from that run's config.yaml.

    Args:
        argv: Arguments without the command word.
        own: Keys of the command, which the config of a run does not have.

    Raises:
        ConfigError: The folder holds no config.yaml.
    """
    given = [argument for argument in argv if argument.startswith(KEY)]
    if not given:
        return argv
    if len(given) > 1:
        raise ConfigError(f"{' '.join(given)}: give one run folder")
    folder = _folder(given[0])
    if not (folder / "config.yaml").is_file():
        raise ConfigError(f"{given[0]}: no file {folder / 'config.yaml'}; give the folder of a run")
    blocks = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    trusted, sweeps = trusted_packages(argv), bool({"-m", "--multirun"} & set(argv))
    check_stored(blocks, folder / "config.yaml", trusted, typed=typed_keys(argv), sweeps=sweeps)
    check_choices(choices(argv), folder / "run.json")
    rest = without_trust(argument for argument in argv if argument not in given)
    # A run that went on from a checkpoint is repeated from its start.
    rest += [] if any(argument.startswith("resume=") for argument in rest) else ["resume=null"]
    # The config has blocks and no list of defaults: another option of a group takes the place of its block.
    chosen = [argument.split("=", 1)[0] for argument in rest if argument.split("=", 1)[0] in groups()]
    # Runs from before there were sweeps.
    rest += [] if "sweep" in {*blocks, *chosen} else ["+sweep=grid"]
    added = {*chosen, *own}
    rest = [f"+{argument}" if argument.split("=", 1)[0] in added else argument for argument in rest]
    return ["--config-dir", str(_alone(folder / "config.yaml", chosen)), "--config-name", "config", *rest, *HYDRA]


def own_data(argv: list[str]) -> list[str]:
    """``datamodule.root=...`` as ``+datamodule.root=...`` where no data set is chosen: it changes the run's own."""
    if any(argument.startswith("datamodule=") for argument in argv):
        return argv
    return [f"+{argument}" if argument.startswith("datamodule.") else argument for argument in argv]
