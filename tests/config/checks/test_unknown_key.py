"""What is proposed for a key that is not there: what was meant, or nothing; every proposed word works when pasted."""

import re
import shlex
from pathlib import Path

import pytest

from segexp.config.checks.tree import supplied_keys
from segexp.config.schema import TrainConfig
from tests.lines import run_lines

CHECK = ["check", "scope=config"]
MEANT = {
    "batch_size=4": "datamodule.loader.batch_size",
    "datamodule.batch_size=4": "datamodule.loader.batch_size",
    "val_batch_size=1": "datamodule.loader.eval_batch_size",
    "max_epochs=3": "trainer.max_epochs",
    "trainer.max_epoch=3": "trainer.max_epochs",
    "lr=0.1": "optimizer.lr",
    "model.lr=0.1": "optimizer.lr",
    "trainer.gpus=1": "trainer.devices",
    "speed.precison=float32": "speed.precision",
    "limit_train_batches=3": "trainer.limit_train_batches",
    "trainer.max_step=3": "trainer.max_steps",
    "max_lr=0.1": "scheduler.max_lr",
    "datamodule=folder data.root=x": "datamodule.root",
    "datamodule.crop=48": "datamodule.crop_size",
    "datamodule.loader.batch=4": "datamodule.loader.batch_size",
    "out=sw": "output_dir",
    "device=cuda": "trainer.accelerator",
    "trainer.device=cuda": "trainer.accelerator",
}
GROUPS = {"optimiser=adam": "optimizer", "modle=unet": "model", "data=synthetic": "datamodule", "arch=unet": "model"}
NOTHING = (
    "model.name=x", "model.num_classes=2", "model.in_channels=3", "optimizer.params=1",
    "trainer.max=3",
)  # fmt: skip
PLUS = {
    "optimizer.amsgrad=true": "AdamW takes it",
    "scheduler.div_factor=10": "OneCycleLR takes it",
}


def said(lines: list[str]) -> list[str]:
    answers = run_lines([[*CHECK, *line.split()] for line in lines])
    assert [answer.code for answer in answers] == [2] * len(lines)
    assert all(answer.err.count("\n") == 1 for answer in answers)
    return [answer.err for answer in answers]


def test_the_key_that_was_meant_takes_the_value() -> None:
    proposals = []
    for (line, key), answer in zip(MEANT.items(), said(list(MEANT)), strict=True):
        assert f"Did you mean '{key}'?" in answer, f"{line}: {answer}"
        *others, word = line.split()
        pasted = shlex.split(answer.partition(" Write ")[2].partition(" (--cfg")[0])
        assert pasted == [f"{key}={word.split('=')[1]}"], f"{line}: {answer}"
        proposals.append([*CHECK, *others, *pasted])
    assert [answer.err for answer in run_lines(proposals)] == [""] * len(MEANT)


def test_odd_values_are_kept_and_quoted_and_a_wrong_one_is_not_proposed() -> None:
    odd = {
        "optimizer.betass=[0.9, 0.99]": "optimizer.betas=[0.9, 0.99]",
        "trainer.max_tim={hours: 3}": "trainer.max_time={hours: 3}",
        "out='my runs'": "output_dir=my runs",
        "+trainer.max_epoch=3": "++trainer.max_epochs=3",
    }
    answers = run_lines([*([*CHECK, line] for line in odd), [*CHECK, "max_epochs=many"]])
    for (line, word), answer in zip(odd.items(), answers, strict=False):
        assert shlex.split(answer.err.partition(" Write ")[2].partition(" (--cfg")[0]) == [word], (
            f"{line}: {answer.err}"
        )
    assert [answer.err for answer in run_lines([[*CHECK, word] for word in odd.values()])] == [""] * len(odd)
    assert "Did you mean 'trainer.max_epochs'? (--cfg" in answers[-1].err


WRITTEN = {
    "compare a b output=x": "out=x",
    "compare a b output_dir=x": "out=x",
    "evaluate run=a output=results/x": "out=results/x",
    "generate output=x": "out=x",
    "predict run=a input=b out=x": "output=x",
    "predict run=a input=b save_dir=x": "output=x",
    "localize run=a input=b output_dir=x": "output=x",
    "check output=x": "output_dir=x",
}


def test_where_results_go_has_two_names_and_each_command_tells_its_own() -> None:
    answers = run_lines([line.split() for line in WRITTEN])
    for (line, word), answer in zip(WRITTEN.items(), answers, strict=True):
        assert answer.code == 2
        assert f"Did you mean '{word.partition('=')[0]}'? Write {word} (--cfg" in answer.err, f"{line}: {answer.err}"


def test_the_group_that_was_meant_has_the_option() -> None:
    for (line, group), answer in zip(GROUPS.items(), said(list(GROUPS)), strict=True):
        assert f"Did you mean '{group}'?" in answer, f"{line}: {answer}"
    pasted = [[*CHECK, f"{group}={line.split('=')[1]}"] for line, group in GROUPS.items()]
    assert [answer.code for answer in run_lines(pasted)] == [0] * len(GROUPS)
    (path,) = said(["data=/a/path"])
    assert "Did you mean 'datamodule'? Options of datamodule: allidb, arrays, cells, cells_from_cam" in path


def test_what_is_switched_on_is_an_option_and_a_block_takes_no_value() -> None:
    options = {"early_stopping=true": "callbacks=early_stopping", "wandb=true": "logger=wandb"}
    for (line, option), answer in zip(options.items(), said(list(options)), strict=True):
        assert f"Did you mean '{option}'?" in answer, f"{line}: {answer}"
    assert [answer.code for answer in run_lines([[*CHECK, option] for option in options.values()])] == [0, 0]
    (block,) = said(["callbacks=early_stopping early_stoping=3"])
    words = "a key of 'callbacks.early_stopping', which is a block: _target_, patience, min_delta, monitor, mode?"
    assert words in block


def test_better_none_than_a_wrong_one() -> None:
    for line, answer in zip(NOTHING, said(list(NOTHING)), strict=True):
        assert "Did you mean" not in answer, f"{line}: {answer}"
        assert re.search(r"Keys of \w+: |Top level: |is a key of ", answer), f"{line}: {answer}"


def test_a_key_of_another_option_names_that_option() -> None:
    told = said(["datamodule.root=/x", "optimizer.momentum=0.9", "logger.wandb.project=x"])
    assert "It is a key of datamodule=allidb, datamodule=arrays, datamodule=cells" in told[0]
    assert "It is a key of optimizer=rmsprop, optimizer=sgd." in told[1]
    assert "It is a key of logger=wandb." in told[2]


def test_a_key_of_models_names_those_of_the_task() -> None:
    (told,) = said(["model.encoder=resnet34"])
    assert "It is a key of model=deeplabv3_resnet101, model=pspnet_resnet50, model=zoo." in told


def test_keys_that_are_refused_are_not_listed() -> None:
    (told,) = said(["+trainer.foo=1"])
    listed = re.findall(r"trainer\.(\w+)", told)
    assert {"max_epochs", "precision", "progress"} <= set(listed)
    assert not {"logger", "callbacks", "barebones", "default_root_dir", "_target_", "model_registry"} & set(listed)


def test_what_the_constructor_takes_is_proposed_with_a_plus_and_works() -> None:
    pasted = []
    for (line, words), answer in zip(PLUS.items(), said(list(PLUS)), strict=True):
        assert words in answer, f"{line}: {answer}"
        found = re.search(r"write (.*?) \(--cfg job lists", answer)
        assert found is not None
        pasted.append([*CHECK, *shlex.split(found[1])])
    assert [answer.err for answer in run_lines(pasted)] == [""] * len(PLUS)
    (wrong,) = said(["optimizer.amsgrad=5"])
    assert "AdamW takes +optimizer.amsgrad, found 5, expected true | false" in wrong


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("model", ("in_channels", "out_channels")),
        ("scheduler", ("optimizer",)),
        ("logger.wandb", ("run",)),
        ("metric.hd95", ()),
        ("nowhere.at.all", ()),
    ],
)
def test_keys_that_the_program_gives(path: str, keys: tuple[str, ...]) -> None:
    assert supplied_keys(TrainConfig, path) == keys


def test_each_key_is_listed_once() -> None:
    (line,) = said(["trainer.xyzzy=true"])
    listed = line.partition("Keys of trainer: ")[2].partition(".")[0].split(", ")
    assert listed.count("accelerator") == 1
    assert len(listed) == len(set(listed))


def test_a_folder_that_exists_gives_the_words_that_take_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "leaves").mkdir()
    (tmp_path / "my leaves").mkdir()
    keys = ("data", "datamodule", "dataset", "root", "data_dir", "datamodule.root")
    lines = [*(f"{key}=leaves" for key in keys), f"data={tmp_path / 'leaves'}", "datamodule=folder data=leaves"]
    answers = said([*lines, "datamodule=leavse"])
    words = [answer.partition(" write: ")[2].partition(" (--cfg")[0].strip() for answer in answers]
    whole = "datamodule=folder datamodule.root="
    assert words == [*[f"{whole}leaves"] * len(keys), f"{whole}{tmp_path / 'leaves'}", "datamodule.root=leaves", ""]
    (blank,) = run_lines([[*CHECK, "data='my leaves'"]])
    pasted = blank.err.partition(" write: ")[2].partition(" (--cfg")[0]
    works = run_lines([[*CHECK, *shlex.split(line)] for line in (words[0], pasted)])
    assert [answer.err for answer in works] == ["", ""]
    # A folder that is there comes before an option of its name.
    (tmp_path / "cells").mkdir()
    key, flag = run_lines([[*CHECK, "data=cells"], ["--data", "cells"]])
    told = (
        "With a folder for each class: task=classification datamodule=image_folder datamodule.root=cells. For a folder"
    )
    for answer in (key, flag):
        assert f"{told} of images and masks write: {whole}cells" in answer.err


def test_cuda_is_a_gpu_for_every_command() -> None:
    told, other = run_lines([[*CHECK, "device=cuda"], ["predict", "run=x", "input=y", "device=cuda"]])
    assert "It is auto, which takes a GPU by itself, or cpu | gpu | mps; how many is trainer.devices." in told.err
    assert "device" not in other.err, "it is the run that is missing"
