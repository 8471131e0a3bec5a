"""The test: best weights, baselines, pictures, results.json."""

import time
from collections.abc import Mapping
from typing import Any

import torch

from segexp.config.measure_names import IMAGE
from segexp.data.base import SegmentationDataModule
from segexp.evaluation.afterwards import Afterwards
from segexp.evaluation.figures import explain
from segexp.evaluation.outcome import Outcome
from segexp.evaluation.predictors import baseline_rows, model_rows, observer_rows
from segexp.evaluation.results import results
from segexp.evaluation.tester import build_tester
from segexp.runs.console import LOG
from segexp.runs.folder import RunFolder
from segexp.tasks.log_names import flat_measures
from segexp.tasks.segmentation import SegmentationModule

Config = dict[str, Any]

LONG = 5.0
"""Seconds from which on the time that measures took is worth a line."""


def test(
    config: Config,
    folder: RunFolder,
    datamodule: SegmentationDataModule,
    module: SegmentationModule,
    best: Mapping[str, Any],
    data_name: str,
    after: Afterwards,
) -> dict[str, Any]:
    """Tests the restored weights, writes results.json, and then all that hangs on it: baselines, tables, pictures."""
    tester = build_tester(config)
    if config["tta"] != "none":
        # Averaged logits are calmer: the threshold is chosen again, on validation images seen the same way.
        module.tta = config["tta"]
        tester.validate(module, datamodule=datamodule, verbose=False)
    start = time.perf_counter()
    tester.test(module, datamodule=datamodule, verbose=False)
    took = time.perf_counter() - start - sum(module.tested.seconds.values())
    _say_seconds(module.tested.seconds)
    # For run.json: results.json is the same, to the last byte, of the same command.
    module.tested.speed = _speed(took, len(datamodule.items("test")))
    measures = module.measures
    others = {"the rows of trivial predictors": lambda: baseline_rows(datamodule, measures)}
    others = others if config["baselines"] else {}
    outcome = Outcome(
        folder,
        model_rows(module),
        {**others, "the rows of other people": lambda: observer_rows(datamodule, measures)},
        [item.name for item in datamodule.items("test")],
        lambda rows, resamples: results(rows, datamodule, module, best, data_name, resamples, config["seed"]),
    )
    return outcome.write(
        after,
        config["bootstrap"],
        lambda row: explain(folder, module, datamodule, row, config["panels"], after),
    )


def _speed(seconds: float, images: int) -> dict[str, float]:
    """How fast the test images were seen: loading, forward passes of all views and counting, no costly measures."""
    found = {"test_seconds": round(seconds, 4), "images_per_second": round(images / max(seconds, 1e-6), 2)}
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        found["peak_gpu_memory_mb"] = round(torch.cuda.max_memory_allocated() / 1e6, 1)
    return found


def _say_seconds(seconds: Mapping[str, float]) -> None:
    """Names the costly measures where they took long, so that they can be switched off."""
    if sum(seconds.values()) >= LONG:
        told = ", ".join(f"{name} {value:.1f}" for name, value in sorted(seconds.items(), key=lambda pair: -pair[1]))
        LOG.info(f"measures    {told} s on the model's test images; choose with metric=[...] or metric=none")


def headline(content: Mapping[str, Any]) -> dict[str, float]:
    """Test figures of the model under their logged names, for W&B and TensorBoard."""
    row = content["rows"][0]
    pooled = dict(flat_measures("test", row["dataset"]))
    # What is not pooled is there per image only.
    others = {name: value for name, value in row["image"].items() if name not in row["dataset"]}
    by_image = flat_measures("test", {IMAGE + name: value for name, value in others.items()})
    return {name: value for name, value in (pooled | dict(by_image)).items() if value is not None}
