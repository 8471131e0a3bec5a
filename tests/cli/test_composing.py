"""A command line composes its config once, and each job of a sweep by itself, with Hydra's public functions alone."""

import logging
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hydra._internal.hydra import Hydra
from hydra.core.override_parser.overrides_parser import OverridesParser

import segexp
from segexp.cli.app import run
from segexp.cli.composing import grid
from segexp.cli.flags import read_flags
from segexp.config.paths import conf_dir
from segexp.errors import ConfigError

VALID = "config is valid"


@pytest.mark.parametrize(
    ("words", "times", "valid"),
    [
        ([], 1, 1),
        (["hydra.mode=RUN"], 1, 1),
        (["-m", "seed=1,2"], 3, 2),  # once for the names of the keys
        (["hydra.mode=MULTIRUN", "seed=1,2"], 3, 2),
    ],
)
def test_composed_once(
    words: list[str], times: int, valid: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    composed: list[Any] = []
    real = Hydra.compose_config

    def counting(self: Hydra, *given: Any, **named: Any) -> Any:
        composed.append(named)
        return real(self, *given, **named)

    monkeypatch.setattr(Hydra, "compose_config", counting)
    assert run(["check", "scope=config", *words]) == 0
    assert capsys.readouterr().out.count(VALID) == valid
    assert len(composed) == times


def test_a_file_may_ask_for_a_sweep(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As Hydra has it: https://hydra.cc/docs/tutorials/basic/running_your_app/multi-run."""
    (tmp_path / "mine/experiment").mkdir(parents=True)
    lines = "# @package _global_\nhydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n      seed: 1,2\n"
    (tmp_path / "mine/experiment/both.yaml").write_text(lines)
    assert run(["check", "--config-dir=mine", "scope=config", "experiment=both"]) == 0
    assert capsys.readouterr().out.count(VALID) == 2


def test_no_file_of_ours_asks_for_a_sweep() -> None:
    """So that a config is not composed once more only to read it."""
    for path in conf_dir().rglob("*.yaml"):
        assert not re.search(r"mode\s*:\s*['\"]?multirun", path.read_text(encoding="utf-8"), re.IGNORECASE), path


def test_the_last_key_changes_first_and_the_last_word_of_a_key_counts() -> None:
    words = ["seed=1,2", "model=unet", "tta=none,d4", "seed=range(3,5)", "hydra.mode=MULTIRUN", "~panels", "+a='x, y'"]
    jobs = grid(OverridesParser.create().parse_overrides(words))
    swept = [(job[0], job[2]) for job in jobs]
    assert swept == [(f"seed={seed}", f"tta={tta}") for seed in (3, 4) for tta in ("none", "d4")]
    assert jobs[0][1:2] + jobs[0][3:] == ["model=unet", "~panels=null", "+a='x, y'"]


def test_folders_of_options_in_their_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Three folders and one that Hydra's own key names; of two options of one name the first folder's is taken."""
    for number, folder in enumerate(("one", "two", "three", "four")):
        place = tmp_path / folder / "model"
        place.mkdir(parents=True)
        for name in ("same", folder):
            text = f"# {folder}\n_target_: segexp.models.unet.UNet\nbase: {number + 1}\n"
            (place / f"{name}.yaml").write_text(text)
    dirs = ["--config-dir", "one", "--config-dir=two", "-cd", "three"]
    more = f"hydra.searchpath=[file://{tmp_path}/four]"
    for name, base in {"same": 1, "two": 2, "three": 3, "four": 4}.items():
        assert run([*dirs, "--cfg", "job", "-p", "model.base", f"model={name}", more]) == 0
        assert capsys.readouterr().out == f"{base}\n"
    assert run(["check", *dirs, "scope=config", "-m", "model=one,two,three"]) == 0
    assert re.findall(r"model=(\w+)", capsys.readouterr().out) == ["one", "two", "three"]
    assert run(["check", *dirs, "scope=config", "-m", "model=glob(t*)"]) == 0
    assert re.findall(r"model=(\w+)", capsys.readouterr().out) == ["three", "two"]


def test_what_is_shown_of_a_config(capsys: pytest.CaptureFixture[str]) -> None:
    shown = {
        ("--cfg", "job", "-p", "scheduler"): "# @package scheduler\n",
        ("--cfg", "job", "--package=scheduler"): "max_lr: ${optimizer.lr}\n",
        ("--cfg", "job", "-p", "scheduler.max_lr"): "0.005\n",
        ("--cfg", "job", "--resolve", "-p", "scheduler"): "max_lr: 0.005\n",
        ("--cfg", "hydra"): "hydra:\n  run:\n    dir: .\n",
        ("--cfg", "all", "name=x"): "name: x\n",
    }
    for words, part in shown.items():
        assert run(list(words)) == 0
        assert part in capsys.readouterr().out, words
    assert run(["--cfg", "job", "-p", "modle"]) == 2
    assert capsys.readouterr().err == "segexp: --package: found no block modle. Did you mean 'model'?\n"


@pytest.mark.parametrize("words", [["-m", "--cfg", "job"], ["--info", "--hydra-help"], ["--run", "-m"]])
def test_one_thing_at_a_time(words: list[str]) -> None:
    with pytest.raises(ConfigError, match="one of them"):
        read_flags(words)


def test_no_function_of_hydra_is_replaced() -> None:
    """What is not public may change with any release of Hydra; tests may count with it."""
    root = Path(segexp.__file__).parent
    for path in root.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "hydra._internal" not in text, path
        assert "override._value" not in text, path


def test_hydra_answers_where_argparse_reads_every_help_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As from Python 3.14 on; argparse of this Python is made to look as that one does."""
    import argparse

    add = argparse.ArgumentParser.add_argument

    def check(self: argparse.ArgumentParser, action: argparse.Action) -> None:
        if action.help and "%" not in action.help:
            return

    def adding(self: argparse.ArgumentParser, *names: str, **named: Any) -> argparse.Action:
        action = add(self, *names, **named)
        self._check_help(action)  # type: ignore[attr-defined]
        return action

    monkeypatch.setattr(argparse.ArgumentParser, "_check_help", check, raising=False)
    monkeypatch.setattr(argparse.ArgumentParser, "add_argument", adding)
    monkeypatch.setattr(sys, "argv", ["segexp"])
    # Hydra logs its answer, to the output of this test.
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    with pytest.raises(TypeError, match="LazyCompletionHelp"):
        from hydra._internal.utils import get_args_parser

        get_args_parser()
    assert run(["check", "scope=config"]) == 0
    assert run(["--info", "searchpath"]) == 0
    assert "file://" in capsys.readouterr().out
    assert argparse.ArgumentParser.__dict__["_check_help"] is check
