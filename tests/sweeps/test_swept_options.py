"""The jobs of a sweep as its command line gives them: each composed once, with keys that only some options have."""

from pathlib import Path
from typing import Any

import pytest
from hydra._internal.hydra import Hydra

from segexp.cli.app import run
from segexp.sweeps import command
from segexp.sweeps.engines.local import LocalJobEngine
from segexp.sweeps.plan import Job


def test_each_job_is_composed_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(LocalJobEngine, "start_ahead", classmethod(lambda cls: None))
    seen: list[Job] = []
    monkeypatch.setattr(command.Sweep, "run", lambda self: seen.extend(self._plan.jobs()) or 0)
    composed: list[Any] = []
    whole = Hydra.compose_config

    def counted(self: Hydra, *given: Any, **named: Any) -> Any:
        composed.append(named["overrides"])
        return whole(self, *given, **named)

    monkeypatch.setattr(Hydra, "compose_config", counted)
    assert run(["-m", "loss=bce,dice", "seed=0,1,2"]) == 0
    assert len(seen) == 6
    # One more for the names of the keys.
    assert len(composed) == 7
    assert {job.label for job in seen} == {f"loss={loss} seed={seed}" for loss in ("bce", "dice") for seed in range(3)}


@pytest.mark.parametrize("swept", ["experiment=drive_cunet,inria_cunet_bce", "datamodule=drive,inria"])
def test_a_key_that_only_the_swept_options_have(swept: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(LocalJobEngine, "start_ahead", classmethod(lambda cls: None))
    seen: list[Job] = []
    monkeypatch.setattr(command.Sweep, "run", lambda self: seen.extend(self._plan.jobs()) or 0)
    assert run(["-m", swept, "datamodule.root=somewhere"]) == 0
    key, _, options = swept.partition("=")
    assert [job.label for job in seen] == [f"{key}={option}" for option in options.split(",")]
    assert [job.experiment.datamodule["root"] for job in seen] == ["somewhere"] * 2
    assert [word for word in seen[0].experiment.invocation.overrides if "," in word] == []
