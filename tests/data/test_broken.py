"""Kinds of broken data set: each is found by the check with file and reason, and none reaches training."""

import copy
import os
import shutil
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from segexp.config.composed import checked_train
from segexp.config.experiment import Experiment
from segexp.config.paths import conf_dir
from segexp.errors import UserError
from segexp.training.checks.check import check
from segexp.training.train import train_experiment
from tests.data.broken import BROKEN, SETS
from tests.data.broken_changes import IMAGE
from tests.training.runs import folders

COMMON = (
    "model=cunet", "model.base=2", "model.depth=2", "trainer.max_epochs=1", "trainer.progress=none", "speed=off",
    "trainer.accelerator=cpu", "datamodule.crop_size=32", "datamodule.loader.batch_size=2",
    "datamodule.loader.num_workers=0",
)  # fmt: skip


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Experiment]]:
    """Each data set as it should be, and its config."""
    made = {}
    for name, (make, line) in SETS.items():
        root = tmp_path_factory.mktemp("sound") / name
        make(root)
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            made[name] = root, checked_train(compose("train", [*COMMON, *line, f"datamodule.root={root}"]))
    return made


def placed(sound: dict[str, tuple[Path, Experiment]], name: str, tmp_path: Path) -> tuple[Path, Experiment]:
    root, experiment = sound[name]
    own_root = Path(shutil.copytree(root, tmp_path / "data"))
    experiment = copy.deepcopy(experiment)
    experiment.datamodule["root"] = str(own_root)
    return own_root, experiment


def test_there_are_at_least_thirty_kinds() -> None:
    assert len(BROKEN) >= 30
    assert {kind.data for kind in BROKEN.values()} == set(SETS)


@pytest.mark.parametrize("name", SETS)
def test_the_sound_ones_pass(name: str, sound: dict[str, tuple[Path, Experiment]], tmp_path: Path) -> None:
    _, experiment = placed(sound, name, tmp_path)
    told, _ = check(experiment, full=True, scope="all")
    assert [problem for problem in told["problems"] if problem["fatal"]] == []
    assert told["ok"]


@pytest.mark.parametrize("name", BROKEN)
def test_it_is_found_and_does_not_reach_training(
    name: str, sound: dict[str, tuple[Path, Experiment]], tmp_path: Path
) -> None:
    kind = BROKEN[name]
    root, experiment = placed(sound, kind.data, tmp_path)
    kind.change(root, experiment)
    told, text = check(copy.deepcopy(experiment), full=True, scope="all")
    assert not told["ok"]
    fatal = [problem for problem in told["problems"] if problem["fatal"]]
    assert any(
        p["kind"] == kind.kind and kind.subject in p["text"].split(" (")[0] and kind.reason in p["text"] for p in fatal
    ), text
    assert all(problem["text"].splitlines()[0] in text for problem in fatal)
    with pytest.raises(UserError) as refused:
        train_experiment(experiment, allocator=False)
    assert refused.value.exit_code == 2
    assert kind.reason in str(refused.value)
    assert not folders()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission(sound: dict[str, tuple[Path, Experiment]], tmp_path: Path) -> None:
    root, experiment = placed(sound, "folder", tmp_path)
    (root / IMAGE).chmod(0)
    told, _ = check(experiment, full=True, scope="data")
    assert any("no permission to read it" in problem["text"] for problem in told["problems"] if problem["fatal"])
