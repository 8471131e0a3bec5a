"""A LightningModule and a LightningDataModule of the user's own train, are tested, resumed and compared."""

import csv
import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from unittest import mock

import lightning.pytorch as pl
import pytest
import torch

from segexp import Run, compose, train
from segexp.cli.app import run
from segexp.errors import ConfigError, DataError, StoredError
from segexp.runs.folder import RunFolder
from segexp.training.plain import test as plain_test
from tests.sweeps.real import run as start
from tests.training.plain.parts import Digits, Halves, LitAutoEncoder
from tests.training.plain.test_checks import HERE, PLAIN
from tests.training.runs import TINY, folders, table

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


def test_commands_of_segmentations_say_what_they_lack(trained: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", f"run={trained.path}"]) == 2
    assert "but of another LightningModule; in Python, Run(<run folder>).model" in capsys.readouterr().err
    last = trained.path / "checkpoints" / "last.ckpt"
    assert run([f"resume={last}", "trainer.max_epochs=3", "trainer.accelerator=cpu"]) == 2
    assert "give the words task=lightning" in capsys.readouterr().err
    # A run folder brings its words along, which name a class of another package.
    assert run([f"resume={trained.path}", "trainer.max_epochs=3", "trainer.accelerator=cpu"]) == 2
    assert "add 'trust=[tests]'" in capsys.readouterr().err


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


SEVERAL = (
    *TINY[9:], "datamodule=lightning", f"datamodule._target_={HERE}.Halves", "optimizer=sgd", "trainer.max_epochs=1",
)  # fmt: skip


def test_several_validation_loaders_of_a_task() -> None:
    """Each has figures under Lightning's names; the first chooses checkpoint and threshold, and is `val/...` too."""
    found = train(*SEVERAL)
    numbers = found.metrics.set_index("epoch")
    assert (numbers["val/miou"] == numbers["val/miou/dataloader_idx_0"]).all()
    assert (numbers["val/miou"] != numbers["val/miou/dataloader_idx_1"]).all()
    assert found.results["checkpoint"]["value"] == numbers["val/miou"].max()
    module, quiet = found.model, {"logger": False, "enable_progress_bar": False}
    tester = pl.Trainer(accelerator="cpu", enable_checkpointing=False, **quiet)
    data = Halves()
    apart = [tester.validate(module, loader, verbose=False)[0] for loader in data.val_dataloader().values()]
    best = numbers.loc[found.results["checkpoint"]["epoch"]]
    for number, figures in enumerate(apart):
        for name, value in figures.items():
            assert best[f"{name}/dataloader_idx_{number}"] == pytest.approx(value, abs=1e-6, nan_ok=True)
    stored = torch.load(found.best_checkpoint, weights_only=True)["segexp"]["threshold_logit"]
    assert stored != module.threshold  # that of the second, which was seen last
    tester.validate(module, data.val_dataloader()["near"], verbose=False)
    assert stored == module.threshold
    tested = found.results["rows"][0]["dataset"]["miou"]
    alone = [tester.test(module, loader, verbose=False)[0]["test/miou"] for loader in data.test_dataloader()]
    assert [tested["0"], tested["1"]] == pytest.approx(alone)


def test_loaders_side_by_side_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected one after the other"):
        train(*SEVERAL, "datamodule.side_by_side=true")
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One batch of training of 9, of validation and of the test one of 3."""
    words = ("datamodule.batch_size=4", "trainer.fast_dev_run=true", "logger=tensorboard")
    return train(*FAST, *words, f"output_dir={tmp_path_factory.mktemp('trial')}")


def test_a_trial_run_sees_parts_and_chooses_nothing(trial: Run) -> None:
    """The test is computed once more by hand, from the first batch and the last weights."""
    assert [path.name for path in (trial.path / "checkpoints").iterdir()] == ["last.ckpt"]
    assert (trial.results["checkpoint"]["path"], trial.best_checkpoint) == (
        "checkpoints/last.ckpt",
        trial.last_checkpoint,
    )
    data = Digits()
    data.setup("test")
    module = Run(trial.path, trust=["tests"]).model
    with torch.no_grad():
        loss = module.loss_of([torch.stack([data.test[number][0] for number in range(4)])])
    assert trial.figures == {"test/loss": pytest.approx(float(loss), abs=1e-6)}
    assert trial.results["notes"] == [
        "trained on 1 of 9 batches an epoch (trainer.fast_dev_run=true)",
        "validations were limited (trainer.fast_dev_run=true), so they chose no checkpoint: the figures are of the "
        "weights after the last epoch",
        "the test saw 1 of 3 batches (trainer.fast_dev_run=true), of which the figures are",
    ]


def test_a_trial_run_is_told_to_nobody(trial: Run) -> None:
    assert trial.record["ended_by"] == "trainer.fast_dev_run"
    assert not list(trial.path.parent.rglob("events.*"))


def test_a_test_is_on_the_gpu_that_was_trained_on(monkeypatch: pytest.MonkeyPatch, trained: Run) -> None:
    experiment = compose(*FAST, "trainer.limit_test_batches=2")
    chosen = replace(experiment, trainer=replace(experiment.trainer, devices=[1]))
    tester = mock.Mock(side_effect=RuntimeError("no such GPU"))
    monkeypatch.setattr("segexp.training.plain.test.build_tester", tester)
    with pytest.raises(RuntimeError, match="no such GPU"):
        plain_test.test_logged(chosen, RunFolder(trained.path), LitAutoEncoder(), Digits(), {})
    assert tester.call_args.args[2:4] == ([1], 2)


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, tuple[str, ...]]:
    """Nothing is learnt, so that each validation, in every other epoch after each step, gives the same figures."""
    words = (
        *FAST, "task.lr=0.0", "trainer.max_epochs=-1", "trainer.max_steps=12", "trainer.val_check_interval=1",
        "trainer.check_val_every_n_epoch=2",
    )  # fmt: skip
    return train(*words, f"output_dir={tmp_path_factory.mktemp('endless')}"), words


def test_rows_hold_what_their_epoch_has_logged(endless: tuple[Run, tuple[str, ...]]) -> None:
    found, _ = endless
    assert found.metrics["epoch"].tolist() == [0, 1, 2, 3]
    assert found.metrics["val_loss"].notna().tolist() == [False, True, False, True]
    assert found.metrics["val_loss"][1] == found.metrics["val_loss"][3]
    log = (found.path / "log.txt").read_text(encoding="utf-8")
    assert "epoch 4 " in log
    assert "averaged weights" not in log


def test_steps_come_along(endless: tuple[Run, tuple[str, ...]]) -> None:
    found, words = endless
    again = train(*words, f"resume={found.path}")
    rows = table(again.path / "steps.csv")
    assert [int(row["step"]) for row in rows if row["val_loss"]] == [3, 4, 5, 9, 10, 11]
    assert rows == table(found.path / "steps.csv")


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("task.hidden=4", "holds another model: found encoder.0.weight of shape [4, 64], but the run that resume goes"),
        ("task.lr=0.1", "task.lr: found 0.1, but the run that resume goes on from has 0.001; use that"),
        ("datamodule.batch_size=6", "datamodule.batch_size: found 6, but"),
        ("trainer.max_epochs=1", "trainer.max_epochs: found 1, but the run that resume goes on from has done 2 epochs"),
    ],
)
def test_another_training_is_not_gone_on_with(trained: Run, tmp_path: Path, word: str, says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        train(*FAST, word, f"resume={trained.path}")
    assert not (tmp_path / "outputs").exists()


def test_check_says_all_of_it_and_writes_nothing(
    trained: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", *FAST, "trainer.max_epochs=3", f"resume={trained.path}"]) == 0
    assert "config is valid" in capsys.readouterr().out
    average = "lightning.pytorch.callbacks.StochasticWeightAveraging"
    words = (f"callbacks.swa._target_={average}", "callbacks.swa.swa_lrs=-1.0")
    assert run(["check", *FAST, *words, "format=json", f"resume={trained.path}"]) == 2
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert [text.partition(":")[0] for text in (problem["text"] for problem in problems)] == [
        "callbacks.swa (swa_lrs -1.0)", "callbacks.swa._target_",
    ]  # fmt: skip
    own = ("task=lightning", f"task._target_={HERE}.Pixels", "model=cunet", "optimizer=sgd", "task.weight=2.0")
    assert run(["check", *TINY, *own, "format=json"]) == 0
    assert json.loads(capsys.readouterr().out)["parts"]["train"]["images"] == 4
    assert not list(tmp_path.iterdir())


def test_preview_shows_a_batch_of_each_loader(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["preview", *SEVERAL[:-1]]) == 0
    assert "val 1" in capsys.readouterr().out
    (file,) = Path("outputs/preview").rglob("preview.json")
    loaders = json.loads(file.read_text())["loaders"]
    assert [(each["loader"], each["batches"]) for each in loaders] == [
        ("train", 2), ("val 0", 1), ("val 1", 2), ("test 0", 1), ("test 1", 2),
    ]  # fmt: skip
    image, mask = loaders[0]["batch"]
    assert (image["place"], image["shape"], image["type"]) == ("[0]", [2, 1, 16, 16], "uint8")
    assert (mask["low"], mask["high"]) == (0.0, 1.0)
    assert run(["preview", *SEVERAL[:-1], "workers=[0]"]) == 2
    assert "workers: has no effect here" in capsys.readouterr().err


def test_a_damaged_checkpoint_is_not_read(trained: Run, tmp_path: Path) -> None:
    shutil.copytree(trained.path, tmp_path / "copy")
    place = tmp_path / "copy" / "checkpoints" / "last.ckpt"
    weights = torch.load(place, weights_only=True)["state_dict"]["encoder.0.weight"].numpy().tobytes()
    place.write_bytes(place.read_bytes().replace(weights, bytes(len(weights))))
    with pytest.raises(DataError, match="is damaged"):
        train(*FAST, f"resume={place}")
    assert not (tmp_path / "outputs").exists()
    config = tmp_path / "copy" / "config.yaml"
    config.write_text(re.sub(r"output_dir: .*", "output_dir: outputs", config.read_text()))
    with pytest.raises(DataError, match="is damaged"):
        Run(tmp_path / "copy", trust=["tests"]).load(checkpoint="last")


def test_a_failed_training_proposes_what_can_be_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segexp.training.plain.train.test_logged", mock.Mock(side_effect=RuntimeError("no figures")))
    with pytest.raises(RuntimeError, match="no figures"):
        train(*FAST, "trainer.max_epochs=1")
    (log,) = Path("outputs").rglob("log.txt")
    text = log.read_text(encoding="utf-8")
    assert "the first 1 epochs are kept" in text
    assert "to test them" not in text


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


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((*SEVERAL, "trainer.devices=2"), "but on a LightningDataModule of your own a task of segexp's trains in one"),
        ((*FAST, "trainer.devices=2", "trainer.strategy=fsdp"), "trainer.strategy: found fsdp, which divides the"),
    ],
)
def test_what_several_processes_cannot_train_is_refused(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        train(*words, "trainer.accelerator=cpu")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_two_processes_train_as_one() -> None:
    """A batch of all images: Lightning's sampler deals it out; losses are means over images."""
    words = (*FAST, f"task._target_={HERE}.Together", "task.lr=0.5")
    alone = train(*words, "datamodule.batch_size=36", "output_dir=alone")
    line = [sys.executable, "-m", "segexp", *words, "datamodule.batch_size=18", "trainer.devices=2", "output_dir=two"]
    ended = start(line)
    assert (ended.returncode, ended.stderr) == (0, "")
    (path,) = folders(Path("two"))
    two = Run(path)
    assert two.record["ranks"] == 2
    assert sorted(file.name for file in two.path.rglob("*")) == sorted(file.name for file in alone.path.rglob("*"))
    assert two.metrics["val_loss"].tolist() == pytest.approx(alone.metrics["val_loss"].tolist(), abs=1e-6)
    assert two.figures == pytest.approx(alone.figures, abs=1e-6)
    weights = [torch.load(each.last_checkpoint, weights_only=True)["state_dict"] for each in (alone, two)]
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=1e-5, atol=1e-5)
    assert "trained by 2 processes" in two.results["notes"][0]
    line[line.index("trainer.max_epochs=2")] = "trainer.max_epochs=3"
    ended = start([*line, f"resume={path}"])
    assert (ended.returncode, ended.stderr) == (0, "")
    gone_on = Run(max(folders(Path("two")), key=lambda folder: folder.stat().st_ctime))
    longer = train(*words, "datamodule.batch_size=36", "trainer.max_epochs=3", "output_dir=alone")
    assert gone_on.metrics["val_loss"].tolist() == pytest.approx(longer.metrics["val_loss"].tolist(), abs=1e-6)


@pytest.mark.slow
def test_images_of_segexp_on_two_processes() -> None:
    own = (*TINY, "task=lightning", f"task._target_={HERE}.Pixels", "model=cunet", "optimizer=sgd", "trainer.devices=2")
    ended = start([sys.executable, "-m", "segexp", *own, "trainer.max_epochs=1"])
    assert (ended.returncode, ended.stderr) == (0, "")
    (path,) = folders()
    assert 0 < Run(path).figures["test/loss"] < 10


@pytest.mark.slow
def test_they_are_swept(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*FAST, "-m", "task.hidden=2,8", "seed=0,1", "name=swept"]) == 0
    assert "hidden=8" in capsys.readouterr().out
    folders = sorted(Path("outputs/swept").glob("*/*/results.json"))
    assert len(folders) == 4
    assert len({json.loads(path.read_text())["rows"][0]["dataset"]["loss"] for path in folders}) == 4
