"""What every data set in conf/datamodule must do; a new YAML is found by itself, its files by its class."""

import copy
import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf

from segexp.config.composed import checked_train
from segexp.config.overrides.groups import groups
from segexp.config.paths import conf_dir
from segexp.config.signatures.signature import signature
from segexp.data.base import ImageDataModule
from segexp.data.splits.rules import PHASES
from segexp.inspection.contracts.datamodules import PROMISES, DataCase
from segexp.inspection.contracts.promise import Promise, outcome
from segexp.spec import IGNORED
from segexp.training.building.datamodule import build_datamodule


@functools.cache
def composed(name: str) -> DictConfig:
    """To be copied before anything is changed."""
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose("train", [f"datamodule={name}"])


def section(name: str) -> dict[str, Any]:
    found: Any = OmegaConf.to_container(composed(name).datamodule, resolve=False)
    return dict(found)


NAMES = [option.name for option in groups()["datamodule"] if section(option.name)["_target_"] != "???"]
"""But that of any LightningDataModule, which promises nothing."""


@pytest.fixture(params=NAMES)
def name(request: Any) -> str:
    return str(request.param)


@pytest.fixture
def case(name: str, tmp_path: Path) -> DataCase:
    """The data set of a YAML, with the files that its class writes."""
    try:
        keys = get_class(section(name)["_target_"]).write_example(tmp_path)
    except NotImplementedError as error:
        pytest.fail(
            f"conf/datamodule/{name}.yaml has no test data ({error}): write_example writes a few tiny images in the "
            "layout of the set and returns the keys that find them"
        )

    def make(seed: int) -> ImageDataModule:
        config = copy.deepcopy(composed(name))
        for key, value in {**keys, "loader.batch_size": 2}.items():
            OmegaConf.update(config, f"datamodule.{key}", json.loads(json.dumps(value)))
        config.seed = seed
        experiment = checked_train(config)
        return build_datamodule(experiment.datamodule, experiment.augment)

    return DataCase(make, keys.get("crop_size"))


def test_conf_has_data_sets() -> None:
    assert {"drive", "synthetic"} <= set(NAMES)


def test_yaml_holds_every_key_of_the_class(name: str) -> None:
    keys = section(name)
    found = signature(keys["_target_"])
    assert found is not None
    assert set(keys) - {"_target_"} == set(found.parameters) - {"augment"}


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.name)
def test_every_promise_is_kept(promise: Promise[DataCase], case: DataCase) -> None:
    found = outcome(promise, [case], {})
    assert found.state == "kept", found.reason


def test_an_example_has_all_classes_and_its_means_lie_inside(case: DataCase) -> None:
    data = case.read()
    assert all(0 < mean < 255 for mean in data.spec.mean)
    if data.spec.target.form == "image":
        return
    every = np.unique(np.concatenate([item.target.ravel() for phase in PHASES for item in data.items(phase)]))
    assert set(every.tolist()) - {IGNORED} == set(range(data.spec.num_classes))
    assert data.spec.in_channels in (1, 3)


class Faulty:
    """A data set with one fault."""

    def __init__(self, data: ImageDataModule, **faults: Any) -> None:
        self.data, self.faults = data, faults

    def __getattr__(self, name: str) -> Any:
        return self.faults.get(name, getattr(self.data, name))


@pytest.mark.parametrize("name", ["synthetic"], indirect=True)
@pytest.mark.parametrize(
    ("promise", "fault", "words"),
    [
        ("training", "samples_per_epoch", r"found \d+ samples an epoch, expected 3"),
        ("whole", "test_dataloader", "found 0 images of test, expected 2"),
        ("parts", "items", "found no image in train, expected some"),
        ("read_once", "scored_region", "found None, expected words"),
    ],
)
def test_a_broken_promise_is_told(promise: str, fault: str, words: str, case: DataCase) -> None:
    values = {
        "samples_per_epoch": 3, "test_dataloader": list, "items": lambda phase: [], "scored_region": lambda: None
    }  # fmt: skip
    faulty = DataCase(lambda seed: Faulty(case.make(seed), **{fault: values[fault]}), 32)
    found = outcome(next(each for each in PROMISES if each.name == promise), [faulty], {})
    assert found.state == "broken"
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(found.reason)
