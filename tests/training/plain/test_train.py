"""A LightningModule and a LightningDataModule of the user's own train, are tested, resumed and compared."""

import csv
import json
from pathlib import Path

import pytest
import torch

from segexp import Run, train
from segexp.cli.app import run
from segexp.errors import ConfigError, StoredError
from tests.training.plain.parts import Digits, LitAutoEncoder
from tests.training.plain.test_checks import HERE, PLAIN
from tests.training.runs import TINY

FAST = (*PLAIN, "trainer.accelerator=cpu", "trainer.progress=none", "trainer.max_epochs=2")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(*FAST, f"output_dir={tmp_path_factory.mktemp('plain')}")


def test_everything_is_in_the_run_folder(trained: Run) -> None:
    assert trained.state == "finished"
    assert trained.record["model"] == {"name": "LitAutoEncoder", "parameters": 1155, "trainable": 1155}
    assert trained.metrics["epoch"].tolist() == [0, 1]
    assert trained.metrics["val_loss"].min() == pytest.approx(trained.results["checkpoint"]["value"])
    assert trained.metrics["train_loss"].notna().all()
    assert trained.results["kind"] == "logged"
    assert trained.results["directions"] == {"loss": "min"}
    assert "val_loss" in trained.report.read_text(encoding="utf-8")


def test_the_test_is_of_the_best_weights(trained: Run) -> None:
    """Computed once more by hand, from the checkpoint and the images."""
    module = LitAutoEncoder.load_from_checkpoint(trained.best_checkpoint, weights_only=True)
    assert module.hparams["hidden"] == 8
    data = Digits()
    data.setup("test")
    images = torch.stack([data.test[number][0] for number in range(len(data.test))]).flatten(1)
    with torch.no_grad():
        loss = (module.decoder(module.encoder(images)) - images).square().mean()
    assert trained.figures == {"test/loss": pytest.approx(float(loss), abs=1e-6)}


def test_the_same_again_and_gone_on_with(trained: Run, tmp_path: Path) -> None:
    longer = train(*FAST, "trainer.max_epochs=3", f"resume={trained.path}")
    assert longer.metrics["epoch"].tolist() == [0, 1, 2]
    assert longer.metrics["val_loss"].tolist()[:2] == trained.metrics["val_loss"].tolist()
    straight = train(*FAST, "trainer.max_epochs=3")
    assert longer.figures == straight.figures


def test_the_module_is_loaded_again(trained: Run) -> None:
    module = Run(trained.path, trust=["tests"]).model
    stored = torch.load(trained.best_checkpoint, weights_only=True)["state_dict"]
    assert all(torch.equal(value, stored[name]) for name, value in module.state_dict().items())
    with pytest.raises(StoredError, match="trust"):
        _ = Run(trained.path).model


def test_they_are_compared(trained: Run, capsys: pytest.CaptureFixture[str]) -> None:
    other = train(*FAST, "task.hidden=2")
    capsys.readouterr()
    assert run(["compare", str(trained.path), str(other.path), "out=compared"]) == 0
    assert "hidden=2" in capsys.readouterr().out
    with Path("compared/summary.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 2


def test_several_test_loaders_and_none() -> None:
    found = train(*FAST, "datamodule.tests=2", "trainer.max_epochs=1")
    loss = found.results["rows"][0]["dataset"]["loss"]
    assert loss["0"] == loss["1"]
    assert [row["image"] for row in found.per_image.to_dict("records")] == ["test data 0", "test data 1"]
    words = (f"task._target_={HERE}.Untested", "monitor=val_closeness", "monitor_mode=max", "trainer.max_epochs=1")
    untested = train(*FAST, *words)
    assert untested.results["split"] == {"name": "val"}
    assert untested.results["checkpoint"]["value"] == pytest.approx(untested.figures["test/closeness"])
    assert untested.results["notes"] == ["no test_step or no test_dataloader: the figures are of the validation data"]


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One batch of training of 9, and one of the test of 3."""
    words = ("datamodule.batch_size=4", "trainer.limit_train_batches=1", "trainer.limit_test_batches=1")
    return train(*FAST, *words, f"output_dir={tmp_path_factory.mktemp('trial')}")


def test_the_test_sees_the_batches_that_are_asked_for(trial: Run) -> None:
    """Computed once more by hand, from the first batch."""
    data = Digits()
    data.setup("test")
    module = LitAutoEncoder.load_from_checkpoint(trial.path / trial.results["checkpoint"]["path"], weights_only=True)
    with torch.no_grad():
        loss = module.loss_of([torch.stack([data.test[number][0] for number in range(4)])])
    assert trial.figures == {"test/loss": pytest.approx(float(loss), abs=1e-6)}
    assert (
        "the test saw 1 of 3 batches (trainer.limit_test_batches=1), of which the figures are"
        in (trial.results["notes"])
    )


def test_objects_as_keys_stay_out_of_checkpoints() -> None:
    """As lightning-hydra-template writes it: save_hyperparameters keeps the network and the optimizer."""
    words = (
        f"task._target_={HERE}.LitNet", "task.net._target_=torch.nn.Linear", "task.net.in_features=64",
        "task.net.out_features=2", "task.optimizer._target_=torch.optim.SGD", "task.optimizer._partial_=true",
        "task.optimizer.lr=0.1", "trainer.max_epochs=1",
    )  # fmt: skip
    found = train(*FAST, *words)
    stored = torch.load(found.last_checkpoint, weights_only=True)
    assert stored["hyper_parameters"].keys() == {"hidden", "lr"}
    assert found.model.net.weight.shape == (2, 64)
    assert "net, optimizer" in (found.path / "log.txt").read_text(encoding="utf-8")


def test_parts_of_segexp_for_a_module_of_ones_own() -> None:
    own = ("task=lightning", f"task._target_={HERE}.Pixels", "model=cunet", "optimizer=sgd", "task.weight=2.0")
    found = train(*TINY, *own, "trainer.max_epochs=1")
    assert found.record["model"]["name"] == "Pixels"
    assert found.config["model"]["base"] == 2
    assert "loss" not in found.config
    assert 0 < found.figures["test/loss"] < 10


def test_several_processes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"trainer\.devices: found 2, but"):
        train(*FAST, "trainer.devices=2", "trainer.accelerator=cpu")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_they_are_swept(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*FAST, "-m", "task.hidden=2,8", "seed=0,1", "name=swept"]) == 0
    assert "hidden=8" in capsys.readouterr().out
    folders = sorted(Path("outputs/swept").glob("*/*/results.json"))
    assert len(folders) == 4
    assert len({json.loads(path.read_text())["rows"][0]["dataset"]["loss"] for path in folders}) == 4
