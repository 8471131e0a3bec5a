"""The test: best weights, baselines, pictures, results.json."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch

from segexp.data.base import SegmentationDataModule
from segexp.errors import SegexpError
from segexp.modules.segmentation import SegmentationModule
from segexp.run.folder import RunFolder
from segexp.training.explain import explain
from segexp.training.results import Row, baseline_rows, model_rows, observer_rows, per_image, results
from segexp.training.resume import Best
from segexp.training.trainer import build_tester

Config = dict[str, Any]


class RunFailed(SegexpError):
    """Training cannot give a result, for example because the loss became nan."""


def restore_best(trainer: pl.Trainer, module: SegmentationModule, folder: RunFolder) -> dict[str, Any]:
    """Loads the weights and the threshold of the best epoch.

    Returns:
        Path, epoch (from 0), measure, direction and value, for results.json.

    Raises:
        RunFailed: There is no best epoch: the measure was never defined.
    """
    chooser = next(c for c in trainer.callbacks if isinstance(c, Best))  # type: ignore[attr-defined] # Trainer sets it
    # Lightning keeps infinity in place of a nan.
    if not chooser.best_model_path or chooser.best_model_score is None or not chooser.best_model_score.isfinite():
        raise RunFailed(
            f"no best checkpoint: {chooser.monitor} was never a number. "
            "Is its class absent from all validation images, or did training end before the first validation?"
        )
    checkpoint = torch.load(chooser.best_model_path, map_location="cpu", weights_only=True)
    module.load_state_dict(checkpoint["state_dict"])
    module.on_load_checkpoint(checkpoint)
    return {
        "path": str(Path(chooser.best_model_path).relative_to(folder.path.resolve())),
        "epoch": int(checkpoint["epoch"]),
        "epochs_counted_from": 0,
        "monitor": chooser.monitor,
        "mode": chooser.mode,
        "value": float(chooser.best_model_score),
    }


def test(
    config: Config,
    folder: RunFolder,
    datamodule: SegmentationDataModule,
    module: SegmentationModule,
    best: Mapping[str, Any],
    data_name: str,
) -> dict[str, Any]:
    """Tests the restored weights, scores the baselines, draws the pictures and writes results.json."""
    tester = build_tester(config)
    if config["tta"] != "none":
        # Averaged logits are calmer: the threshold is chosen again, on validation images seen the same way.
        module.tta = config["tta"]
        tester.validate(module, datamodule=datamodule, verbose=False)
    tester.test(module, datamodule=datamodule, verbose=False)
    rows: list[Row] = model_rows(module)
    if config["baselines"]:
        rows += baseline_rows(datamodule)
    rows += observer_rows(datamodule)
    content = results(rows, datamodule, module, best, data_name)
    names = [item.name for item in datamodule.items("test")]
    folder.write_csv("per_image.csv", per_image(rows, names, module.spec))
    content["panels"] = explain(folder, module, datamodule, rows[0], config["panels"], best["epoch"])
    folder.write_json("results.json", content)
    return content


def headline(content: Mapping[str, Any]) -> dict[str, float]:
    """Test figures of the model under their logged names, for W&B and TensorBoard."""
    pooled = content["rows"][0]["dataset"]
    named: dict[str, float] = {}
    for measure, value in pooled.items():
        if isinstance(value, dict):
            named |= {f"test/{measure}/{part}": number for part, number in value.items() if number is not None}
        elif value is not None and measure != "classes_averaged":
            named[f"test/{measure}"] = value
    return named
