"""A training made of parts of torch and torchmetrics alone: optimiser, nested schedule, loss, measures, monitor."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from segexp.config.composed import checked_train
from segexp.config.migration import for_hydra
from segexp.config.paths import conf_dir
from segexp.invocation import Invocation
from tests.training.runs import TINY, Done, run

WORDS = (
    *TINY, "optimizer._target_=torch.optim.Adagrad", "optimizer.lr=0.1", "scheduler=warmup_cosine",
    "scheduler.milestones=[2]", "loss._target_=torch.nn.BCEWithLogitsLoss", "loss.pos_weight=3", "metric=[]",
    "metric.f1._target_=torchmetrics.F1Score", "metric.each._target_=torchmetrics.classification.MulticlassRecall",
    "metric.each.average=none", "monitor=val/f1", "bootstrap=20", "panels=0", "baselines=false", "panel_epochs=0",
)  # fmt: skip


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    place = tmp_path_factory.mktemp("plain")
    words = (*WORDS, f"output_dir={place}")
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose("train", for_hydra(words))
    return run(checked_train(config, Invocation(command=["segexp", "train", *words], overrides=words)))


def test_measures_of_validation_are_those_of_segexp_where_both_have_them(done: Done) -> None:
    assert len(done.rows) == 2
    for row in done.rows:
        assert float(row["val/f1"]) == pytest.approx(float(row["val/dice/vessel"]), abs=1e-6)
        for name in ("background", "vessel"):
            assert float(row[f"val/each/{name}"]) == pytest.approx(float(row[f"val/recall/{name}"]), abs=1e-6)


def test_the_best_checkpoint_is_that_of_the_highest_value(done: Done) -> None:
    best = max(float(row["val/f1"]) for row in done.rows)
    assert (done.content["checkpoint"]["monitor"], done.content["checkpoint"]["value"]) == (
        "val/f1",
        pytest.approx(best),
    )


def test_measures_of_the_test_have_texts_intervals_and_a_row_per_image(done: Done) -> None:
    _, half = done.content["rows"]
    assert half["dataset"]["f1"] == pytest.approx(half["dataset"]["dice"]["vessel"], abs=1e-6)
    assert half["image"]["f1"] == pytest.approx(half["image"]["dice"]["vessel"], abs=1e-6)
    low, high = half["interval"]["image"]["f1"]
    assert low <= half["image"]["f1"] <= high
    assert done.content["directions"]["f1"] == "max"
    assert "f1, each" in done.content["averaging"]
    header = (Path(done.path) / "per_image.csv").read_text(encoding="utf-8").splitlines()[0]
    assert {"f1", "each/vessel"} <= set(header.split(","))


def test_the_rate_warms_up_and_the_loss_is_minimised(done: Done) -> None:
    assert [float(row["lr"]) for row in done.rows] == pytest.approx([0.1 * (0.01 + 0.99 / 2), 0.1 * 0.5], rel=0.02)
    assert done.config["optimizer"] == {"_target_": "torch.optim.Adagrad", "lr": 0.1, "weight_decay": 0.0001}
    assert all(float(row["train/loss"]) > 0 for row in done.rows)
