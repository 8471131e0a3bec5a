"""``from_cam``, weak supervision in one command: maps of a classifier, masks of the maps, a segmentation of these."""

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from segexp.config.command_schema import LocalizeConfig
from segexp.config.experiment import Experiment
from segexp.config.paths import conf_dir
from segexp.config.schema import FromCamConfig
from segexp.config.sections import structured
from segexp.errors import ConfigError
from segexp.inference.localize.command import localize_files
from segexp.inference.localize.outputs import FACTS
from segexp.inference.predict.identity import digest_content
from segexp.runs.checkpoints import find_sources
from segexp.runs.console import LOG, start_console
from segexp.runs.folder import RunFolder
from segexp.runs.json_yaml import read_json
from segexp.training.commands import run_training

MADE = "from_cam.json"
"""In the folder of the masks: how they were made, so that they are made once."""


def train_from_cam(experiment: Experiment, own: FromCamConfig) -> None:
    """Makes the masks, unless they are there, and trains on them.

    Args:
        experiment: Checked; its data set reads the folder of the masks.
        own: The command's own keys.

    Raises:
        UserError: Classifier, patches, masks or data are at fault.
    """
    start_console()
    config = localize_config(own)
    folder = Path(own.masks).expanduser()
    recipe = _recipe(own)
    if (folder / MADE).is_file():
        _refuse_other(folder, recipe)
        LOG.info(f"masks       {folder}, made before")
    else:
        LOG.info(localize_files(config, experiment.invocation.command[1:]))
        RunFolder(folder).write_json(MADE, recipe)
    run_training(experiment)


def localize_config(own: FromCamConfig) -> LocalizeConfig:
    """Makes the config of ``localize`` that writes the masks: conf/localize.yaml with the keys that are given."""
    loaded: Any = OmegaConf.to_container(OmegaConf.load(conf_dir() / "localize.yaml"))
    plain = {key: value for key, value in loaded.items() if key not in ("defaults", "hydra")}
    maps = own.maps
    given = {
        "run": own.classifier, "input": own.patches, "output": own.masks, "method": maps.method, "label": maps.label,
        "scale": maps.scale, "smooth": maps.smooth, "views": maps.views, "write": ["mask"], "singles": 0,
        "mask": {"threshold": maps.threshold, "band": maps.band}, "seed": own.seed, "debug": own.debug,
        "trust": own.trust,
    }  # fmt: skip
    return structured(LocalizeConfig, {**plain, **given})


def _recipe(own: FromCamConfig) -> dict[str, Any]:
    """What decides the masks: the classifier's weights, the patches' names, the settings."""
    (source,) = find_sources(own.classifier)
    patches = own.patches if isinstance(own.patches, str) else list(own.patches)
    return {"weights": digest_content(source.checkpoint), "patches": patches, "maps": vars(own.maps)}


def _refuse_other(folder: Path, recipe: dict[str, Any]) -> None:
    found = read_json(folder / MADE)
    changed = [key for key, value in recipe.items() if found.get(key) != value]
    if changed or not (folder / FACTS).is_file():
        other = ", ".join(changed) or FACTS
        raise ConfigError(f"masks: {folder} holds masks made in another way (other {other}); give another folder")
