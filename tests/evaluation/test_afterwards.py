"""Nothing that a test has found is lost because something later fails: results.json first, then all else."""

import re
import shlex
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from segexp.cli.app import run as run_line
from segexp.evaluation import outcome, pictures, task_test
from segexp.evaluation import test_pictures as explain
from segexp.runs.folder import RunFolder
from segexp.training import training_run
from segexp.training.endings import Interrupted
from segexp.training.loggers.tracking import Tracked, kept_quiet
from tests.training.runs import Done, composed, folders, read_json, run

QUICK = ("trainer.max_epochs=1", "metric=none", "panels=2", "bootstrap=10")


@pytest.fixture(autouse=True)
def ctrl_c() -> Iterator[None]:
    """A shell starts background jobs with Ctrl-C switched off, and processes inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def allocator(monkeypatch: pytest.MonkeyPatch) -> None:
    """``evaluate`` sets it for the whole process."""
    monkeypatch.setattr("segexp.system.allocator.tune_allocator", lambda *_: False)


def raising(error: BaseException) -> Callable[..., Any]:
    def broken(*_: Any, **__: Any) -> Any:
        raise error

    return broken


def refuse_file(monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException, *, after: int = 0) -> None:
    """Writing this file of a run folder fails from the given time on."""
    write, times = RunFolder.write_text, {"left": after}

    def broken(self: RunFolder, file: str, text: str) -> None:
        if file == name:
            times["left"] -= 1
            if times["left"] < 0:
                raise error
        write(self, file, text)

    monkeypatch.setattr(RunFolder, "write_text", broken)


class Silent(Tracked):
    """A tracker that shows nothing."""

    name = version = "silent"

    def log_metrics(self, *_: Any, **__: Any) -> None: ...

    def log_hyperparams(self, *_: Any, **__: Any) -> None: ...

    def show(self, *_: Any) -> None: ...

    def tested(self, *_: Any) -> None: ...

    def end(self, *, ok: bool) -> None:
        self.ok = ok


def missing(path: Path) -> dict[str, dict[str, str]]:
    return {entry["what"]: entry for entry in read_json(path / "run.json").get("not_made", [])}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The same run without an accident."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("whole"))
        return run(composed(*QUICK), pictures=True)


def test_without_an_accident_nothing_is_noted(whole: Done) -> None:
    assert "not_made" not in whole.record
    assert len(whole.content["panels"]) == 2


def test_all_that_can_fail_after_the_test(
    whole: Done, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    full = OSError(28, "No space left on device")
    refuse_file(monkeypatch, "per_image.csv", full)
    monkeypatch.setattr(task_test, "save_chart", raising(RuntimeError("save_chart broke\nin two lines")))
    for name in ("save_chart", "threshold_rows"):
        monkeypatch.setattr(explain, name, raising(RuntimeError(f"{name} broke\nin two lines")))
    picture, drawn = pictures.picture_of, []

    def second_fails(*arguments: Any) -> Any:
        drawn.append(arguments)
        if len(drawn) == 2:
            raise MemoryError
        return picture(*arguments)

    monkeypatch.setattr(explain, "picture_of", second_fails)
    monkeypatch.setattr("segexp.evaluation.run_page.write_report", raising(KeyError("title")))
    done = run(composed(*QUICK), pictures=True)
    assert done.record["state"] == "finished"
    assert {**done.content, "panels": 0} == {**whole.content, "panels": 0}
    assert done.content["panels"] == whole.content["panels"][:1]
    assert read_json(done.path / "results.json") == done.content
    told = missing(done.path)
    second = whole.content["panels"][1]["image"]
    assert set(told) == {
        "per_image.csv", "curves.png", "confusion.png", "thresholds.csv", "scores.png",
        f"the panel of {second}", "report.html",
    }  # fmt: skip
    assert told["per_image.csv"]["error"] == "OSError: [Errno 28] No space left on device"
    assert told["curves.png"]["error"] == "RuntimeError: save_chart broke"
    lines = "".join(capfd.readouterr()).splitlines()
    for what, entry in told.items():
        if what != "report.html":
            (line,) = [line for line in lines if f"not made: {what} (" in line]
            assert line.endswith(entry["again"])


def test_the_commands_that_are_told_make_it_again() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(task_test, "save_chart", raising(RuntimeError("no font")))
        patch.setattr(explain, "_panel", raising(RuntimeError("no font")))
        done = run(composed(*QUICK, "output_dir=out puts"), pictures=True)
    told = missing(done.path)
    assert not (done.path / "curves.png").exists()
    words = shlex.split(told["curves.png"]["again"])
    assert words[:3] == ["python", "-m", "segexp"]
    assert run_line(words[3:]) == 0
    assert (done.path / "curves.png").is_file()
    assert "curves.png" not in missing(done.path)
    panel = next(entry for what, entry in told.items() if what.startswith("the panel of "))
    assert run_line(shlex.split(panel["again"])[3:]) == 0
    assert len(list((done.path / "evaluations").rglob("panels/*.png"))) == 3


@pytest.mark.parametrize(
    ("where", "name"),
    [(outcome, "per_image"), (explain, "save_chart"), (explain, "picture_of"), (training_run, "tell_test")],
)
def test_ctrl_c_after_the_test(where: Any, name: str, whole: Done, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "tell_test":
        monkeypatch.setattr("segexp.training.training_run.build_loggers", lambda *_: [Silent()])
    monkeypatch.setattr(where, name, raising(KeyboardInterrupt()))
    with pytest.raises(Interrupted, match=r"all figures are in .*; to make it: python -m segexp ") as caught:
        run(composed(*QUICK), pictures=True)
    assert caught.value.exit_code == 130
    (folder,) = folders()
    assert {**read_json(folder / "results.json"), "panels": 0} == {**whole.content, "panels": 0}
    record = read_json(folder / "run.json")
    assert record["state"] == "finished"
    assert record["not_made"][-1]["error"] == "interrupted"


def test_a_full_disk_at_the_first_figure_prints_them(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    refuse_file(monkeypatch, "results.json", OSError(28, "No space left on device"))
    with pytest.raises(
        outcome.RunFailed,
        match=r"results.json: cannot be written \(no space left on the disk\), so .*; once it can be: ",
    ):
        run(composed(*QUICK), pictures=True)
    (folder,) = folders()
    assert read_json(folder / "run.json")["state"] == "failed"
    said = "".join(capfd.readouterr())
    assert re.search(r"^model +0\.\d{4}", said, re.MULTILINE)
    assert (folder / "checkpoints" / "best.ckpt").is_file()


def test_a_full_disk_at_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """run.json cannot be written at the end: all else is there, and no trace hides it."""
    refuse_file(monkeypatch, "run.json", OSError(28, "No space left on device"), after=2)
    done = run(composed(*QUICK))
    assert read_json(done.path / "results.json") == done.content


def test_figures_of_the_model_are_there_before_anything_is_set_beside_it(
    whole: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segexp.evaluation.mask_test.baseline_rows", raising(KeyboardInterrupt()))
    with pytest.raises(Interrupted):
        run(composed(*QUICK))
    (row, _) = read_json(folders()[0] / "results.json")["rows"]
    assert row["dataset"] == whole.content["rows"][0]["dataset"]
    assert row["interval"] is None


def test_rows_and_intervals_that_cannot_be_made(whole: Done, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segexp.evaluation.mask_test.baseline_rows", raising(MemoryError()))
    monkeypatch.setattr("segexp.evaluation.results.draw_weights", raising(MemoryError()))
    done = run(composed(*QUICK))
    assert [row["name"] for row in done.content["rows"]] == ["model", "model at 0.5"]
    assert done.content["rows"][0]["dataset"] == whole.content["rows"][0]["dataset"]
    assert set(missing(done.path)) == {"the rows of trivial predictors", "confidence intervals"}


def test_a_measure_whose_figures_fail_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segexp.metrics.objects.ObjectScores.figures", raising(ZeroDivisionError("no objects")))
    done = run(composed("trainer.max_epochs=1", "metric=[asd,objects]", "bootstrap=10"))
    assert set(missing(done.path)) == {"figures of the measure objects"}
    assert [row["name"] for row in done.content["rows"]] == ["model", "model at 0.5", "all background", "Otsu"]
    for row in done.content["rows"]:
        assert "asd" in row["image"]
        assert "object_f1" not in row["image"]


def test_a_figure_that_is_infinite_is_no_figure() -> None:
    assert outcome.finite({"a": [1.0, float("inf")], "b": {"c": float("nan")}, "d": "inf"}) == {
        "a": [1.0, None], "b": {"c": None}, "d": "inf",
    }  # fmt: skip


def test_an_evaluation_writes_its_figures_first(monkeypatch: pytest.MonkeyPatch, outputs: Path) -> None:
    done = run(composed(*QUICK))
    monkeypatch.chdir(outputs.parent)
    monkeypatch.setattr("segexp.evaluation.mask_test.draw_mask_pictures", raising(KeyboardInterrupt()))
    assert run_line(["evaluate", f"run={done.path}", "panels=1", "metric=none"]) == 130
    monkeypatch.setattr("segexp.evaluation.mask_test.draw_mask_pictures", raising(RuntimeError("no font")))
    assert run_line(["evaluate", f"run={done.path}", "panels=1", "metric=none"]) == 0
    found = sorted((done.path / "evaluations").rglob("results.json"))
    assert len(found) == 2
    for path in found:
        assert read_json(path)["rows"][0]["dataset"] == done.content["rows"][0]["dataset"]
        record = read_json(path.parent / "run.json")
        assert record["state"] == "finished"
        assert record["not_made"][0]["what"].startswith("pictures of the test")


def test_a_logger_that_breaks_while_it_trains(capfd: pytest.CaptureFixture[str]) -> None:
    class Broken(Silent):
        def log_metrics(self, *_: Any, **__: Any) -> None:
            raise OSError(28, "No space left on device")

    logger = kept_quiet(Broken())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("segexp.training.training_run.build_loggers", lambda *_: [logger])
        done = run(composed(*QUICK))
    assert done.record["state"] == "finished"
    said = "".join(capfd.readouterr())
    assert said.count("Broken: not everything is logged there (OSError: [Errno 28] No space left on device)") == 1
    assert logger.ok is True


def test_pictures_while_it_trains_do_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "picture_of", raising(MemoryError()))
    done = run(composed(*QUICK, "panel_epochs=[0]"))
    assert done.record["state"] == "finished"


def test_a_callback_that_fails_when_training_is_over_tells_how_to_test(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="late"):
        run(composed(*QUICK, "callbacks.extra=[{_target_: tests.training.parts.FailAtTheEnd}]"))
    (folder,) = folders()
    assert f"python -m segexp evaluate run={folder}" in "".join(capfd.readouterr())


def test_names_that_a_spreadsheet_would_run_are_told() -> None:
    from segexp.evaluation.results import _formulas

    assert _formulas(["a.png", "-5"]) == []
    (note,) = _formulas(["a.png", "=1+1.png"])
    assert note.startswith("per_image.csv keeps the names of images as they are; a spreadsheet takes some ('=1+1.png')")
