"""``help <topic>`` and ``<group>=<option> --help``: every key with its comment; nothing is composed, no torch."""

import re
from pathlib import Path

import pytest
import yaml

from segexp.cli.app import run
from segexp.config.overrides.comments import keys_of_option
from segexp.config.overrides.groups import groups
from segexp.config.overrides.reference import block_of
from segexp.config.paths import conf_dir
from tests.lines import run_lines


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert run(list(words)) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("group", groups())
def test_a_group_shows_every_option_and_every_key_with_its_comment(
    group: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(capsys, "help", group)
    for option in groups()[group]:
        assert re.search(rf"^  {option.name} +{re.escape(option.meaning)}$", text, re.MULTILINE)
        for line in keys_of_option(group, option.name, [conf_dir()]):
            if not line.key.rpartition(".")[2].startswith("_") and (line.value or line.comment):
                home = block_of(group, option.name, [conf_dir()])
                assert f"  {f'{home}.{line.key}'.lstrip('.')}: {line.value}".rstrip() in text, line
                assert line.comment in text, line


def test_an_option_shows_its_keys_those_that_it_takes_over_and_what_its_class_takes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    drive = said(capsys, "help", "datamodule=drive")
    assert drive.startswith("datamodule=drive: DRIVE: vessels in retina photographs, in its own file layout\n")
    assert re.search(r"^  datamodule.crop_size: 256 +side of random training crops, pixels; null", drive, re.MULTILINE)
    assert re.search(r"^  datamodule.loader.batch_size: 8 +training samples a step; auto: ", drive, re.MULTILINE)
    loss = said(capsys, "loss=bce_jaccard", "--help")
    assert re.search(r"^  loss.terms.bce.pos_weight: null +weight of foreground pixels", loss, re.MULTILINE)
    assert "\n  +optimizer.amsgrad= " in said(capsys, "help", "optimizer=adamw")
    assert run(["check", "scope=config", "+optimizer.amsgrad=true"]) == 0
    capsys.readouterr()
    preset = said(capsys, "help", "experiment=drive_cunet")
    assert "  chooses datamodule=drive model=cunet loss=bce optimizer=adamw" in preset
    assert re.search(r"^  datamodule.val_fraction: 0.2 +the threshold needs more than two", preset, re.MULTILINE)
    both = said(capsys, "-m", "model=unet,cunet", "--help")
    assert both.count("model.base: ") == 2


def test_keys_blocks_and_names_of_other_tools(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        said(capsys, "help", "seed") == "  seed: 0  weights, sample order, crops and augmentation all derive from it\n"
    )
    assert "inference.overlap: 0.25" in said(capsys, "help", "inference")
    assert "of trainer=smoke" in said(capsys, "help", "trainer.max_epochs")
    assert said(capsys, "help", "lr").startswith("lr: here it is optimizer.lr\n  optimizer.lr: ")
    assert said(capsys, "help", "predict") == said(capsys, "predict", "--help")
    assert said(capsys, "help") == said(capsys, "--help")
    assert run(["help", "model=cnet"]) == run(["help", "zzz"]) == run(["help", "fit"]) == 2
    option, nothing, told = capsys.readouterr().err.splitlines()
    assert "Did you mean 'cunet'?" in option
    assert nothing.startswith("segexp: zzz: no such topic. Topics: train, check")
    assert "python -m segexp evaluate run=<run folder>" in told


def test_comments_beside_the_keys_of_a_config_that_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--cfg", "job", "datamodule=drive", "callbacks=ema", "experiment=drive_cunet"]
    plain, commented = said(capsys, *words), said(capsys, *words, "--comments")
    assert yaml.safe_load(commented) == yaml.safe_load(plain)
    lines = {
        "seed: 0": "weights, sample order, crops",
        "  crop_size: 128": "side of random training crops",
        "    batch_size: 8": "training samples a step; auto: the largest power of two that fits into the memory",
        "    decay: 0.99": "share of the average",
        "      pos_weight: null": "",
    }
    for line, comment in lines.items():
        assert not comment or re.search(rf"^{re.escape(line)} +# {comment}", commented, re.MULTILINE), line
    block = said(capsys, "--cfg", "job", "-p", "trainer", "--comments")
    assert re.search(r"^max_epochs: 40 +# passes over the training samples", block, re.MULTILINE)
    mine = tmp_path / "mine/model"
    mine.mkdir(parents=True)
    (mine / "net.yaml").write_text("# Mine\n_target_: segexp.models.unet.UNet\nbase: 3  # how wide\n")
    own = said(capsys, "--config-dir", "mine", "--cfg", "job", "-p", "model", "--comments", "model=net")
    assert re.search(r"^base: 3 +# how wide$", own, re.MULTILINE)
    assert "model.base: 3  how wide" in said(capsys, "--config-dir", "mine", "help", "model=net")


def test_it_imports_nothing_heavy_and_writes_nothing() -> None:
    answers = run_lines([["help", "model"], ["help", "datamodule"], ["--cfg", "job", "--comments"]])
    assert [(answer.code, answer.err, answer.heavy, answer.files) for answer in answers] == [(0, "", [], [])] * 3
    (alone,) = run_lines([["--comments"]])
    assert alone.err == "segexp: --comments: is for a config that is shown; add --cfg job\n"
