"""A command line composes its config once; each job of a sweep by itself, by other means."""

import sys
from pathlib import Path
from typing import Any

import pytest
from hydra._internal.hydra import Hydra
from hydra.core.global_hydra import GlobalHydra

from segexp.cli import hydra_mode
from segexp.cli.app import run


@pytest.mark.parametrize(
    ("words", "times", "valid"),
    [
        ([], 1, 1),
        (["hydra.mode=RUN"], 2, 1),
        (["-m", "seed=1,2"], 2, 2),  # once for the names of the keys
        (["hydra.mode=MULTIRUN", "seed=1,2"], 2, 2),
    ],
)
def test_composed_once(
    words: list[str], times: int, valid: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    composed: list[Any] = []
    real, mode = Hydra.compose_config, Hydra.get_mode

    def counting(self: Hydra, *given: Any, **named: Any) -> Any:
        composed.append(named)
        return real(self, *given, **named)

    monkeypatch.setattr(Hydra, "compose_config", counting)
    monkeypatch.setattr(sys, "argv", ["segexp"])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    GlobalHydra.instance().clear()
    assert run(["check", "scope=config", *words]) == 0
    assert capsys.readouterr().out.count("config is valid") == valid
    assert len(composed) == times
    assert Hydra.get_mode is mode


def test_a_file_may_ask_for_a_sweep(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As Hydra has it: https://hydra.cc/docs/tutorials/basic/running_your_app/multi-run."""
    (tmp_path / "mine/experiment").mkdir(parents=True)
    lines = "# @package _global_\nhydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n      seed: 1,2\n"
    (tmp_path / "mine/experiment/both.yaml").write_text(lines)
    GlobalHydra.instance().clear()
    assert run(["check", "--config-dir=mine", "scope=config", "experiment=both"]) == 0
    assert capsys.readouterr().out.count("config is valid") == 2


@pytest.mark.parametrize(("line", "asks"), [("  mode: MULTIRUN", True), ("  mode: max", False)])
def test_files_of_our_own_are_looked_at(line: str, asks: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hydra_mode, "conf_dir", lambda: tmp_path)
    (tmp_path / "a.yaml").write_text(f"hydra:\n{line}\n")
    before = Hydra.get_mode
    with hydra_mode.composed_once(["seed=1"]):
        assert (Hydra.get_mode is before) == asks
    assert Hydra.get_mode is before
