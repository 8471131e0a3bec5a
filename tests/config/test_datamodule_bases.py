"""The data sets share their keys by a base; what each composes to is what version 0.1 wrote out in full."""

import json
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from segexp.cli.app import run
from segexp.config.migration import migrated
from segexp.config.overrides.groups import groups
from segexp.config.paths import conf_dir

STORED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "v0_1" / "datamodules.json").read_text(encoding="utf-8")
)
NEW = {"generate": False}
"""Keys that version 0.1 did not have."""
NEW_OF_LOADER = {"on_device": False}
OWN = """# A data set of the user's own, that writes all of its keys itself
_target_: segexp.data.datasets.synthetic.SyntheticDataModule
scene: cells                   # what is drawn
"""


def composed(name: str, *folders: Path) -> Any:
    search = [f"hydra.searchpath=[{','.join(f'file://{folder}' for folder in folders)}]"] if folders else []
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return OmegaConf.to_container(compose("train", [*search, f"datamodule={name}"]).datamodule, resolve=False)


@pytest.mark.parametrize("name", STORED)
def test_every_key_has_the_value_it_had(name: str) -> None:
    before = migrated({"datamodule": STORED[name]})["datamodule"]
    assert composed(name) == {**NEW, **before, "loader": {**before["loader"], **NEW_OF_LOADER}}


def test_a_base_is_no_option() -> None:
    options = [option.name for option in groups()["datamodule"]]
    assert set(STORED) <= set(options)
    assert not [name for name in options if name.startswith("base")]


@pytest.mark.parametrize("base", ["base", "base_files"])
def test_a_base_alone_is_refused(base: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", f"datamodule={base}", "scope=config"]) == 2
    assert "datamodule._target_: must be given" in capsys.readouterr().err


def test_a_yaml_of_the_users_own_needs_no_base(tmp_path: Path) -> None:
    path = tmp_path / "datamodule" / "mine.yaml"
    path.parent.mkdir()
    path.write_text(OWN, encoding="utf-8")
    assert composed("mine", tmp_path) == {
        "_target_": "segexp.data.datasets.synthetic.SyntheticDataModule", "scene": "cells"
    }  # fmt: skip
    path.write_text(OWN.replace("_target_", "defaults: [base, _self_]\n_target_", 1), encoding="utf-8")
    stored = {key: value for key, value in STORED["synthetic"].items() if key in BASE}
    own = {"_target_": "segexp.data.datasets.synthetic.SyntheticDataModule", "scene": "cells"}
    assert composed("mine", tmp_path) == stored | NEW | own | CHANGED | {"loader": stored["loader"] | NEW_OF_LOADER}


BASE = set(STORED["synthetic"]) - {"size", "train_images", "val_images", "test_images", "scene_seed", "memory_limit"}
CHANGED = {"crop_size": None, "crops_per_image": 1}
"""What the drawn data set sets other than its base."""
