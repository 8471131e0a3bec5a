"""The command line: help, mistakes, sweeps, a user's own config folder, completion."""

import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser

from segexp.cli.arguments import split
from segexp.commands import COMMANDS
from segexp.config.overrides.groups import groups
from segexp.types import LoaderOptions
from tests.lines import ROOT, run_lines, run_once
from tests.report.comparison_page.made import make_run

MODELS = ", ".join(option.name for option in groups()["model"])

# Command line -> what its one line of answer must hold: the key, and the nearest valid name or what is expected.
MISTAKES = {
    "trian": ["trian: no such command.", "'train'"],
    "chek model=cunet": ["chek: no such command.", "'check'"],
    "modle=cunet": ["modle: no such key.", "'model'"],
    "model=cnet": ["model=cnet: no such option.", "'cunet'", MODELS],
    "experiment=drive_cune": ["experiment=drive_cune: no such option.", "'drive_cunet'"],
    "model=": ["model=: no such option.", MODELS],
    "model=null": ["model=null: no such option", MODELS],
    "model.bas=4": ["model.bas: no such key.", "'model.base'"],
    "optimzer.weight_decay=0": ["optimzer.weight_decay: no such key.", "'optimizer.weight_decay'"],
    "loss.terms.bce.smoot=3": ["loss.terms.bce.smoot: no such key.", "'loss.terms.jaccard.smooth'"],
    "model.zzz=4": ["model.zzz: no such key.", "Keys of model:", "base, bed_of_nails, conv, depth"],
    "zzz=4": ["zzz: no such key.", "Top level:", "monitor"],
    "model.base=abc": ["model.base: found 'abc', expected a whole number, a value of at least 1"],
    "model.base=0": ["model.base: found 0, expected a whole number, a value of at least 1"],
    "model.upsample=bilinea": ["model.upsample: found 'bilinea'", "'bilinear'"],
    "trainer.max_epochs=1.5": ["trainer.max_epochs: found 1.5, expected a whole number"],
    "baselines=1": ["baselines: found 1, expected true | false"],
    "datamodule.loader.batch_size=abc": ["datamodule.loader.batch_size: found 'abc', expected a whole number"],
    "datamodule.crop_size=-1": ["datamodule.crop_size: found -1", "at least 1 | null"],
    "+model.bas=4": ["model.bas: no such key.", "'model.base'"],
    "+foo=1": ["foo: no such key."],
    "+datamodule.loader.bathc_size=3": ["datamodule.loader.bathc_size: no such key.", "batch_size'"],
    "+model.in_channels=4": ["model.in_channels: is taken from the data"],
    "~model": ["model: missing"],
    "~panels": ["panels: missing"],
    "~trainer.max_epochs": ["trainer.max_epochs: missing"],
    "~optimizer._target_": ["optimizer: no _target_", "optimizer=<name>"],
    "~model.bas": ["model.bas: no such key.", "'model.base'"],
    "datamodule=drive": ["datamodule.root: must be given", "datamodule.root=<value>"],
    "model.base": ["model.base: no such command.", "written key=value"],
    "model=unet ceck": ["ceck: no such command.", "'check'"],
    "seed=${foo}": ["seed: ", "'foo' not found"],
    "monitor=val/miuo": ["monitor: ", "val/miou"],
    "monitor=val/hd95/vessel": ["monitor: val/hd95/vessel: hd95 is measured at the test only", "val/dice/<class>"],
    "metric=[hd59]": ["metric=hd59: no such option.", "'hd95'", "calibration, cldice, components"],
    "metric=[asd,hd59]": ["metric=hd59: no such option.", "'hd95'"],
    "metric=[cldice] metric.hd95.percentile=90": ["metric.hd95.percentile: no such key.", "Keys of metric: cldice"],
    "metric.hd95.percentil=90": ["metric.hd95.percentil: no such key.", "'metric.hd95.percentile'"],
    "metric.hd95.percentile=0": ["metric.hd95.percentile: found 0, expected a number, a value above 0"],
    "metric=null": ["metric=null: no such option", "none, objects"],
    "-m metric=[asd],[cldice,hd59]": ["metric=hd59: no such option.", "'hd95'"],
    "bootstrap=-1": ["bootstrap: found -1, expected a whole number, 0 <= value <= 1000000"],
    "monitor=test/miou": ["monitor: found 'test/miou'", "val/<measure>"],
    "scheduler=plateau scheduler.monitor=val/los": ["scheduler.monitor: ", "val/loss"],
    "model._target_=segexp.models.unet.UNett": ["model._target_: segexp.models.unet has no 'UNett'.", "'UNet'"],
    "model._target_=nowhere.Net": ["model._target_: no module 'nowhere'"],
    "callbacks.my._target_=lightning.pytorch.callbacks.Timr": ["callbacks.my._target_", "'Timer'"],
    "callbacks.early_stoping.patience=3": ["callbacks.early_stoping: no _target_", "'callbacks.early_stopping'"],
    "callbacks.my=early": ["callbacks.my: found 'early'", "a block of keys"],
    "--config-dir /nowhere/at/all": ["--config-dir: no folder /nowhere/at/all"],
    "-m model=cunet,cnet": ["model=cnet: no such option.", "'cunet'"],
    "-m model.bas=4,8": ["model.bas: no such key.", "'model.base'"],
    "loss=bce,dice": ["segexp: loss=bce,dice: found several values; add -m for a sweep over them\n"],
    "check seed=0,1": ["segexp: seed=0,1: found several values; add -m for a sweep over them\n"],
    "seed=range(0,3)": ["segexp: seed=range(0,3): found several values; add -m for a sweep over them\n"],
    "logger=wandb,tensorboard": ["write 'logger=[wandb,tensorboard]' for a list of them, or add -m for a sweep"],
    "datamodule=folder datamodule.classes=a,b": ["write 'datamodule.classes=[a,b]' if it takes a list, or add -m for"],
    "monitor=a,b": ["add -m for a sweep over them, or write 'monitor=\"a,b\"' for one text with commas"],
    "predict write=mask,overlay": ["overlay: found several values; write 'write=[mask,overlay]' for a list of them\n"],
    "predict device=cpu,gpu": ["device=cpu,gpu: found several values; write 'device=\"cpu,gpu\"' for one text"],
    "predict timeout=1,2": ["segexp: timeout=1,2: found several values; give one of them\n"],
    "evaluate run=a datamodule=drive,inria": ["datamodule=drive,inria: found several values; give one of them"],
    "generate": ["out: must be given"],
    "generate out=new scene=vesels": ["scene: found 'vesels'", "'vessels'"],
    "generate out=new cont=3": ["cont: no such key.", "'count'"],
    "generate out=new model=unet": ["model: no such key.", "Top level: count, debug, layout"],
    "compare": ["runs: must be given; write compare outputs/<run> outputs/<run>"],
    "compare nowhere": ["nowhere: no such folder"],
    "compare a b runs=[c]": ["runs: given twice, as words and as runs="],
    "compare a mesure=miou": ["mesure: no such key.", "'measure'"],
    "report": ["run: must be given; write report outputs/<run>"],
    "evaluate": ["run: must be given; add run=outputs/<run>"],
    "predict run=outputs/a input=x": ["output: must be given; add output=<folder>"],
    "predict run=outputs/a input=x output=y": ["run: no folder outputs/a; give a run folder"],
    "compare a metric=miou": ["metric: no such key.", "base, charts, columns, debug"],
    "compare a resamples=-1": ["resamples: found -1, expected a whole number"],
    "check datamodule.loader.num_worker=1": ["datamodule.loader.num_worker: no such key.", "num_workers'"],
}  # fmt: skip
CONFIG = "scope=config"
"""Makes check look at keys and values alone, which takes no torch."""
LISTS_COMMANDS = {"trian", "chek model=cunet", "model.base", "model=unet ceck"}


@pytest.fixture
def tiny_package(tmp_path: Path) -> Path:
    """A user's package with a model, and the folder of YAMLs that names it."""
    package, conf = tmp_path / "code" / "mynets", tmp_path / "my_conf" / "model"
    package.mkdir(parents=True)
    conf.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (package / "nets.py").write_text(
        "import torch\nfrom segexp.types import PositiveInt\n\n\nclass Tiny(torch.nn.Module):\n"
        "    def __init__(self, in_channels: int, out_channels: int, width: PositiveInt = 4) -> None: ...\n"
    )
    (conf / "tiny.yaml").write_text("# A tiny net of my own\n_target_: mynets.nets.Tiny\nwidth: 4  # channels\n")
    return tmp_path


def test_mistakes_get_one_line_with_the_nearest_name_and_import_nothing() -> None:
    answers = run_lines([line.split() for line in MISTAKES])
    assert len(answers) == len(MISTAKES)
    for (line, parts), answer in zip(MISTAKES.items(), answers, strict=True):
        assert answer.code == 2, line
        assert answer.out == "", line
        for part in parts:
            assert part in answer.err, f"{line}: {answer.err}"
        expected = 1 + len(COMMANDS) if line in LISTS_COMMANDS else 1
        assert answer.err.count("\n") == expected, f"{line}: {answer.err}"
        assert answer.err.startswith("segexp: "), line
        assert answer.files == [], line
        assert answer.heavy == [], line


def test_all_wrong_keys_are_named_at_once() -> None:
    (answer,) = run_lines([["check", "model.base=0", "panels=-1", "speed.compile=maybe"]])
    assert answer.code == 2
    assert [line.split(":")[1].strip() for line in answer.err.splitlines()] == ["panels", "model.base", "speed.compile"]


def test_help_lists_every_group_option_and_meaning() -> None:
    answer, generate, predict = run_lines([["--help"], ["generate", "-h"], ["predict", "-h"]])
    assert (answer.code, answer.err, answer.heavy, answer.files) == (0, "", [], [])
    for command in COMMANDS.values():
        assert re.search(rf"^  {command.name} +{re.escape(command.meaning)}$", answer.out, re.MULTILINE)
    for group, options in groups().items():
        block = re.search(rf"^  {group}\n((?:    .*\n)+)", answer.out, re.MULTILINE)
        assert block, group
        assert [line.split(None, 1) for line in block[1].splitlines()] == [[o.name, o.meaning] for o in options]
    assert re.search(r"^  monitor: val/miou +measure on validation images", answer.out, re.MULTILINE)
    assert re.search(r"^  inference.window: auto +null: whole; ", answer.out, re.MULTILINE)
    assert (generate.code, generate.err) == (0, "")
    assert "segexp generate: write generated images" in generate.out
    assert re.search(r"^  out: \?\?\? +folder to make", generate.out, re.MULTILINE)
    assert "Groups" not in generate.out
    assert re.search(r"^  postprocess.hysteresis: null +lower probability", predict.out, re.MULTILINE)


def test_cfg_job_prints_every_key_even_missing_ones() -> None:
    plain, drive, version = run_lines(
        [["--cfg", "job"], ["datamodule=drive", "model.base=5", "--cfg", "job"], ["--version"]]
    )
    config = yaml.safe_load(plain.out)
    assert set(config) == {
        "name", "tags", "seed", "monitor", "monitor_mode", "tta", "inference", "panels", "panel_epochs", "val_panels",
        "bootstrap", "baselines", "output_dir", "resume",
        "trust", "init_from", "init_channels", "param_groups", "debug",
        "references", "references_from",
        "references_row",
        *groups().keys() - {"experiment", "debugging"},
    }  # fmt: skip
    assert config["model"]["base"] == 8
    assert config["datamodule"]["loader"].keys() == {field.name for field in fields(LoaderOptions)}
    config = yaml.safe_load(drive.out)
    assert config["datamodule"]["root"] == "???"
    assert config["model"]["base"] == 5
    assert re.fullmatch(r"segexp \d+\.\d+\.\d+\n", version.out)
    assert version.heavy == []
    assert version.files == []


def test_check_says_what_was_chosen_and_writes_nothing() -> None:
    first, second, third = run_lines(
        [
            ["check", CONFIG],
            ["model=unet", "check", "loss=dice", CONFIG],
            ["check", "name=${model.base}x", "panels=${seed}", CONFIG],
        ]
    )
    assert first.out.startswith(
        "config is valid: task=segmentation, datamodule=synthetic, model=cunet, loss=bce_jaccard, optimizer=adamw"
    )
    assert first.out.endswith("monitor val/miou\n")
    assert "model=unet, loss=dice" in second.out
    for answer in (first, second, third):
        assert (answer.code, answer.err, answer.files, answer.heavy) == (0, "", [], [])


def test_one_bad_job_of_a_sweep_does_not_end_the_others() -> None:
    good, bad = run_lines(
        [["check", "-m", "model=cunet,unet", "seed=1,2", CONFIG], ["check", "-m", "model.base=4,x,8", CONFIG]]
    )
    assert good.code == 0
    assert re.findall(r"model=(\w+)", good.out) == ["cunet", "cunet", "unet", "unet"]
    assert bad.code == 2
    assert bad.out.count("config is valid") == 2
    assert bad.err == "segexp: model.base: found 'x', expected a whole number, a value of at least 1.\n"
    assert bad.files == []


def test_debug_shows_the_trace() -> None:
    value, name = run_lines([["check", "debug=true", "model.base=0"], ["check", "debug=true", "model=cnet"]])
    for answer in (value, name):
        assert answer.code == 2
        assert "Traceback (most recent call last)" in answer.err
    assert value.err.endswith("segexp: model.base: found 0, expected a whole number, a value of at least 1.\n")
    assert "'cunet'" in name.err.splitlines()[-1]


def test_own_model_in_an_own_folder_is_checked_without_its_import(tiny_package: Path) -> None:
    own = ["--config-dir", str(tiny_package / "my_conf")]
    lines = [
        [*own, "check", "model=tiny", "model.width=3", CONFIG],
        [*own, "model=tiny", "model.widht=3"],
        [*own, "model=tiny", "+model.widht=3"],
        [*own, "model=tiny", "model.width=0"],
        [*own, "model=tny"],
        [f"--config-dir={tiny_package / 'my_conf'}", "--help"],
    ]
    valid, key, added, value, option, text = run_lines(lines, path=str(tiny_package / "code"))
    assert (valid.code, valid.err) == (0, "")
    assert "model=tiny" in valid.out
    for answer in (key, added):
        assert answer.code == 2
        assert "model.widht: no such key. Did you mean 'model.width'?" in answer.err
    assert value.err == "segexp: model.width: found 0, expected a whole number, a value of at least 1.\n"
    assert f"Did you mean 'tiny'? Options of model: {MODELS}, tiny" in option.err
    assert re.search(r"^    tiny +A tiny net of my own$", text.out, re.MULTILINE)
    assert text.heavy == []


def test_completion_as_the_bash_plugin_of_hydra_asks_for_it() -> None:
    for line in ("segexp model=", "segexp check model="):
        done = run_once(["-sc", "query=bash"], COMP_LINE=line, COMP_POINT=str(len(line)))
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == [f"model={name}" for name in MODELS.split(", ")]


def test_python_m_segexp_ends_with_the_exit_code(tmp_path: Path) -> None:
    done = run_once(["generate", "out=new", "count=2", "size=40", "seed=3"])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "wrote 7 files below new\n"
    assert len([path for path in (tmp_path / "new").rglob("*") if path.is_file()]) == 7
    done = run_once(["generate", "out=new", "count=2", "size=40"])
    assert done.returncode == 2
    assert re.fullmatch(r"segexp: folder new is not empty .*\n", done.stderr)


def test_a_reader_that_has_enough_gets_no_trace() -> None:
    """As with ``python -m segexp --help | head -1``."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "segexp", "--help"], stdout=writer, stderr=subprocess.PIPE, text=True, check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_measures_are_a_list_of_options_also_in_a_sweep_and_from_a_run(tmp_path: Path) -> None:
    run = tmp_path / "earlier"
    run.mkdir()
    (full,) = run_lines([["--cfg", "job", "--resolve"]])
    (run / "config.yaml").write_text(full.out)
    (run / "run.json").write_text('{"choices": {"model": "cunet", "metric": "[asd]"}}')
    lines = [
        ["check", "metric=[hd95,cldice]", "metric.hd95.percentile=90", CONFIG],
        ["check", "metric=none", CONFIG],
        ["check", "metric=[]", CONFIG],
        ["check", "-m", "metric=[hd95],[asd,cldice],all", CONFIG],
        ["check", f"from={run}", CONFIG],
        ["check", f"from={run}", "metric=[hd95]", CONFIG],
        ["check", f"from={run}", "metric.hd95.percentile=90", CONFIG],
        ["check", f"from={run}", "~metric.hd95", "metric.calibration.bins=0"],
        ["check", f"from={run}", "metric=[hd59]"],
        ["check", f"from={run}", "-m", "metric=[hd95],[cldice]", CONFIG],
    ]
    answers = run_lines(lines)
    chosen = [re.findall(r"metric=(\[.*?\]|\w+)[,;]", answer.out) for answer in answers]
    default = "[calibration,boundary_iou,cldice,hd95,asd,components,objects]"
    assert chosen == [
        ["[hd95,cldice]"], ["none"], ["[]"], ["[hd95]", "[asd,cldice]", "all"],
        [default], ["[hd95]"], [default], [], [], ["[hd95]", "[cldice]"],
    ]  # fmt: skip
    assert (
        answers[7].err == "segexp: metric.calibration.bins: found 0, expected a whole number, a value of at least 1.\n"
    )
    assert "metric=hd59: no such option. Did you mean 'hd95'?" in answers[8].err
    assert [answer.code for answer in answers] == [0] * 7 + [2, 2, 0]
    assert all(
        answer.heavy == [] and not [file for file in answer.files if "earlier" not in file] for answer in answers
    )


@pytest.mark.parametrize(
    "path", ["a b", "it's", "x,y", "lr=0.1/run", "a[1]", "back\\slash", "quote\\'s", "end\\", "$HOME", "{a: b}"]
)
def test_words_after_compare_are_paths_whatever_they_hold(path: str, tmp_path: Path) -> None:
    (tmp_path / path).mkdir(parents=True)
    command, rest = split(["compare", path, "measure=miou", "other", "--cfg", "job"])
    assert command.name == "compare"
    assert rest[:-1] == ["measure=miou", "--cfg", "job"]
    parsed = OverridesParser.create().parse_override(rest[-1])
    assert parsed.key_or_group == "runs"
    assert [str(value) for value in parsed.value()] == [path, "other"]


def test_compare_writes_summaries_and_prints_a_table(tmp_path: Path) -> None:
    for number, model in enumerate(("cunet", "unet")):
        make_run(tmp_path / "sweep" / str(number), {"a": 0.5 + number / 10, "b": 0.7}, model=model)
    empty = tmp_path / "empty"
    empty.mkdir()
    lines = [
        ["compare", "empty"],
        ["compare", "sweep"],
        ["compare", "sweep/0", "sweep/1", "out=new", "measure=dice/vessel", "base=cunet", "resamples=50"],
        ["compare", "sweep", "measure=dise/vessel"],
        ["compare", "sweep", "base=cunt"],
    ]
    none, sweep, two, measure, base = run_lines(lines)
    assert none.code == 2
    assert none.err.startswith("segexp: empty holds no run: no run.json")
    assert (none.heavy, none.err.count("\n")) == ([], 1)
    assert (sweep.code, sweep.err) == (0, "")
    assert re.search(r"^unet +1 +0\.5500\* +base", sweep.out, re.MULTILINE)
    assert sweep.out.endswith("sweep/summary.csv\nsweep/summary.md\nsweep/summary.html\n")
    assert "torch" not in base.heavy
    assert (two.code, two.err) == (0, "")
    assert re.search(r"^unet +1 +0\.6500\* +\+0\.0500 \[\+0\.0000, \+0\.1000\]", two.out, re.MULTILINE)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["summary.csv", "summary.html", "summary.md"]
    assert measure.code == base.code == 2
    assert "Did you mean 'dice/vessel'?" in measure.err
    assert "Did you mean 'cunet'?" in base.err
