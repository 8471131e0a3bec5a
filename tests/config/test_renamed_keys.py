"""Keys that version 0.1 called otherwise: in stored configs, in configs of a user's own, and in commands."""

from pathlib import Path

import pytest

from segexp.cli.app import run
from segexp.config.lineage import definition, is_below
from segexp.config.migration import changes, for_hydra, migrated
from segexp.config.signatures.signature import signature
from segexp.config.signatures.task_figures import own_figures
from segexp.spec import FigureSpec

FOLDER = "segexp.data.folder.FolderDataModule"


def test_old_keys_of_a_class_get_their_new_names() -> None:
    config = {"datamodule": {"_target_": FOLDER, "unit": "{patient}", "split_by": None, "stray": "nearest"}}
    now = migrated(config)
    assert now["datamodule"] == {"_target_": FOLDER, "split_by": "{patient}", "unknown_values": "nearest"}
    assert changes(config) == [
        "datamodule.unit is now datamodule.split_by",
        "datamodule.stray is now datamodule.unknown_values",
    ]
    assert migrated(now) == now and changes(now) == []


def test_a_class_of_0_1_is_known_by_both_names_and_others_keep_their_keys() -> None:
    cells = {"_target_": "segexp.data.cells.CellsDataModule", "stray": "raise"}
    assert migrated({"datamodule": cells})["datamodule"] == {
        "_target_": "segexp.data.datasets.cells.CellsDataModule", "unknown_values": "raise",
    }  # fmt: skip
    own = {"datamodule": {"_target_": "mine.Data", "unit": 3}}
    assert migrated(own) == own and changes(own) == []


def test_old_words_of_a_command_are_added_to_the_config() -> None:
    words = ["datamodule.unit={a}", "+datamodule.stray=nearest", "datamodule.split_by=x", "model=unet"]
    assert for_hydra(words) == ["++datamodule.unit={a}", *words[1:]]


def test_where_no_class_has_the_old_key_it_is_unknown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["check", "datamodule=synthetic", "datamodule.unit=x"]) == 2
    assert "datamodule.unit: no such key" in capsys.readouterr().err


def test_a_data_set_of_a_users_own_stands_on_the_base_class_under_its_old_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "old_leaves.py").write_text(
        "from segexp.data.base import SegmentationDataModule\n\n"
        "class Leaves(SegmentationDataModule):\n"
        "    def __init__(self, root: str, **shared): super().__init__(**shared)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found, keys = definition("old_leaves.Leaves"), signature("old_leaves.Leaves")
    assert found is not None and is_below(found, frozenset({"segexp.data.base.ImageDataModule"}))
    assert keys is not None and not keys.open and {"root", "crop_size"} <= set(keys.parameters)
    with pytest.warns(FutureWarning, match="SegmentationDataModule is called ImageDataModule since version 0.2"):
        from segexp.data.base import SegmentationDataModule
    assert SegmentationDataModule.__name__ == "ImageDataModule"


def test_a_task_that_says_directions_is_read_with_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "old_task.py").write_text(
        "from segexp.tasks.base import BaseTask\n\nclass Task(BaseTask):\n    directions = {'mae': 'min', 'r2': 'max'}"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert own_figures("old_task.Task") == {"mae": "min", "r2": "max"}
    with pytest.warns(FutureWarning, match=r"Task\.directions is read until version 0\.3"):
        from old_task import Task  # type: ignore[import-not-found]
    assert Task.described_figures() == {"mae": FigureSpec("min", "mae"), "r2": FigureSpec("max", "r2")}
