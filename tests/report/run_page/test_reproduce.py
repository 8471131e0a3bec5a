"""Command lines that make a run again are quoted so that a shell gives the same words."""

import shlex
from pathlib import Path
from typing import Any

import pytest

from segexp.report.run_page import reproduce
from segexp.report.run_page.costs import costs
from segexp.runs.contents import RunContents
from tests.report.made_up import results, write_rows

OVERRIDES = ["model=unet", "datamodule.root=/data/two words", "name=it's", "loss.terms=[a,b]"]


def contents(path: Path, **run: Any) -> RunContents:
    return RunContents(path, run, results(), "seed: 0\n", [], "")


@pytest.mark.parametrize("program", ["", "python -m "])
def test_a_run_of_its_own(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = shlex.join(["segexp", "train", *OVERRIDES])
    lines = reproduce.commands(contents(tmp_path / "out 1", command=f"{program}{given}", overrides=OVERRIDES))
    assert lines[0] == ("the command that was given", f"python -m {given}")
    assert [shlex.split(line)[3:] for _, line in lines[1:]] == [["from=out 1"], ["evaluate", "run=out 1"]]


@pytest.mark.parametrize("program", ["", "python -m "])
def test_a_job_of_a_sweep_has_its_own_words_and_folders_of_options(program: str, tmp_path: Path) -> None:
    given = shlex.join(["segexp", "train", "-m", "model=unet,cunet", "--config-dir", "my conf"])
    lines = dict(reproduce.commands(contents(tmp_path, command=f"{program}{given}", overrides=OVERRIDES)))
    assert lines["the sweep that this run is part of"] == f"python -m {given}"
    alone = shlex.split(lines["this run alone"])
    assert alone == ["python", "-m", "segexp", *OVERRIDES, "--config-dir", "my conf"]


def test_quotes_of_hydra_are_not_shown(tmp_path: Path) -> None:
    record = {"command": "segexp train -m seed=0,1", "overrides": ["datamodule.masks='gt/{stem}.png'", "seed=1"]}
    lines = dict(reproduce.commands(contents(tmp_path, **record)))
    old = contents(tmp_path, command=shlex.join(["segexp", "evaluate", "run='outputs/x/y'"]))
    assert reproduce.commands(old) == [("the command that was given", "python -m segexp evaluate run=outputs/x/y")]
    assert lines["this run alone"] == "python -m segexp 'datamodule.masks=gt/{stem}.png' seed=1"


def test_a_run_that_was_interrupted_tells_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    last = tmp_path / "many/one/checkpoints/last.ckpt"
    told = {"command": "segexp train", "overrides": [], "state": "interrupted"}
    assert "go on from its last finished epoch" not in dict(reproduce.commands(contents(tmp_path / "many/one", **told)))
    last.parent.mkdir(parents=True)
    last.touch()
    line = dict(reproduce.commands(contents(tmp_path / "many/one", **told)))["go on from its last finished epoch"]
    assert line == "python -m segexp resume=many/one"
    finished = reproduce.commands(contents(tmp_path / "many/one", **{**told, "state": "finished"}))
    assert not any("go on" in words for words, _ in finished)
    (tmp_path / "many/manifest.json").touch()
    lines = dict(reproduce.commands(contents(tmp_path / "many/one", **told)))
    assert lines["go on with the sweep"] == "python -m segexp sweep.resume=many"


def test_an_evaluation_and_a_line_that_is_no_shell(tmp_path: Path) -> None:
    assert reproduce.commands(contents(tmp_path, command="segexp evaluate run=x")) == [
        ("the command that was given", "python -m segexp evaluate run=x")
    ]
    assert reproduce.commands(contents(tmp_path, command="it's")) == [("the command that was given", "it's")]
    assert reproduce.commands(contents(tmp_path)) == []


def test_what_must_be_the_same(tmp_path: Path) -> None:
    told = contents(tmp_path, seed=3, device="cpu", threads=2, data={"split": {"rule": "kfold", "fold": 1}})
    assert reproduce.facts(told) == [
        ("seed", "3"),
        ("split", "rule kfold, fold 1"),
        ("device", "cpu"),
        ("threads", "2"),
    ]


def test_costs_come_from_the_files(tmp_path: Path) -> None:
    write_rows(tmp_path / "metrics.csv", [{"epoch": n, "seconds": s} for n, s in enumerate((9.0, 2.0, 2.5))])
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "best.ckpt").write_bytes(b"0" * 1_500_000)
    model, data = {"parameters": 2000, "trainable": 500}, {"train": {"samples": 100}}
    folder = contents(tmp_path, model=model, data=data, train_seconds=13.5, epochs=3, ended_by="trainer.max_epochs")
    folder.run["test"] = {"images_per_second": 7.25}  # type: ignore[index] # a dict
    assert dict(costs(folder)) == {
        "parameters": "2,000, 500 of them trained",
        "checkpoint": "1.5 MB on disk, with the state of the optimiser",
        "training": "13.5 s, 3 epochs, ended by trainer.max_epochs",
        "an epoch": "2.5 s (median)",
        "samples trained": "40.0 per second, validation included",
        "images tested": "7.25 per second, loading and counting included",
    }


def test_a_search_without_further_words_is_a_sweep_too(tmp_path: Path) -> None:
    given = shlex.join(["segexp", "train", "sweep=optuna", "optimizer.lr=log(1e-4,1e-2)"])
    lines = dict(reproduce.commands(contents(tmp_path, command=given, overrides=OVERRIDES)))
    assert lines["the sweep that this run is part of"] == f"python -m {given}"
    assert shlex.split(lines["this run alone"]) == ["python", "-m", "segexp", *OVERRIDES]


def test_packages_of_ones_own_are_trusted_by_the_lines_of_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No other word that a stored config would need: who pastes a line must not agree to a place elsewhere."""
    (tmp_path / "page_nets.py").write_text("from torch import nn\nclass Net(nn.Module): pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    run = contents(tmp_path, command="segexp train", overrides=[])
    for config, more in (
        ("model: {_target_: page_nets.Net, weights: /x/y.pt}\noutput_dir: /etc\n", ["trust=[page_nets]"]),
        ("model: {_target_: os.system}\n", []),
        ("model: [\n", []),
        ("- 1\n", []),
    ):
        found = reproduce.commands(RunContents(run.path, run.run, run.results, config, [], ""))
        assert [shlex.split(line)[-len(more) :] if more else more for _, line in found[1:]] == [more, more]
        assert all(("trust=" in line) == bool(more) for _, line in found[1:])
