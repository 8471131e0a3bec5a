"""A training on two processes is that of one: weights, figures, files; and it ends as one."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from segexp.errors import ConfigError
from segexp.invocation import Invocation
from segexp.training.distributed.strategies import unused
from segexp.training.hardware import with_hardware
from segexp.training.prepare import prepare
from tests.forked import forked
from tests.sweeps.real import PART, QUICK, command, environment, manifest, run, sweep, sweep_folder
from tests.training.runs import TINY, Done, checkpoint, composed, folders, go, read_json, table
from tests.training.runs import run as train

UNEVEN = (
    # Batches of 3 and 2 of 5 images for 2 ranks; 3 images to validate and test; statistics of batches; sums over them.
    "datamodule.train_images=5", "datamodule.loader.batch_size=3", "model.norm=batch", "loss=bce_jaccard",
    "augment=strong", "optimizer=sgd", "optimizer.lr=0.05", "scheduler=none", "metric=[hd95]", "bootstrap=10",
    "metric.precise._target_=torchmetrics.classification.BinaryAveragePrecision", "panels=2", "panel_epochs=1",
    "val_panels=1", "baselines=false", "metric.f1._target_=torchmetrics.F1Score",
)  # fmt: skip
TWO = ("trainer.devices=2",)


NAMED = Invocation(choices={"datamodule": "synthetic"})


def start(*overrides: str) -> "subprocess.CompletedProcess[str]":
    return run([sys.executable, "-m", "segexp", *TINY, *overrides])


def done(output: str, *overrides: str, fork: bool = True) -> Done:
    """A run on two ranks."""
    words = (*TWO, *overrides, f"output_dir={output}")
    ended = forked(*TINY, *words) if fork else start(*words)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stderr == ""
    (path,) = folders(Path(output))
    return Done(path.resolve(), composed(*TWO, *overrides), read_json(path / "results.json"))


def files(done: Done) -> list[str]:
    return sorted(str(path.relative_to(done.path)) for path in done.path.rglob("*"))


def close(one: Any, other: Any, places: int = 4) -> None:
    """Compares nested figures to the digits that are shown."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            close(one[key], other[key], places)
    elif isinstance(one, list):
        assert len(one) == len(other)
        for first, second in zip(one, other, strict=True):
            close(first, second, places)
    elif isinstance(one, float):
        assert one == pytest.approx(other, abs=10.0**-places)
    else:
        assert one == other


def same_training(one: Done, other: Done) -> None:
    first, second = one.last, other.last
    assert first.keys() == second.keys()
    # With averaged weights, those are the first ones.
    for part in first.keys() & {"state_dict", "current_model_state"}:
        assert first[part].keys() == second[part].keys()
        for name, value in first[part].items():
            torch.testing.assert_close(second[part][name], value, rtol=1e-5, atol=1e-5)
    assert len(one.rows) == len(other.rows)
    for row, same in zip(one.rows, other.rows, strict=True):
        assert row.keys() == same.keys()
        for key in row.keys() - {"seconds"}:
            assert float(row[key]) == pytest.approx(float(same[key]), abs=1e-5)
    figures, others = ({k: v for k, v in run.content.items() if k != "speed"} for run in (one, other))
    close(figures, others)
    images, seen = table(one.path / "per_image.csv"), table(other.path / "per_image.csv")
    assert len(images) == 3 * 2  # the model at two thresholds
    assert [row["image"] for row in images] == [row["image"] for row in seen]


AVERAGED = (*UNEVEN, "model.depth=3", "model.auxiliary_weights=[0.5]", "callbacks.weight_average.decay=0.7")
"""With deep supervision and an average of the weights."""


def test_two_ranks_are_one_and_either_goes_on_from_the_other() -> None:
    alone = train(composed(*AVERAGED, "output_dir=alone"), pictures=True, invocation=NAMED)
    two = done("two", *AVERAGED, fork=False)
    same_training(alone, two)
    assert files(alone) == files(two)
    assert (two.path / "log.txt").read_text().count("INFO epoch 1/2") == 1
    assert two.record["ranks"] == 2
    last, head = two.last, "model.supervision.heads.0.weight"
    assert (last["state_dict"][head] - last["current_model_state"][head]).abs().max() > 1e-3
    # Two ranks go on from one, and one from two; three epochs at once are the measure of both.
    more = (*AVERAGED, "trainer.max_epochs=3", "panels=0", "panel_epochs=0")
    whole = train(composed(*more, "output_dir=whole"), invocation=NAMED)
    gone_on = done("gone_on", *more, f"resume={alone.path}/checkpoints/last.ckpt")
    same_training(whole, gone_on)
    resume = f"resume={two.path}/checkpoints/last.ckpt"
    back = train(composed(*more, "output_dir=back", resume), invocation=NAMED)
    same_training(whole, back)
    assert len(two.last["callbacks"]["RandomState"]["others"]) == 1


SHARDED = (
    *UNEVEN, "optimizer.momentum=0.9", "trainer.gradient_clip_val=0.5", "panels=0", "panel_epochs=0", "metric=none",
    "inference.window=16", "model.base=42", "model.depth=3",
)  # fmt: skip
"""Parts of the model that are gathered by themselves; windows, and one rank with two images and one with one."""


def test_fsdp_is_one_rank_too_and_its_checkpoint_is_an_ordinary_one() -> None:
    alone = train(composed(*SHARDED, "output_dir=alone"), invocation=NAMED)
    parts = done("parts", "trainer.strategy=fsdp", *SHARDED)
    same_training(alone, parts)
    more = (*SHARDED, "trainer.max_epochs=3")
    whole = train(composed(*more, "output_dir=whole"), invocation=NAMED)
    resume = f"resume={parts.path}/checkpoints/last.ckpt"
    same_training(whole, train(composed(*more, "output_dir=back", resume), invocation=NAMED))
    resume = f"resume={alone.path}/checkpoints/last.ckpt"
    same_training(whole, done("gone_on", "trainer.strategy=fsdp", *more, resume))


@pytest.mark.parametrize("killed", [False, True])
def test_an_error_of_one_rank_ends_all(killed: bool) -> None:
    ended = forked(*TINY, *TWO, *QUICK, PART % f"FailOnRank, rank: 1, epoch: 1, killed: {str(killed).lower()}")
    assert ended.returncode == 1
    said = "the process was ended by SIGKILL" if killed else "RuntimeError: the disk caught fire"
    assert ended.stderr.splitlines()[-1].startswith(f"segexp: rank 1: {said}")
    assert ended.stderr.count("Traceback") == (0 if killed else 1)
    (folder,) = folders()
    record = read_json(folder / "run.json")
    assert record["state"] == "failed"
    assert f"rank 1: {said}" in record["error"]
    assert f"rank 1: {said}" in (folder / "log.txt").read_text()
    assert checkpoint(folder, "last")["epoch"] == 0


def test_a_mistake_in_the_data_is_told_once_and_leaves_nothing() -> None:
    ended = forked(*TINY, *TWO, "datamodule.crop_size=64")
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith("segexp: datamodule.crop_size: found 64")
    assert not Path("outputs").exists()


@pytest.mark.parametrize(
    ("number", "to_rank"), [(signal.SIGINT, False), pytest.param(signal.SIGTERM, True, marks=pytest.mark.slow)]
)
def test_a_signal_keeps_the_last_epoch(number: signal.Signals, to_rank: bool) -> None:
    """Ctrl-C reaches the process beside the ranks alone, what ends a service or a job of SLURM each process."""
    words = command(*TWO, "trainer.max_epochs=999", "scheduler=none")
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
        env=environment(), start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("epoch   1/999"):
                break
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        os.kill(int(children.read_text().split()[1]) if to_rank else process.pid, number)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "Traceback" not in error
    found = re.search(r"^segexp: interrupted; the finished epochs are saved; .* resume=(\S+)", error, re.MULTILINE)
    assert found is not None
    (folder,) = folders()
    assert Path(found[1]) == folder
    record = read_json(folder / "run.json")
    assert (record["state"], record["signal"]) == ("interrupted", number.name)
    epoch = checkpoint(folder, "last")["epoch"]
    assert len(go("scheduler=none", f"trainer.max_epochs={epoch + 2}", f"resume={found[1]}").rows) == epoch + 2


@pytest.mark.parametrize("seeds", ["0", pytest.param("0,1", marks=pytest.mark.slow)])
def test_a_sweep_of_ddp_leaves_what_a_sweep_leaves(seeds: str) -> None:
    ddp = ("trainer=ddp", "trainer.max_epochs=1", "trainer.accelerator=cpu", *TWO)
    ended = sweep(*ddp, f"seed={seeds}", "sweep.jobs=1")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    folder = sweep_folder()
    assert {job["state"] for job in manifest(folder)} == {"finished"}
    assert {path.name for path in Path().iterdir()} - {".segexp_cache"} == {"outputs"}
    assert [path.name for path in Path("outputs").iterdir()] == ["multirun"]
    jobs = [job["folder"] for job in manifest(folder)]
    # A sweep of one job has nothing that its jobs differ in, so its folder is named by all words.
    assert len(jobs) == 1 if seeds == "0" else jobs == ["000_seed-0", "001_seed-1"]
    assert sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")) == [*jobs, "jobs"]
    for name in jobs:
        found = {str(p.relative_to(folder / name)) for p in (folder / name).rglob("*") if p.is_file()}
        assert {"checkpoints/best.ckpt", "checkpoints/last.ckpt", "log.txt", "metrics.csv", "results.json"} <= found
        assert len(table(folder / name / "metrics.csv")) == 1
        assert not any(path.rsplit("/", 1)[-1].startswith(".") for path in found)
    assert sorted(p.name for p in (folder / "jobs").iterdir()) == [name[:3] for name in jobs]


def test_a_batch_that_cannot_be_divided_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match=r"datamodule\.loader\.batch_size: found 2 for 3 ranks"):
        prepare(with_hardware(composed("trainer.devices=3")), allocator=False)


@pytest.mark.parametrize(
    "line",
    [
        ("model.depth=3", "model.auxiliary_weights=[0.5]", "model.norm=batch", "model.dropout=0.5"),
        ("model=wnet", "model.base=2", "model.depth=2"),
    ],
)
def test_weights_that_no_output_depends_on_are_found_without_a_trace(line: tuple[str, ...]) -> None:
    prepared = prepare(with_hardware(composed(*line)), allocator=False)
    datamodule, module = prepared.datamodule, prepared.module
    module.train()
    before, random = {name: value.clone() for name, value in module.state_dict().items()}, torch.get_rng_state()
    image = datamodule.train_samples()[0, 0]["image"]
    assert unused(module, image) == []
    assert all(part.training for part in module.modules())
    assert torch.equal(random, torch.get_rng_state())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    module.model.spare = torch.nn.Conv2d(3, 1, 1)
    assert unused(module, image) == ["model.spare.weight", "model.spare.bias"]
