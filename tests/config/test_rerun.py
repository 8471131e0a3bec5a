"""from=<run folder>."""

import json
from pathlib import Path

import pytest

from segexp.config.rerun import choices, expand
from segexp.errors import ConfigError


def test_other_arguments_pass_unchanged() -> None:
    assert expand(["seed=1", "-m"]) == ["seed=1", "-m"]


def test_folder_becomes_the_primary_config(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("seed: 3\n")
    (tmp_path / "panels").mkdir()
    flag, folder, *rest = expand(["seed=1", f"from={tmp_path}"])
    assert (flag, rest[:3]) == ("--config-dir", ["--config-name", "config", "seed=1"])
    # Alone: Hydra takes the folders of a run for groups, and panels=0 for an option of one.
    assert [path.name for path in Path(folder).iterdir()] == ["config.yaml"]
    assert (Path(folder) / "config.yaml").read_text() == "seed: 3\n"
    assert expand(["seed=1", f"from={tmp_path / 'config.yaml'}"])[2:] == rest


def test_choices_come_from_the_earlier_run(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"choices": {"model": "unet"}}))
    assert choices([f"from={tmp_path}"]) == {"model": "unet"}
    (tmp_path / "config.yaml").touch()
    assert choices([f"from={tmp_path / 'config.yaml'}"]) == {"model": "unet"}
    assert choices(["seed=1"]) == {}


def test_folder_without_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no file .*config\.yaml"):
        expand([f"from={tmp_path}"])
    with pytest.raises(ConfigError, match="one run folder"):
        expand(["from=a", "from=b"])


def test_another_option_takes_the_place_of_its_block(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("seed: 3\nmetric:\n  asd: {}\nmodel:\n  base: 4\n")
    _, folder, *rest = expand(["metric=[hd95]", "model.base=5", f"from={tmp_path}"])
    assert rest[2:4] == ["+metric=[hd95]", "model.base=5"]
    assert (Path(folder) / "config.yaml").read_text() == "seed: 3\nmodel:\n  base: 4\n"


def test_a_run_from_before_there_were_sweeps_can_be_swept(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("seed: 3\n")
    assert "+sweep=grid" in expand([f"from={tmp_path}", "-m"])
    assert "+sweep=other" in expand([f"from={tmp_path}", "sweep=other"])
    (tmp_path / "config.yaml").write_text("seed: 3\nsweep: {jobs: 1}\n")
    assert "+sweep=grid" not in expand([f"from={tmp_path}"])
