"""How many ranks there are and which one this is."""

from dataclasses import replace
from typing import Any

import pytest

from segexp.config.schema import TrainerConfig
from segexp.errors import ConfigError
from segexp.sweeps.command import Sweep
from segexp.training.distributed import plan
from segexp.training.distributed.plan import BOARD, RankInfo, count_ranks, started, to_start
from segexp.training.distributed.strategies import check_ranks
from segexp.training.hardware import with_hardware
from tests.training.runs import composed

TORCHRUN = {"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "none"}
SRUN = {
    "SLURM_PROCID": "3", "SLURM_LOCALID": "1", "SLURM_STEP_NUM_TASKS": "4", "SLURM_STEP_NUM_NODES": "2",
    "SLURM_NTASKS": "4",
}  # fmt: skip


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*TORCHRUN, *SRUN, BOARD):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


def given(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def section(**changes: Any) -> TrainerConfig:
    return replace(composed("trainer.accelerator=auto").trainer, **changes)


def test_alone() -> None:
    assert started() is None
    assert count_ranks(section()) == 1
    assert to_start(section()) == 0
    assert to_start(section(devices=2)) == to_start(section(strategy="ddp", devices=2)) == 2
    # Without a GPU there is one process.
    assert to_start(section(strategy="ddp", devices="auto")) == 0


def test_one_device_asks_no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask() -> tuple[str, ...]:
        raise AssertionError("nvidia-smi")

    monkeypatch.setattr(plan, "visible_gpus", ask)
    assert to_start(section()) == 0


def test_a_launcher_may_start_a_single_one(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, {**TORCHRUN, "RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1"})
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    assert count_ranks(section(devices="auto")) == 1


def test_one_rank_per_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    assert count_ranks(section(devices="auto")) == 3
    assert count_ranks(section(devices="auto", accelerator="cpu")) == 1
    assert count_ranks(section(devices=4, accelerator="cpu")) == 4
    with pytest.raises(ConfigError, match=r"trainer\.devices: found 4, but there are 3 GPUs \(0, 1, 2\)"):
        count_ranks(section(devices=4))
    with pytest.raises(ConfigError, match="accelerator=mps has one device"):
        count_ranks(section(devices=2, accelerator="mps"))


@pytest.mark.parametrize("variables", [TORCHRUN, SRUN], ids=["torchrun", "srun"])
def test_started_by_others(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    given(monkeypatch, variables)
    place = started()
    assert place == RankInfo(3, 1, 4, 2)
    assert place.nodes == 2
    for asked in ({"devices": 2, "num_nodes": 2}, {"strategy": "ddp", "devices": "auto"}):
        assert count_ranks(section(**asked)) == 4
        assert to_start(section(**asked)) == 0
    with pytest.raises(ConfigError, match=r"4 processes were started, 2 on each machine, but one is asked for"):
        count_ranks(section())
    with pytest.raises(ConfigError, match=r"use trainer\.devices=2 trainer\.num_nodes=2"):
        count_ranks(section(devices=4))


def test_the_script_of_sbatch_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, {name: value for name, value in SRUN.items() if "STEP" not in name})
    assert started() is None


def test_a_sweep_is_not_started_by_others(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, TORCHRUN)
    with pytest.raises(ConfigError, match="a sweep starts the processes of its jobs itself"):
        Sweep(["-m", "seed=0,1"])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("speed.compile=true",), r"speed\.compile: found true with 2 ranks"),
        (("trainer.strategy=fsdp", "callbacks=ema"), r"callbacks\.weight_average\.decay.*use trainer=ddp"),
    ],
)
def test_what_does_not_go_with_ranks(overrides: tuple[str, ...], message: str) -> None:
    check_ranks(with_hardware(composed(*overrides)))
    check_ranks(with_hardware(composed("trainer.devices=2", "callbacks=ema")))
    with pytest.raises(ConfigError, match=message):
        check_ranks(with_hardware(composed("trainer.devices=2", *overrides)))


def test_several_machines_need_a_launcher() -> None:
    with pytest.raises(ConfigError, match=r"trainer\.num_nodes: found 2.*by torchrun or srun"):
        count_ranks(section(devices=2, num_nodes=2))


def test_gpus_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"trainer\.devices: found \[1\], numbers of GPUs, but there is none"):
        count_ranks(section(devices=[1]))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,7")
    assert count_ranks(section(devices=[1])) == 1
    assert to_start(section(devices=[2, 0])) == 2
    assert plan.own_device(section(devices=[1])) == [1]
    assert plan.own_device(section(devices=2)) == 1
    assert plan.chosen_gpus(section(devices=[2, 0])) == "7,4"
    assert plan.chosen_gpus(section(devices=2)) is None
    for wrong in ([3], [0, 0], []):
        with pytest.raises(ConfigError, match="expected different numbers from 0 to 2, one for each GPU"):
            count_ranks(section(devices=wrong))
    given(monkeypatch, TORCHRUN)
    # A rank that segexp has started sees its own GPUs alone.
    assert plan.own_device(section(devices=[1])) == 1
