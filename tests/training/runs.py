"""Tiny runs for the tests of training: compose overrides, check, train."""

import contextlib
import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from hydra import compose, initialize_config_dir

from segexp.config.composed import checked_train
from segexp.config.experiment import Experiment
from segexp.config.migration import for_hydra
from segexp.config.paths import conf_dir
from segexp.invocation import Invocation

TINY = (
    "datamodule=synthetic", "datamodule.size=32", "datamodule.train_images=4", "datamodule.val_images=3",
    "datamodule.test_images=3", "datamodule.crop_size=null", "datamodule.crops_per_image=1",
    "datamodule.loader.batch_size=2", "datamodule.loader.num_workers=0", "model=cunet", "model.base=2",
    "model.depth=2", "trainer.accelerator=cpu", "trainer.max_epochs=2", "trainer.progress=none", "speed=off",
)  # fmt: skip


def composed(*overrides: str) -> Experiment:
    """A tiny run with these overrides, checked."""
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return checked_train(compose("train", for_hydra([*TINY, *overrides])))


@dataclass(frozen=True)
class Done:
    """A run that has ended."""

    path: Path
    experiment: Experiment
    content: dict[str, Any]

    @property
    def config(self) -> dict[str, Any]:
        return self.experiment.plain()

    @property
    def best(self) -> dict[str, Any]:
        return checkpoint(self.path, "best")

    @property
    def last(self) -> dict[str, Any]:
        return checkpoint(self.path, "last")

    @property
    def rows(self) -> list[dict[str, str]]:
        return table(self.path / "metrics.csv")

    @property
    def record(self) -> dict[str, Any]:
        return read_json(self.path / "run.json")


def checkpoint(path: Path, name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = torch.load(path / "checkpoints" / f"{name}.ckpt", weights_only=True)
    return loaded


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def folders(parent: Path = Path("outputs")) -> list[Path]:
    """All run folders below ``parent``, oldest first."""
    return sorted((path.parent for path in parent.rglob("run.json")), key=lambda path: path.stat().st_mtime)


def run(experiment: Experiment, *, pictures: bool = False, invocation: Invocation | None = None) -> Done:
    """Trains; without ``pictures`` panels, curves and report.html are left out, which take longer than the rest."""
    from segexp.training.train import train_experiment

    experiment = experiment if invocation is None else replace(experiment, invocation=invocation)
    before = set(folders(Path(experiment.output_dir)))
    with contextlib.ExitStack() as stack:
        if not pictures:
            stack.enter_context(mock.patch("segexp.evaluation.mask_test.MaskTest.draw", return_value=[]))
            stack.enter_context(mock.patch("segexp.training.endings.write_page"))
        content = train_experiment(experiment, allocator=False)
    (path,) = set(folders(Path(experiment.output_dir))) - before
    return Done(path.resolve(), experiment, content)


LEARNING = (
    "datamodule.scene=buildings", "datamodule.size=48", "datamodule.train_images=8", "datamodule.test_images=5",
    "datamodule.val_images=4", "trainer.max_epochs=6", "optimizer.lr=0.01", "model.base=4", "panels=4",
    "datamodule.crops_per_image=3", "model.norm=batch",
)  # fmt: skip
"""Enough that the model learns something in a second."""


@contextlib.contextmanager
def printed_in(folder: Path) -> Iterator[io.StringIO]:
    """Works in a folder, and keeps what is printed there."""
    out = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out):
        yield out


def go(*overrides: str) -> Done:
    """Composes and trains."""
    return run(composed(*overrides))


def same_weights(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two checkpoints hold the same weights, bit for bit."""
    first, second = one["state_dict"], other["state_dict"]
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def without(rows: Sequence[dict[str, str]], *columns: str) -> list[dict[str, str]]:
    return [{key: value for key, value in row.items() if key not in columns} for row in rows]
