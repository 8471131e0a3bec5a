"""The preview command for a LightningDataModule of the user's own: what its loaders give, and how fast."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
from lightning.fabric.utilities.data import sized_len
from lightning.pytorch.utilities import CombinedLoader
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor

from segexp.config.experiment import Experiment
from segexp.errors import ConfigError
from segexp.report.table import Table
from segexp.runs.folder import RunFolder
from segexp.training.checks.config_trials import trying
from segexp.training.plain.build import build_data
from segexp.training.warning_filters import quiet_warnings

PARTS = {"fit": ("train", "val"), "test": ("test",)}
"""Parts of the data by the stage that they are set up for."""
HEADS = ("loader", "batches", "first batch (s)", "in the batch", "shape", "type", "from", "to")


def preview_plain(experiment: Experiment) -> str:
    """Reads the first batch of each loader, says what is in it, and writes preview.json.

    Raises:
        ConfigError: The datamodule fails.
    """
    quiet_warnings()
    datamodule = build_data(experiment)
    with trying("datamodule", "its prepare_data"):
        datamodule.prepare_data()
    loaders = [facts for stage in PARTS for facts in _of_stage(datamodule, stage)]
    folder = RunFolder.create(Path(experiment.output_dir) / "preview")
    folder.write_json("preview.json", {"datamodule": experiment.datamodule["_target_"], "loaders": loaders})
    rows = tuple(row for facts in loaders for row in _rows(facts))
    table = Table(f"{type(datamodule).__name__}: the first batch of each loader", HEADS, rows)
    return "\n".join([table.as_text(), "", f"json      {folder.path / 'preview.json'}"])


def _of_stage(datamodule: pl.LightningDataModule, stage: str) -> Iterator[dict[str, Any]]:
    """What the loaders of a stage give; nothing of parts that there are not."""
    parts = [part for part in PARTS[stage] if is_overridden(f"{part}_dataloader", datamodule)]
    if parts:
        with trying("datamodule", "its setup"):
            datamodule.setup(stage)
    for part in parts:
        yield from _loaders(datamodule, part)


def _loaders(datamodule: pl.LightningDataModule, part: str) -> Iterator[dict[str, Any]]:
    """What each loader of a part gives."""
    name = f"{part}_dataloader"
    with trying("datamodule", f"its {name}"):
        loaders = list(CombinedLoader(getattr(datamodule, name)()).flattened)
        for number, loader in enumerate(loaders):
            start = time.perf_counter()
            batch = next(iter(loader), None)
            if batch is None:
                raise ConfigError(f"datamodule: {name} gives no batch, expected at least one")
            yield {
                "loader": f"{part} {number}" if len(loaders) > 1 else part,
                "batches": sized_len(loader),
                "seconds": time.perf_counter() - start,
                "batch": [_described(path, value) for path, value in _leaves("", batch)],
            }


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Values inside lists, tuples and dicts, with their places: ``image``, ``[0]``, ``[1].size``."""
    if isinstance(value, Mapping):
        pairs = [(f"{path}.{key}" if path else str(key), inner) for key, inner in value.items()]
    elif isinstance(value, list | tuple):
        pairs = [(f"{path}[{number}]", inner) for number, inner in enumerate(value)]
    else:
        yield path or "all of it", value
        return
    for place, inner in pairs:
        yield from _leaves(place, inner)


def _described(place: str, value: Any) -> dict[str, Any]:
    """Shape, type and range of a value."""
    if not isinstance(value, Tensor | np.ndarray):
        return {"place": place, "shape": None, "type": type(value).__name__, "low": None, "high": None}
    whole = value.numel() if isinstance(value, Tensor) else value.size
    low, high = (float(value.min()), float(value.max())) if whole and value.dtype != object else (None, None)
    kind = str(value.dtype).removeprefix("torch.")
    return {"place": place, "shape": list(value.shape), "type": kind, "low": low, "high": high}


def _rows(facts: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """A row for each value of a batch; the loader stands before its first one."""
    batches = "?" if facts["batches"] is None else str(facts["batches"])
    head = (facts["loader"], batches, f"{facts['seconds']:.3f}")
    for number, found in enumerate(facts["batch"]):
        shape = "" if found["shape"] is None else "x".join(map(str, found["shape"]))
        ends = ("" if value is None else f"{value:g}" for value in (found["low"], found["high"]))
        yield (*(head if number == 0 else ("", "", "")), found["place"], shape, found["type"], *ends)
