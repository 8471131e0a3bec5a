"""What is typed from habit of other tools is answered in a line whose words work: docs/lightning.md, row by row."""

import shlex
from pathlib import Path

import pytest

from segexp.cli.app import run
from tests.lightning_page import rows
from tests.lines import CHECK, check_lines

COMMANDS = {
    "fit": "train",
    "test": "evaluate run=<run folder>",
    "sweep": "-m seed=0,1,2",
    "tune": "sweep=optuna 'optimizer.lr=log(1e-4,1e-2)'",
    "version": "--version",
    "autoencoder": "task=reconstruction datamodule=images datamodule.root=<folder>",
    "cam": "localize run=<run folder> input=<images> output=<folder>",
}
TOLD = {
    "train=false": "python -m segexp evaluate run=<run folder>",
    "predict=true": "python -m segexp predict run=<run folder>",
    "model.num_classes=3": "It is taken from the data or the program and cannot be set; leave it out. Keys of model:",
    "num_classes=3": "It is taken from the data",
    "trainer.auto_lr_find=true": "Write python -m segexp lr_find with the other words",
}
PLUGINS = {
    "hydra/launcher=submitit_slurm": "for submitit_slurm write sweep.engine=slurm",
    "hydra/sweeper=optuna": "for optuna write sweep=optuna",
    "hydra.launcher.n_jobs=4": "its key here is sweep.jobs",
    "hydra.sweeper.n_trials=4": "its key here is sweep.trials, with sweep=optuna",
}
FLAGS = {
    "--config x.yaml": "--config-dir <folder> experiment=<name>",
    "--lr abc": "--lr: no such flag. A key is written without dashes, key=value",
    "datamodule=folder --data_dir x": "Write datamodule.root=x",
}
FILES = {
    "plain": ("seed: 3\n", "experiment/plain.yaml has no line '# @package _global_'"),
    "named": ("defaults:\n  - override /model: unet\n", "has no line '# @package _global_'"),
    "launcher": ("defaults:\n  - override /hydra/launcher: joblib\n", "for joblib write sweep.jobs=auto"),
    "sweeper": ("hydra:\n  sweeper:\n    n_trials: 3\n", "its key here is sweep.trials, with sweep=optuna"),
    "callback": (
        "hydra:\n  callbacks:\n    x: {_target_: os.getcwd}\n",
        "hydra.callbacks: callbacks of a training are",
    ),
    "folder": ("hydra:\n  run: {dir: x}\n  job: {chdir: true}\n", "hydra.run.dir: run folders are made by segexp"),
}


def test_every_row_of_the_table_is_answered_and_its_words_work() -> None:
    """All keys of one command are answered at once, a line each; a flag alone."""
    table = rows("Command line")
    assert len(table) > 30
    keys = [typed for typed in table if not typed.startswith("-")]
    flags = [typed for typed in table if typed.startswith("-")]
    whole, *single = check_lines([keys, *map(shlex.split, flags)])
    answers = dict(zip(keys, whole.err.splitlines(), strict=True)) | {
        flag: answer.err.strip() for flag, answer in zip(flags, single, strict=True)
    }
    assert {answer.code for answer in (whole, *single)} == {2}
    for typed, said in answers.items():
        for word in table[typed]:
            key, _, value = word.partition("=")
            assert said.startswith(f"segexp: {typed.split()[0].partition('=')[0]}"), said
            assert "\n" not in said
            assert f"'{key}'" in said or (word in said and value in said), f"{typed}: {said}"
    assert [answer.err for answer in check_lines(_together(list(table.values())))] == [""] * 4


def _together(lines: list[list[str]]) -> list[list[str]]:
    """The words of all rows in few command lines, so that no key or group stands twice in one."""
    found: list[dict[str, str]] = []
    for words in lines:
        keys = [word.partition("=")[0] for word in words]
        place = next((each for each in found if not set(keys) & set(each)), None)
        if place is None:
            found.append(place := {})
        place |= dict(zip(keys, words, strict=True))
    return [list(each.values()) for each in found]


def test_what_has_no_key_here_is_told_in_words() -> None:
    """Keys, and those of Hydra's plugins, are answered together; a flag alone."""
    keys, plugins, *flags = check_lines([[*TOLD], [*PLUGINS], *map(shlex.split, FLAGS)])
    said = [*keys.err.splitlines(), *plugins.err.splitlines(), *(answer.err.strip() for answer in flags)]
    for (typed, part), line in zip((TOLD | PLUGINS | FLAGS).items(), said, strict=True):
        assert part in line, f"{typed}: {line}"
    assert {answer.code for answer in (keys, plugins, *flags)} == {2}


@pytest.mark.parametrize(("word", "here"), COMMANDS.items())
def test_command_words_of_other_tools(word: str, here: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([word, "model=unet"]) == 2
    assert capsys.readouterr().err == f"segexp: {word}: no such command; here it is: python -m segexp {here}\n"


@pytest.mark.parametrize(
    ("line", "here"),
    [
        ("test run=last device=cpu", "evaluate run=last device=cpu"),
        ("segment datamodule.root=photos", "datamodule=folder datamodule.root=photos"),
        ("evaluate last", "evaluate run=last"),
    ],
)
def test_words_of_a_command_are_kept_in_the_line_to_write(
    line: str, here: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(shlex.split(line)) == 2
    told = capsys.readouterr().err
    assert told.endswith(f" python -m segexp {here}\n")


def test_files_that_ask_hydra_for_what_has_no_effect_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "mine/experiment"
    place.mkdir(parents=True)
    own = [*CHECK, "--config-dir", "mine"]
    for name, (text, part) in FILES.items():
        head = "" if name in ("plain", "named") else "# @package _global_\n"
        (place / f"{name}.yaml").write_text(head + text)
        assert run([*own, f"experiment={name}"]) == 2
        said = capsys.readouterr().err
        assert part in said, f"{name}: {said}"
        assert all(line.startswith("segexp: ") for line in said.splitlines())
    for name in ("plain", "named"):
        (place / f"{name}.yaml").write_text("# @package _global_\n" + FILES[name][0])
        assert run([*own, f"experiment={name}"]) == 0
    text = "# @package _global_\nhydra:\n  job:\n    env_set: {SEGEXP_WORD: seven}\nname: ${oc.env:SEGEXP_WORD}\n"
    (place / "environment.yaml").write_text(text)
    assert run([*own, "experiment=environment"]) == 0


def test_a_file_that_cannot_be_composed_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "mine/experiment"
    place.mkdir(parents=True)
    (place / "gone.yaml").write_text("# @package _global_\ndefaults:\n  - override /modle: unet\n")
    for more in ([], ["-m", "seed=0,1"]):
        assert run([*CHECK, "--config-dir", "mine", "experiment=gone", *more]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "modle" in said
