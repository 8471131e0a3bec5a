from pathlib import Path
from unittest.mock import patch

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.plugins.sweeper import Sweeper
from omegaconf import DictConfig

from segexp.cli.app import run
from segexp.sweeps import command
from segexp.sweeps.compose import composing_once
from segexp.sweeps.engines.local import LocalJobEngine
from segexp.sweeps.plan import Job


def test_each_job_is_composed_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(LocalJobEngine, "start_ahead", classmethod(lambda cls: None))
    seen: list[Job] = []
    monkeypatch.setattr(command.Sweep, "run", lambda self: seen.extend(self._plan.jobs()) or 0)
    composed: list[list[str]] = []
    whole = ConfigLoaderImpl.load_sweep_config

    def counted(self: ConfigLoaderImpl, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        composed.append(list(sweep_overrides))
        return whole(self, master_config, sweep_overrides)

    with patch.object(ConfigLoaderImpl, "load_sweep_config", counted):
        assert run(["-m", "loss=bce,dice", "seed=0,1,2"]) == 0
    assert len(seen) == len(composed) == 6
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


def test_hydra_is_as_before_afterwards() -> None:
    before = Sweeper.validate_batch_is_legal, ConfigLoaderImpl._load_configuration_impl
    with pytest.raises(RuntimeError), composing_once():
        assert Sweeper.validate_batch_is_legal is not before[0]
        raise RuntimeError
    assert (Sweeper.validate_batch_is_legal, ConfigLoaderImpl._load_configuration_impl) == before
