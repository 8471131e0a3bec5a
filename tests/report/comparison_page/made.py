"""Made-up run folders with known figures, as a finished run leaves them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from segexp.report.comparison_page.configurations.run import ComparedRun
from segexp.runs.contents import read_run
from tests.report.made_up import write_json, write_rows

CLASSES = ["background", "vessel"]
CONFUSION = [[60, 10], [10, 20]]

Images = Mapping[str, float | None]


def make_run(
    path: Path,
    images: Images,
    *,
    model: str = "cunet",
    seed: int = 0,
    config: Mapping[str, Any] | None = None,
    overrides: list[str] | None = None,
    choices: Mapping[str, str] | None = None,
    confusion: list[list[int]] | None = None,
    results: Mapping[str, Any] | None = None,
    **record: Any,
) -> Path:
    """A run with a Dice of the vessel for each image; pooled Dice and AUC are the mean plus 0.01 and 0.02."""
    path.mkdir(parents=True)
    known = [value for value in images.values() if value is not None]
    mean = sum(known) / len(known)
    matrix = CONFUSION if confusion is None else confusion
    block = {
        "miou": mean - 0.1,
        "mdice": mean,
        "dice": {"background": 0.99, "vessel": mean},
        "ece": {"vessel": 1 - mean},
    }
    content = {
        "task": {"datamodule": "drive", "classes": CLASSES, "tta": "none", "where": "all pixels"},
        "checkpoint": {"monitor": "val/miou"},
        "threshold": {"value": 0.4, "rule": "highest Dice of vessel", "chosen_on": "validation images"},
        "rows": [
            {"name": "model", "dataset": pooled(block) | {"auc": mean + 0.02}, "image": block},
            {"name": "model at 0.5", "dataset": {"miou": 0.0}, "image": {}},
            {"name": "all background", "note": "most frequent class", "dataset": {"miou": 0.35}, "image": {}},
        ],
        "confusion": matrix,
        "panels": [],
        **(results or {}),
    }
    write_json(path / "results.json", content)
    settings = {
        "seed": seed,
        "datamodule": {"seed": seed, "split": "official", "loader": {"num_workers": seed}},
        "model": {"_target_": f"segexp.models.{model}", "base": 8},
        "optimizer": {"lr": 0.005},
        **(config or {}),
    }
    (path / "config.yaml").write_text(yaml.safe_dump(settings))
    facts = {
        "state": "finished",
        "started": f"2026-01-01T00:00:{seed:02d}+00:00",
        "seed": seed,
        "overrides": [f"model={model}", f"seed={seed}"] if overrides is None else overrides,
        "choices": {"model": model, "datamodule": "drive", **(choices or {})},
        "model": {"name": model, "parameters": 1000},
        "data": {"train": {"samples": 100}},
        "train_seconds": 60.0,
        "device": "cpu",
        **record,
    }
    write_json(path / "run.json", facts)
    write_rows(path / "per_image.csv", [line for name, value in images.items() for line in _lines(name, value)])
    (path / "metrics.csv").write_text("epoch,seconds\n0,9.0\n1,2.0\n2,4.0\n")
    (path / "report.html").write_text("<p>report</p>")
    return path


def pooled(block: Mapping[str, Any]) -> dict[str, Any]:
    """The same with Dice 0.01 higher, so that both blocks can be told apart."""
    return {**block, "dice": {"background": 0.99, "vessel": block["dice"]["vessel"] + 0.01}}


def _lines(name: str, value: float | None) -> list[dict[str, object]]:
    model: dict[str, object] = {"image": name, "row": "model", "miou": "", "dice/vessel": "", "ece/vessel": ""}
    if value is not None:
        model |= {"miou": round(value - 0.1, 6), "dice/vessel": value, "ece/vessel": round(1 - value, 6)}
    return [model, {"image": name, "row": "Otsu", "miou": 0.5, "dice/vessel": 0.5, "ece/vessel": ""}]


def run_of(*arguments: Any, **more: Any) -> ComparedRun:
    """The run that :func:`make_run` made."""
    return ComparedRun(read_run(make_run(*arguments, **more)))
