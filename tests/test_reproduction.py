"""benchmarks.reproduction makes its page from run folders alone, with intervals, seeds, and no path of the machine."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.reproduction import main


def write_run(folder: Path, preset: str, words: list[str], kind: str, metrics: str, **model: Any) -> None:
    folder.mkdir(parents=True)
    run = {
        "state": "finished", "overrides": [f"experiment={preset}", *words], "choices": {"experiment": preset},
        "data": {"name": preset.split("_", maxsplit=1)[0], "train": {"images": 18}}, "epochs": 10, "seconds": 90.0,
    }  # fmt: skip
    results = {"kind": kind, "split": {"images": 5}, "rows": [{"name": "model", "image": {}, **model}], "notes": []}
    (folder / "run.json").write_text(json.dumps(run), encoding="utf-8")
    (folder / "results.json").write_text(json.dumps(results), encoding="utf-8")
    (folder / "metrics.csv").write_text(metrics, encoding="utf-8")


@pytest.fixture
def text(tmp_path: Path) -> str:
    """The page of two seeds of mnist_cae and one run of allidb_cam, beside a run that is no preset."""
    for seed, mse in enumerate((0.25, 0.75)):
        metrics = "epoch,train/loss\n" + "".join(f"{epoch},{mse + 1 - epoch / 9}\n" for epoch in range(10))
        words = ["datamodule.root=/home/me/MNIST", f"seed={seed}", "output_dir=/scratch/out"]
        write_run(tmp_path / f"r/{seed}", "mnist_cae", words, "reconstruction", metrics, dataset={"mse": mse})
    scores = {"dataset": {"accuracy": 0.9}, "interval": {"dataset": {"accuracy": [0.8, 0.95]}}}
    words = ["datamodule.root='/home/me/ALL IDB'", "trainer.max_epochs=3"]
    write_run(tmp_path / "r/cam", "allidb_cam", words, "classification", "epoch,train/loss\n0,1\n", **scores)
    write_run(tmp_path / "r/own", "own", [], "segmentation", "epoch\n0\n", dataset={"miou": 0.5})
    main([str(tmp_path / "r"), f"out={tmp_path / 'page.md'}"])
    return (tmp_path / "page.md").read_text(encoding="utf-8")


def test_rows_have_reference_figure_interval_and_seeds(text: str) -> None:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:3] == "| 4"]
    data = ["mnist: 18 train, 5 tested", "10", "1.5"]
    assert rows == [
        ["4 autoencoder of digits", "`mnist_cae`", "train/loss", "0.0422 → 0.0283",
         "1.5000 → 0.5000 ± 0.3536 (2 runs)", *data],
        ["4 autoencoder of digits", "`mnist_cae`", "test/mse", "-", "0.5000 ± 0.3536 (2 runs)", *data],
    ]  # fmt: skip
    (cam,) = [line for line in text.splitlines() if line.startswith("| 5")]
    assert "| test/accuracy | 0.9500 | 0.9000 [0.8000, 0.9500] | allidb: 18 train, 5 tested | 10 | 1.5 |" in cam
    assert "experiment=own" not in text


def test_commands_name_no_place_of_the_machine(text: str) -> None:
    assert "python -m segexp -m experiment=mnist_cae datamodule.root=data/mnist seed=0,1\n" in text
    assert "python -m segexp experiment=allidb_cam datamodule.root=data/allidb trainer.max_epochs=3\n" in text
    assert "/home" not in text
    assert "/scratch" not in text


def test_presets_without_a_run_are_named(text: str) -> None:
    line = next(line for line in text.splitlines() if line.startswith("No run folder at hand"))
    assert "drive_wnet" in line
    assert "mnist_cae," not in line
