"""A classification trains, says what it found, is resumed, and refuses what is not for it."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from segexp.cli.app import run
from segexp.data.synthetic.labelled import write_allidb
from segexp.losses.cross_entropy import CrossEntropy
from segexp.models.resnet import ResNetClassifier
from segexp.spec import DataSpec, LabelTarget, MaskTarget
from segexp.tasks.classification import Classification
from segexp.training.building.task import read_task
from tests.training.runs import folders, read_json

COMMON = (
    "task=classification", "datamodule=allidb", "datamodule.image_size=32", "datamodule.loader.batch_size=8",
    "datamodule.loader.num_workers=0", "model.base=2", "trainer.accelerator=cpu", "trainer.max_epochs=2",
    "trainer.progress=none", "speed=off", "bootstrap=20", "augment=none", "panels=3",
)  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("patches")
    write_allidb(place, fields=10, side=48)
    return place


@pytest.fixture(scope="module")
def done(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("done")
    words = [*COMMON, f"datamodule.root={root}", "loss.class_weights=auto", "loss.label_smoothing=0.1"]
    assert run([*words, "panel_epochs=[1]", f"output_dir={place}"]) == 0
    return folders(place)[0]


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_figures_are_those_of_the_lines_per_image(done: Path) -> None:
    results = read_json(done / "results.json")
    assert results["kind"] == "classification"
    lines = [line for line in rows(done, "per_image.csv") if line["row"] == "model"]
    truth = [line["true"] == "lymphoblast" for line in lines]
    found = [line["predicted"] == "lymphoblast" for line in lines]
    scores = [float(line["probability/lymphoblast"]) for line in lines]
    model, trivial = results["rows"]
    assert model["dataset"]["accuracy"] == pytest.approx(accuracy_score(truth, found))
    assert model["dataset"]["macro_f1"] == pytest.approx(f1_score(truth, found, average="macro", zero_division=0))
    assert model["dataset"]["auc"] == pytest.approx(roc_auc_score(truth, scores), abs=1e-6)
    assert np.sum(results["confusion"]) == len(lines) == results["split"]["images"]
    assert trivial["name"] in ("all healthy", "all lymphoblast")
    assert trivial["dataset"]["balanced_accuracy"] == 0.5
    assert model["interval"]["dataset"]["accuracy"][0] <= model["dataset"]["accuracy"]
    assert results["labels"]["macro_f1"] == "macro F1"


def test_logs_losses_and_accuracies(done: Path) -> None:
    logged = rows(done, "metrics.csv")
    assert {"train/loss", "val/loss", "train/accuracy", "val/accuracy", "val/macro_f1"} <= set(logged[0])
    assert {"val/recall/healthy", "val/f1/lymphoblast", "val/auc", "val/ap"} <= set(logged[0])
    assert all(0 <= float(row["train/accuracy"]) <= 1 for row in logged)
    assert len(list((done / "panels").glob("*worst*.png"))) == 1
    assert list(done.rglob("epoch_0001_*.png"))


def test_the_page_has_sections_of_its_kind(done: Path) -> None:
    page = (done / "report.html").read_text(encoding="utf-8")
    assert re.findall(r'<section id="([a-z-]+)"', page) == [
        "figures", "panels", "confusion", "curves", "data", "cost", "reproduce", "environment"
    ]  # fmt: skip
    assert "Below them, images." in page
    assert "accuracy, training" in page
    assert "mean IoU" not in page


def test_goes_on_where_it_was_interrupted(done: Path, root: Path) -> None:
    stop = "callbacks.extra=[{_target_: tests.training.parts.Stop, epoch: 1}]"
    words = [*COMMON, f"datamodule.root={root}", "loss.class_weights=auto", "loss.label_smoothing=0.1"]
    assert run([*words, stop]) == 130
    assert run([*words, f"resume={folders()[0]}/checkpoints/last.ckpt"]) == 0
    assert rows(folders()[-1], "per_image.csv") == rows(done, "per_image.csv")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["loss=dice"],
            "task=classification takes no such loss: use loss=ce",
        ),
        (["monitor=val/miou"], "monitor: nothing is logged as 'val/miou'"),
        (["monitor=val/recall/sick"], "monitor: nothing is logged as 'val/recall/sick'"),
        (["tta=d4"], "tta: found d4"),
        (["model=cunet"], "model=cunet gives outputs for every pixel, task=classification needs them for whole images"),
    ],
)
def test_what_is_not_for_it_is_refused(
    root: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [word for word in COMMON if not (word.startswith("model.") and "model=cunet" in words)]
    assert run([*given, f"datamodule.root={root}", *words]) == 2
    assert message in capsys.readouterr().err
    assert not folders()


def test_a_loss_takes_an_image_as_a_pixel() -> None:
    spec = DataSpec(LabelTarget(("a", "b", "c")))
    task = Classification(ResNetClassifier(3, 3, base=2), CrossEntropy([1.0, 2.0, 3.0], 0.1), spec, torch.optim.SGD)
    logits, labels = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 2, 1, 1])
    wanted = torch.nn.functional.cross_entropy(logits, labels, torch.tensor([1.0, 2.0, 3.0]), label_smoothing=0.1)
    torch.testing.assert_close(task.loss_terms(logits, labels)["total"], wanted)


def test_masks_are_refused() -> None:
    with pytest.raises(Exception, match="needs a class for every image, the data has targets of kind segmentation"):
        Classification.adapted(DataSpec(MaskTarget(("a", "b"), ((0, 0, 0),) * 2)))


def test_labels_are_refused_by_a_segmentation_whatever_says_so() -> None:
    block = read_task({"_target_": "segexp.tasks.segmentation.Segmentation", "two_logits": True})
    with pytest.raises(Exception, match=r"task=segmentation needs a mask .* choose task=classification$"):
        block.adapted(DataSpec(LabelTarget(("a", "b"))))
