"""A sweep that goes on keeps its engine and keys, apart from those given now."""

from pathlib import Path
from typing import Any

from segexp.config.schema import SlurmConfig
from segexp.sweeps.command import resumed_section
from tests.sweeps.made import SECTION, create, planned, section

SLURM: dict[str, Any] = {"partition": "gpu", "options": {"qos": "long"}, "time": 30}


def test_keys_given_now_win_over_those_of_the_start(tmp_path: Path) -> None:
    create(tmp_path, planned(["seed=0"], sweep={**SECTION, "engine": "slurm", "jobs": 7, "slurm": SLURM}))
    slurm = {"partition": None, "options": {"qos": "short"}, "time": 5}
    now = section(jobs=3, resume=str(tmp_path), slurm=slurm)
    alone = resumed_section(tmp_path, now, [f"sweep.resume={tmp_path}"])
    assert alone == section(engine="slurm", jobs=7, slurm=SLURM, resume=str(tmp_path))
    words = [f"sweep.resume={tmp_path}", "sweep.jobs=3", "+sweep.slurm.options.qos=short", "seed=1"]
    told = resumed_section(tmp_path, now, words)
    assert told.jobs == 3
    assert told.slurm == SlurmConfig(partition="gpu", options={"qos": "short"}, time=30)
    assert resumed_section(tmp_path, now, ["sweep=gold"]) == now


def test_a_sweep_of_before_there_were_clusters(tmp_path: Path) -> None:
    create(tmp_path, planned(["seed=0"]))
    now = section(resume=str(tmp_path), slurm=SLURM, engine="slurm")
    assert resumed_section(tmp_path, now, ["sweep.slurm.options.qos=long"]).slurm.options == {"qos": "long"}
    assert resumed_section(tmp_path, now, []).slurm == SlurmConfig(**SLURM)
