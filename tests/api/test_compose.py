"""Experiments are composed in Python from the words of the command line, and checked like there."""

import os
import subprocess
import sys
from pathlib import Path

import hydra
import pytest
from hydra.core.global_hydra import GlobalHydra

from segexp import compose
from segexp.config.paths import conf_dir
from segexp.errors import ConfigError


def test_words_are_those_of_the_command_line() -> None:
    experiment = compose("model=unet", "optimizer.lr=0.02", "seed=7")
    assert experiment.model["_target_"] == "segexp.models.unet.UNet"
    assert experiment.optimizer["lr"] == 0.02
    assert experiment.datamodule["seed"] == 7
    assert experiment.invocation.command == ["segexp", "train", "model=unet", "optimizer.lr=0.02", "seed=7"]
    assert experiment.run_name == "synthetic_unet_bce_jaccard"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("optimizer.lrr=1",), "Did you mean 'optimizer.lr'"),
        (("model=unett",), "unet"),
        (("trainer.max_epochs=0",), "trainer.max_epochs"),
        (("check", "seed=1"), "check: is a command of the terminal"),
        (("-m", "seed=1,2"), "a sweep is started in a terminal"),
    ],
)
def test_what_is_wrong_is_said(words: tuple[str, ...], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        compose(*words)


def test_options_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "optimizer").mkdir()
    text = "# Slow\n_target_: torch.optim.SGD\n_partial_: true\nlr: 1.0e-6\n"
    (tmp_path / "optimizer" / "slow.yaml").write_text(text)
    assert compose("optimizer=slow", config_dir=tmp_path).optimizer["lr"] == 1e-6


def test_hydra_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    words = list(sys.argv)
    with hydra.initialize_config_dir(str(conf_dir()), version_base="1.3"):
        assert compose("model=unet").model["_target_"] == "segexp.models.unet.UNet"
        assert hydra.compose("train", ["model=segnet"]).model._target_ == "segexp.models.segnet.SegNet"
    assert not GlobalHydra.instance().is_initialized()
    assert sys.argv == words
    assert "HYDRA_FULL_ERROR" not in os.environ


def test_neither_torch_nor_lightning_is_imported() -> None:
    lines = "import sys\nfrom segexp import compose\ncompose('seed=1')\nprint({'torch', 'lightning'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "set()", done.stderr
