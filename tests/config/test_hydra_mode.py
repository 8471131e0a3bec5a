"""A command line composes its config once; each job of a sweep by itself, by other means."""

import sys
from typing import Any

import pytest
from hydra._internal.hydra import Hydra
from hydra.core.global_hydra import GlobalHydra

from segexp.cli import run


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
