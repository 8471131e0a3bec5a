"""Folders of runs of all kinds and states, with pictures, as a lab has them after a while."""

from pathlib import Path
from typing import Any

import numpy as np

from segexp.report.pictures.layers import save_layers
from tests.report.made_up import VESSELS, write_json

MODELS, DATA = ("cunet", "unet_little", "segnet"), ("drive", "inria", "mnist")
STATES = ("finished", "interrupted", "failed")


def draw_runs(top: Path, count: int, side: int = 256) -> list[Path]:
    """Run folders in a sweep and beside it: every ninth was interrupted or failed, every third is of classes of images.

    Args:
        top: Folder that is made.
        count: Of the runs.
        side: Of the layers of their picture, in pixels.
    """
    return [draw_run(top, number, side) for number in range(count)]


def draw_run(top: Path, number: int, side: int) -> Path:
    data, model = DATA[number % 3], MODELS[number // 3 % 3]
    sweep = top / "multirun" / "2026-11-24_20-20-50"
    path = sweep / f"{number:03d}_model-{model}" if number % 2 else top / f"{data}_{model}" / f"2026-11-24_{number:04d}"
    path.mkdir(parents=True)
    if number % 2:
        (sweep / "summary.html").write_text("<p>sweep</p>")
        write_json(sweep / "manifest.json", {"jobs": []})
    state = STATES[number % 9 // 4] if number % 9 in (4, 8) else "finished"
    record: dict[str, Any] = {
        "name": f"{data}_{model}", "state": state, "seconds": 60.0 + number, "model": {"name": model},
        "data": {"name": data}, "choices": {"task": "classification" if data == "mnist" else "segmentation"},
        "started": f"2026-11-{1 + number % 28:02d}T{number % 24:02d}:00:00+00:00",
    }  # fmt: skip
    (path / "config.yaml").write_text(f"seed: 0\nlogger:\n  wandb:\n    tags: [lab, week {number % 4}]\nloss: {{}}\n")
    if state == "failed":
        write_json(path / "run.json", record | {"error": "OutOfMemoryError: asked for <b>20 GB</b>\ntrace"})
        return path
    write_json(path / "run.json", record)
    (path / "report.html").write_text("<title>report</title>")
    write_json(path / "results.json", _classes(number) if data == "mnist" else _masks(path, number, side))
    return path


def _classes(number: int) -> dict[str, Any]:
    own = {"accuracy": 0.5 + number / 1000, "balanced_accuracy": 0.5}
    return {"kind": "classification", "task": {"datamodule": "mnist"}, "rows": [{"name": "model", "dataset": own}]}


def _masks(path: Path, number: int, side: int) -> dict[str, Any]:
    noise = np.random.default_rng(number)
    coarse = noise.integers(0, 255, (side // 8, side // 8, 3)).astype(np.uint8)
    image = coarse.repeat(8, axis=0).repeat(8, axis=1)
    image += noise.integers(0, 9, image.shape).astype(np.uint8)
    truth = (np.add.outer(np.arange(len(image)), np.arange(len(image))) // 16 % 2).astype(np.uint8)
    layers = {"image": image, "truth": truth, "prediction": np.roll(truth, 5), "probability": truth * 200}
    save_layers(path / "panels/layers/01", layers)
    figures = {"miou": 0.5 + number / 1000, "dice": {"background": 0.9, "vessel": 0.6 + number / 1000}, "auc": 0.9}
    distance = {"hd95": {"vessel": 30.0 - number / 10}}
    return {
        "task": {"classes": list(VESSELS.classes), "colours": [list(colour) for colour in VESSELS.colours]},
        "rows": [{"name": "model", "dataset": figures, "image": distance}],
        "units": {"hd95": "px"}, "directions": {"hd95": "min"}, "labels": {"hd95": "HD95"},
        "panels": [{"layers": "panels/layers/01", "rank": "middle", "image": "one"}],
    }  # fmt: skip
