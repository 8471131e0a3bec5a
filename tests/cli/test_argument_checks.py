"""Words that are wrong before Hydra composes anything: one line each with the key, nothing written, no torch."""

from pathlib import Path

import pytest

from segexp.cli.app import run
from tests.lines import CHECK, check_lines

WRONG = {
    "augment=[d4,flips]": "augment=[d4,flips]: found a list, expected one option of augment; write augment=d4,flips",
    "loss=[ce,dice]": "write loss=ce_dice for their sum, or loss=ce,dice for a sweep with -m",
    "task=autoencoder": "task=autoencoder: no such option. Write task=reconstruction. Options of task:",
    "loss=cross_entropy": "loss=cross_entropy: no such option. Write loss=ce. Options of loss:",
    "optimizer.lr=0,001": "write optimizer.lr=0.001 for one number, with a decimal point, or add -m",
    "seed=1..5": "expected a whole number, 0 <= value <= 4294967295. For a sweep write -m 'seed=range(1,6)'.",
    "+trainer.loger=1": "Did you mean 'trainer.logger'? It is set by segexp: loggers are a group",
    "model=[unet]": "model=[unet]: found a list, expected one option of model; write model=unet",
    "model=../loss/bce": "model=../loss/bce: no such option.",
    "model=unet.yaml": "model=unet.yaml: no such option. Did you mean 'unet'?",
    "model=UNet": "model=UNet: no such option. Did you mean 'unet'?",
    "metric=[hd95,hd95]": "metric=[hd95,hd95]: found hd95 twice",
    "logger=[csv,wandb,csv]": "logger=[csv,wandb,csv]: found csv twice",
    "+model=unet": "+model=unet: the group model is there already; write model=unet",
    "+experiment=drive_cunet": "the group experiment is there already; write experiment=drive_cunet",
    "callbacks=null": "callbacks=null: no such option; write callbacks=none for nothing",
    "logger=null": "logger=null: no such option; write logger=csv for nothing",
    "logger=many_loggers": "Several are given as a list: 'logger=[wandb,tensorboard]'",
    "trainer=lr_find": "trainer=lr_find: no such option. Write python -m segexp lr_find with the other words",
    "trainer.strategy=ddp_find_unused_parameters_true": "Use ddp: what no loss depends on is found by itself",
    "metric._target_=torchmetrics.F1Score": "write metric.my._target_=torchmetrics.F1Score, and its keys as",
    "=1": "=1: found no key, expected key=value",
    "seed==1": "seed==1: cannot be read",
    "seed": "seed: cannot be read; an override is written key=value",
    "seed = 5": "seed = 5: blanks around =; write seed=5",
    "monitor =a": "monitor =a: blanks around =; write monitor=a",
    "name=a=b": """name=a=b: cannot be read; as a text, write 'name="a=b"'""",
    "datamodule=folder datamodule.colours=[#ff8800,#000000]": (
        """with its texts in quotes, write 'datamodule.colours=["#ff8800","#000000"]'"""
    ),
    "monitor=[a": "monitor=[a: cannot be read (a bracket or a quote may be missing)",
    "seed=???": "seed: must be given",
    "seed=${seed}": "seed: Recursive interpolation detected",
    "seed=${foo}": "seed: Interpolation key 'foo' not found",
    "sweep.jobs=2": "sweep.jobs: has no effect on a single run; add -m for a sweep",
    "sweep=grid": "sweep: has no effect on a single run",
    "hydra.run.dir=x": "hydra.run.dir: run folders are made by segexp, as <output_dir>/<name>/<date>: set output_dir=",
    "hydra.sweep.dir=x": "hydra.sweep.dir: sweep folders are made by segexp",
    "hydra/launcher=joblib": "hydra/launcher: segexp runs sweeps itself",
    "+hydra.callbacks.x._target_=os.getcwd": "hydra.callbacks.x._target_: callbacks of a training are Lightning's",
    "hydra.job.name=x": "hydra.job.name: is a key of Hydra that segexp has no use for",
    "-m seed=range(5,0)": "seed=range(5,0): found no values: the range ends before it starts",
    "-m seed=range(0,3,0)": "seed=range(0,3,0): found a range without an end",
    "-m seed=range(0,1000000)": "-m: found more than 10000 jobs with seed=range(0,1000000)",
    "-m seed=1,1": "seed=1,1: found 1 twice, whose jobs are the same experiment",
    "-m seed=glob(*)": "seed=glob(*): found no values; glob() is for groups of options",
    "-m model=glob(zz*)": "model=glob(zz*): found no values; options: cae, cae_fcn, cfcn, cunet",
    "--config-name train": "--config-name: found 'train', expected a file of a --config-dir",
    "--config-path /": "--config-path: found '/' without check.yaml; use --config-dir",
    "--cfg jobs": "--cfg: found 'jobs', expected job | hydra | all",
    "--resolve": "--resolve: is for a config that is shown; add --cfg job",
    "seed=4294967296": "seed: found 4294967296, expected a whole number, 0 <= value <= 4294967295",
    "seed=-1": "seed: found -1, expected",
    "seed=1.0": "seed: found 1.0, expected a whole number",
    "bootstrap=1e12": "bootstrap: found 1000000000000.0, expected a whole number, 0 <= value <= 1000000",
    "bootstrap=1000000000000": "bootstrap: found 1000000000000, expected",
    "callbacks.weight_average.decay=1.0": "decay: found 1.0, expected a number, 0 <= value < 1",
    "model=unet model.dropout=1.0": "model.dropout: found 1.0, expected a number, 0 <= value < 1",
    "model.depth=40": "model.depth: found 40, expected a whole number, 1 <= value <= 12",
    "datamodule.loader.num_workers=100000": "num_workers: found 100000, expected a whole number, 0 <= value <= 512",
    "trainer.gradient_clip_val=inf": "trainer.gradient_clip_val: found inf, expected a number, a value above 0",
    "callbacks.early_stopping.min_delta=nan": "min_delta: found nan, expected a number",
    "trainer.max_epochs=1" + "0" * 400: "trainer.max_epochs: found 1000",
    "trainer.max_time=soon": "trainer.max_time: found 'soon', expected text, as DD:HH:MM:SS",
    "model._target_=unet": "model._target_: found 'unet', expected a class with its module",
}
RIGHT = (
    "model={base: 3}", "++seed=3", "seed=1 seed=2", "hydra.mode=RUN", "-m sweep.jobs=2 seed=0,1", "seed=int('3')",
    "-m model=glob(unet*)", "sweep.resume=null", "metric=[hd95,asd]", "experiment=drive_cunet datamodule.root=/x",
)  # fmt: skip


def test_wrong_words_are_named_at_once() -> None:
    answers = check_lines(list(map(_words, WRONG)))
    assert len(answers) == len(WRONG)
    for (line, expected), answer in zip(WRONG.items(), answers, strict=True):
        assert answer.code == 2, line
        assert expected in answer.err, f"{line}: {answer.err}"
        assert answer.err.startswith("segexp: "), line
        assert max(map(len, answer.err.splitlines())) < 700, line
        assert (answer.heavy, answer.files, answer.out) == ([], [], ""), line


def test_a_run_typed_without_its_key_is_answered_with_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert [run(["predict", "last", "my photos"]), run(["export", "outputs/a", "format=onnx"])] == [2, 2]
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith(
        "expected run=, input=; write python -m segexp predict run=last 'input=my photos' output=predict_output"
    )
    assert second.endswith("expected run=; write python -m segexp export run=outputs/a format=onnx")


def test_all_mistyped_words_are_told_in_one_go() -> None:
    line = ["model=cunett", "loss=dise", "max_epochs=3", "model.widht=4", "name = 'my run'"]
    both, several = check_lines([line, line[:4]])
    assert both.err == "segexp: name = 'my run': blanks around =; write 'name='\"'\"'my run'\"'\"''\n"
    assert [told.split(".")[0] for told in several.err.splitlines()] == [
        "segexp: model=cunett: no such option", "segexp: loss=dise: no such option", "segexp: max_epochs: no such key",
    ]  # fmt: skip


def test_right_words_are_taken() -> None:
    answers = check_lines(list(map(_words, RIGHT)))
    assert [(line, a.code, a.err) for line, a in zip(RIGHT, answers, strict=True)] == [(line, 0, "") for line in RIGHT]


def _words(line: str) -> list[str]:
    return [line] if "{" in line else line.split()


def test_presets_for_debugging_are_of_trainings(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "debug=fdr", "run=x"]) == 2
    assert capsys.readouterr().err.startswith("segexp: debug: found fdr, a preset for debugging a training, expected")


def test_options_of_own_folders_may_lie_deeper(capsys: pytest.CaptureFixture[str]) -> None:
    place = Path("mine/model/small")
    place.mkdir(parents=True)
    (place / "net.yaml").write_text("# A net\n_target_: segexp.models.cunet.CUNet\n")
    code = run([*CHECK, "--config-dir", "mine", "model=small/nett"])
    assert (code, capsys.readouterr().err.split(".")[0]) == (2, "segexp: model=small/nett: no such option")
