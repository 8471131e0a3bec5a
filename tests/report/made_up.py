"""Made-up runs for the tests of the reports."""

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from segexp.spec import DataSpec, MaskTarget

VESSELS = DataSpec(MaskTarget(("background", "vessel"), ((10, 20, 30), (250, 240, 230))))
PARTS = DataSpec(MaskTarget(("outside", "vessel", "tissue"), ((0, 0, 0), (200, 40, 40), (60, 120, 180))))


def row(name: str, dice: float | None, note: str = "") -> dict[str, Any]:
    per_class = {"background": 0.9876, "vessel": dice}
    measures = {key: dict(per_class) for key in ("iou", "dice", "precision", "recall", "specificity")}
    dataset = {"accuracy": 0.9512, "miou": 0.8123, "mdice": 0.8765, "auc": None, "ap": 0.9, **measures}
    return {
        "name": name,
        "note": note,
        "dataset": dataset,
        "image": {"miou": 0.7, "dice": {"vessel": 0.6543}},
    }


def results() -> dict[str, Any]:
    return {
        "task": {
            "datamodule": "drive",
            "classes": ["background", "vessel"],
            "where": "inside the field of view",
        },
        "checkpoint": {
            "path": "checkpoints/best.ckpt",
            "epoch": 12,
            "monitor": "val/miou",
            "mode": "max",
            "value": 0.71,
        },
        "threshold": {"value": 0.43, "rule": "highest Dice of vessel", "chosen_on": "validation images"},
        "split": {"name": "test", "images": 2, "pixels": 900_000, "ignored_pixels": 400_000},
        "averaging": {
            "dataset": "counts of all images added up",
            "image": "mean over images",
            "absent": "left out",
        },
        "rows": [row("model", 0.7654, "threshold 0.43"), row("all background", 0.1), row("Otsu", None)],
        "panels": [
            {"file": "panels/best.png", "image": "b.tif", "rank": "best", "figures": {"IoU vessel": 0.9}},
            {"file": "panels/worst.png", "image": "w.tif", "rank": "worst", "figures": {"IoU vessel": None}},
            {"file": "panels/gone.png", "image": "g.tif", "rank": "median", "figures": {}},
        ],
        "notes": ["few images"],
        "unknown": {"later": [1]},
    }


def run() -> dict[str, Any]:
    return {
        "command": "python -m segexp model=cunet",
        "name": "first",
        "state": "finished",
        "seconds": 187.0,
        "git": {"commit": "abc123", "dirty": True},
        "versions": {"torch": "2.12.0"},
        "device": "cpu",
        "seed": 123456,
        "speed": {"precision": "32-true"},
        "model": {"name": "cunet", "parameters": 1_234_567, "trainable": 1_234_567},
        "data": {"name": "drive", "train": {"images": 14, "samples": 1400, "shape": [1400, 3, 64, 64]}},
    }


def write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def write_picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((4, 4, 3), len(path.name), np.uint8))


def write_rows(path: Path, rows: list[dict[str, object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def measured() -> dict[str, Any]:
    """The same with intervals, costly measures and areas under the curves."""
    content = results()
    row = content["rows"][0]
    row["dataset"] |= {"auc": 0.95, "brier": {"vessel": 0.0625}, "mean": {"brier": 0.0625, "iou": 0.8123}}
    row["image"] |= {
        "hd100": {"vessel": 14.142}, "asd": {"vessel": 2.5}, "mean": {"hd100": 14.142, "asd": 2.5}, "auc": 0.91,
    }  # fmt: skip
    row["interval"] = {
        "level": 0.95,
        "resamples": 1000,
        "dataset": {"iou": {"vessel": [0.701, 0.8249]}, "mean": {"iou": [0.8, 0.83]}, "recall": {"vessel": None}},
        "image": {"hd100": {"vessel": [10.0, 20.5]}},
    }
    content["units"] = {"hd100": "px", "asd": "m", "components_error": "components"}
    content["averaging"]["interval"] = "drawn again"
    return content


def grouped() -> dict[str, Any]:
    """Results with the same figures for two groups."""
    content = results()
    figures = content["rows"][0]["dataset"]
    content["rows"][0]["groups"] = {
        "austin": {"images": 1, **figures, "accuracy": 0.91, "iou": {"background": 0.9, "vessel": 0.6}},
        "kitsap": {"images": 1, **figures, "accuracy": None},
    }
    return content
