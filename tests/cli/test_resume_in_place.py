"""``resume=<run folder>``: when a run goes on in its folder, and when it becomes a new one; nothing is trained."""

import json
import socket
from pathlib import Path

import pytest
import yaml

from segexp.cli.app import compose_training, run
from segexp.config.experiment import Experiment
from segexp.config.overrides.from_argument import resumed_run
from segexp.training.distributed.plan import RankInfo
from segexp.training.resuming.in_place import what_is_left
from segexp.training.resuming.source import checkpoint_of

WORDS = ("datamodule.size=32", "model.base=2", "trainer.max_epochs=4", "trainer.accelerator=cpu", "scheduler=none")


@pytest.fixture(scope="module")
def stored() -> Experiment:
    return compose_training(WORDS)


@pytest.fixture(autouse=True)
def folder(stored: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    place = Path("outputs/a run")
    place.mkdir(parents=True)
    plain = {**stored.plain(), "name": stored.run_name}
    (place / "config.yaml").write_text(yaml.safe_dump(plain, sort_keys=False))
    how = stored.invocation
    record = {
        "command": "segexp train", "overrides": list(how.overrides), "choices": how.choices, "state": "interrupted",
        "started": "2026-11-30T12:00:00+00:00", "ended": "2026-11-30T12:01:00+00:00", "seconds": 60.0,
    }  # fmt: skip
    (place / "run.json").write_text(json.dumps(record))
    return place


RESUME = "resume='outputs/a run'"


@pytest.mark.parametrize("words", [(), WORDS, ("datamodule.loader.num_workers=2", "++trainer.progress=none")])
def test_it_goes_on_in_its_folder(folder: Path, stored: Experiment, words: tuple[str, ...]) -> None:
    found = compose_training([RESUME, *words])
    assert (found.invocation.folder, found.invocation.goes_on) == (folder, True)
    assert found.recorded()["resume"] is None
    assert (found.model, found.trainer.max_epochs, found.invocation.notes) == (stored.model, 4, ())
    assert list(found.invocation.overrides)[: len(WORDS)] == list(stored.invocation.overrides)
    assert list(found.invocation.overrides)[len(WORDS) :] == [word for word in words if word not in WORDS]


@pytest.mark.parametrize(
    "words", [("trainer.max_epochs=6",), ("name=other",), ("from=outputs/a run",), ("+callbacks.ema.decay=0.9",)]
)
def test_another_word_makes_a_new_run_of_it(words: tuple[str, ...], stored: Experiment) -> None:
    given = ["callbacks=ema"] if "ema" in words[0] else list(words)
    found = compose_training([RESUME, *given])
    assert (found.invocation.folder, found.invocation.goes_on) == (None, False)
    assert found.resume == "outputs/a run"
    assert found.recorded()["resume"] == "outputs/a run"
    assert found.model == stored.model


def test_an_owner_elsewhere_is_refused_with_the_line_that_takes_the_folder(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / ".lock").write_text("4711 17 node7 2026-11-30T12:00:00+00:00\n")
    for command in ([], ["check"]):
        assert run([*command, RESUME]) == 2
        said = capsys.readouterr().err
        assert "belongs to process 4711 on node7, since 2026-11-30T12:00:00+00:00, which cannot be asked" in said
        assert said.rstrip().endswith("python -m segexp 'resume=outputs/a run' take_over=node7:4711")
    assert compose_training([RESUME, "take_over=node7:4711"]).invocation.take_over == "node7:4711"
    (folder / ".lock").write_text(f"1 - {socket.gethostname()}\n")
    assert run(["check", RESUME, "scope=config"]) == 2
    assert f"is in use by process 1 on {socket.gethostname()}: wait until it has ended" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["take_over=a:1"], "take_over: is for a run that goes on in its folder; give it with resume="),
        (["check", RESUME, "take_over=a:1"], "take_over: is for a run that goes on in its folder"),
        ([RESUME, "trainer.max_epochs=6", "take_over=a:1"], "with these words it becomes a new one"),
    ],
)
def test_take_over_is_not_passed_over(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    assert says in capsys.readouterr().err


def test_what_is_finished_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, "state": "finished"}))
    (folder / "report.html").write_text("the page")
    assert run([RESUME]) == 0
    said = capsys.readouterr().out
    assert "outputs/a run is finished: nothing of it is left to do" in said
    assert (folder / "report.html").read_text() == "the page"


def test_the_home_folder_is_written_as_in_from(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resumed_run(["resume='~/outputs/a run'"]) == tmp_path / folder
    assert resumed_run(["resume=~nobody-of-this-name/a"]) is None
    assert checkpoint_of("~/last.ckpt") == str(tmp_path / "last.ckpt")


def test_what_the_clock_ended_goes_on_in_a_new_run_and_helping_ranks_say_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, "state": "finished", "ended_by": "trainer.max_time"}))
    (folder / "report.html").write_text("the page")
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "last.ckpt").write_text("")
    experiment = compose_training([RESUME])
    assert what_is_left(experiment) is None
    line = "python -m segexp 'from=outputs/a run' 'resume=outputs/a run/checkpoints/last.ckpt'"
    assert f"trainer.max_time ended it; to train on in a new run: {line}" in capsys.readouterr().out
    monkeypatch.setattr("segexp.training.resuming.in_place.started", lambda: RankInfo(rank=1, count=2))
    assert what_is_left(experiment) is None
    assert capsys.readouterr().out == ""
