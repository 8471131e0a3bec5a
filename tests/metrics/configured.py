"""The measures of conf/metric, as their YAML files make them."""

import copy
import functools
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf

from segexp.metrics.base import ImageMeasure

CONF = Path(__file__).parents[2] / "conf"
COLLECTIONS = ("none", "all")
NAMES = sorted(path.stem for path in (CONF / "metric").glob("*.yaml") if path.stem not in COLLECTIONS)


def composed(override: str) -> dict[str, Any]:
    return copy.deepcopy(_composed(override))


@functools.cache
def _composed(override: str) -> dict[str, Any]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        plain = OmegaConf.to_container(compose(overrides=[f"+metric={override}"]))
    assert isinstance(plain, dict)
    return plain.get("metric", {})


def make(name: str) -> ImageMeasure:
    measure = instantiate(composed(name)[name])
    assert isinstance(measure, ImageMeasure)
    return measure
