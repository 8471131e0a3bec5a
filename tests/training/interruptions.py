"""Ends a training in each of its phases by each signal, goes on with it in its folder, and compares it with one alone.

``python -m tests.training.interruptions <folder> [tracked] [phases]``: a line of JSON for each, and at the end how many
were equal. Each training is a process forked from one that has imported everything; it stops where it is to be ended,
and says so.
"""

import contextlib
import csv
import json
import os
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import torch
import yaml

from segexp.cli.app import run
from segexp.training.callbacks import checkpoint_io
from tests.training.runs import TINY

WORDS = (
    *TINY, "trainer.max_epochs=3", "callbacks=ema", "metric=none", "bootstrap=20", "panels=2",
    "trainer.log_every_n_steps=1",
)  # fmt: skip
PHASES = ("data", "reading", "step", "validation", "checkpoint", "saved", "after fit", "test", "pictures", "page")
TRACKERS = ("logger=[tensorboard,wandb,mlflow]", "panel_epochs=1", "val_panels=1")
"""Words of a run that trackers are told of."""
TRACKED = ("step", "saved", "test")
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
_TARGETS = {
    # where a training stops, and which call of it that is
    "data": ("segexp.training.train.prepare", 1),
    "reading": ("segexp.data.sampling.samples.RandomCrops.__getitem__", 6),
    "step": ("segexp.tasks.base.BaseTask.training_step", 4),
    "validation": ("segexp.tasks.base.BaseTask.validation_step", 5),
    "after fit": ("segexp.training.train.keep_last", 1),
    "test": ("segexp.tasks.base.BaseTask.test_step", 2),
    "pictures": ("segexp.evaluation.mask_test.MaskTest.draw", 1),
    "page": ("segexp.evaluation.run_page.write_report", 1),
}


def _stop(handle: int) -> None:
    os.write(handle, b"!")
    end = time.monotonic() + 60
    while time.monotonic() < end:
        time.sleep(0.02)
    os._exit(99)


def _stopping(function: Callable[..., Any], call: int, handle: int) -> Callable[..., Any]:
    calls = [0]

    def made(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if calls[0] == call:
            _stop(handle)
        return function(*args, **kwargs)

    return made


@contextlib.contextmanager
def stops_at(phase: str, handle: int) -> Iterator[None]:
    """In this context a training says that it has come to a phase, and waits for its end there."""
    if phase == "checkpoint":
        saved, calls = torch.save, [0]

        def half(content: Any, stream: Any) -> None:
            calls[0] += 1
            if calls[0] == 3:
                stream.write(b"PK half of it")
                stream.flush()
                _stop(handle)
            saved(content, stream)

        with mock.patch.object(checkpoint_io.torch, "save", half):
            yield
        return
    if phase == "saved":
        with mock.patch.object(checkpoint_io.AtomicCheckpointIO, "save_checkpoint", _stopping_after_last(handle)):
            yield
        return
    target, call = _TARGETS[phase]
    module, _, name = target.rpartition(".")
    owner = _found(module)
    with mock.patch.object(owner, name, _stopping(getattr(owner, name), call, handle)):
        yield


def _stopping_after_last(handle: int) -> Callable[..., None]:
    """Stops when last.ckpt of the second epoch is written."""
    save, calls = checkpoint_io.AtomicCheckpointIO.save_checkpoint, [0]

    def made(self: Any, checkpoint: Any, path: Any, storage_options: Any = None) -> None:
        save(self, checkpoint, path, storage_options)
        calls[0] += Path(path).name == "last.ckpt"
        if calls[0] == 2:
            _stop(handle)

    return made


def _found(name: str) -> Any:
    from pydoc import locate

    return locate(name)


def started(words: list[str], folder: Path, phase: str | None = None, ending: bool = False) -> tuple[int, int]:
    """Starts a training in a process of its own; gives its number, and what can be read of when it stops."""
    readable, writable = os.pipe()
    child = os.fork()
    if child:
        os.close(writable)
        return child, readable
    code = 98
    try:
        os.chdir(folder)
        for name, stream in (("out.txt", 1), ("err.txt", 2)):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        with contextlib.ExitStack() as stack:
            if phase is not None:
                stack.enter_context(stops_at(phase, writable))
            if ending:
                made = _stopping(_found("segexp.training.endings.write_page"), 1, writable)
                stack.enter_context(mock.patch("segexp.training.endings.write_page", made))
            code = run(words)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def ended(child: int) -> int:
    """Waits for a process; gives its exit code, negative after a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run_folder(folder: Path) -> Path | None:
    found = [path.parent for path in folder.glob("outputs/*/*/config.yaml")]
    assert len(found) < 2, "a second run folder was made"
    return found[0] if found else None


def without_seconds(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(stream)]


def files(place: Path) -> list[Path]:
    """Files of a run folder, those of trackers left out: they bear the time and the number of a process."""
    found = [path.relative_to(place) for path in place.rglob("*") if path.is_file()]
    return [path for path in found if path.parts[0] not in ("tensorboard", "wandb", "trackers.json")]


def differences(one: Path, other: Path) -> list[str]:
    """Names what is not the same in two run folders, times and commands left out."""
    found = []
    names = [sorted(map(str, files(each))) for each in (one, other)]
    if names[0] != names[1]:
        found.append(f"files: {sorted(set(names[0]) ^ set(names[1]))}")
    for name in ("metrics.csv", "steps.csv", "per_image.csv"):
        if without_seconds(one / name) != without_seconds(other / name):
            found.append(name)
    for name in ("results.json", "split.json", "config.yaml"):
        texts = [(each / name).read_text() for each in (one, other)]
        if texts[0] != texts[1]:
            found.append(name)
    for name in ("last.ckpt", "best.ckpt"):
        states = [_without_times(torch.load(each / "checkpoints" / name, weights_only=True)) for each in (one, other)]
        found += [f"{name}: {key}" for key in _unequal(*states, "")]
    if (one / "tensorboard").is_dir():
        counted = [histories(each) for each in (one, other)]
        found += [f"{name}: {key}" for name in counted[0] for key in counted[0][name] ^ counted[1][name]]
        found += [f"{name} twice: {key}" for name in counted[1] for key, n in counted[1][name].items() if n > 1]
    pictures = [path for path in files(one) if path.suffix == ".png"]
    return found + [str(path) for path in pictures if (one / path).read_bytes() != (other / path).read_bytes()]


class Counted(Counter[tuple[str, int]]):
    def __xor__(self, other: "Counted") -> set[tuple[str, int]]:
        return set(self) ^ set(other)


def histories(place: Path) -> dict[str, Counted]:
    """How often each tracker of a run was told each figure of each step."""
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

    from segexp.training.loggers.wandb_history import STEP, _history

    found = {name: Counted() for name in ("tensorboard", "wandb", "mlflow")}
    for path in place.glob("tensorboard/*/events*"):
        for event in LegacyEventFileLoader(str(path)).Load():
            found["tensorboard"].update(
                (v.tag, event.step) for v in event.summary.value if v.tag != "epoch" and "hparams" not in v.tag
            )
    for path in place.glob("wandb/offline-run-*/*.wandb"):
        for row in _history(path):
            if STEP in row:
                names = [name for name in row if name[0] != "_" and name not in (STEP, "epoch")]
                found["wandb"].update((name, row[STEP]) for name in names)
    with contextlib.closing(sqlite3.connect(place.parent.parent / "mlflow.db")) as store:
        found["mlflow"].update(store.execute("select key, step from metrics where key != 'epoch'").fetchall())
    return found


PLACES = ("dirpath", "best_k_models")


def _without_times(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Seconds of training, and paths of the run folder, are of each run."""
    callbacks = {
        key.partition("{")[0]: {k: v for k, v in state.items() if "path" not in k and k not in PLACES}
        for key, state in checkpoint["callbacks"].items()
        if key != "TrainingTime"
    }
    return {**checkpoint, "callbacks": callbacks}


def _unequal(one: Any, other: Any, place: str) -> Iterator[str]:
    """Where two trees differ."""
    if type(one) is not type(other):
        yield place
    elif isinstance(one, dict):
        for key in one.keys() | other.keys():
            yield from _unequal(one.get(key), other.get(key), f"{place}/{key}")
    elif isinstance(one, list | tuple) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from _unequal(*pair, f"{place}/{number}")
    elif not (torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other):
        yield place


def interrupted(phase: str, number: signal.Signals, folder: Path, alone: Path, words: list[str]) -> dict[str, Any]:
    """Ends a training, goes on with it, and says what came of it."""
    folder.mkdir()
    child, readable = started(words, folder, phase)
    assert os.read(readable, 1) == b"!", f"never came to {phase}: {(folder / 'err.txt').read_text()}"
    os.kill(child, number)
    code, said = ended(child), (folder / "err.txt").read_text().strip()
    place = run_folder(folder)
    found = {"phase": phase, "signal": number.name, "code": code, "said": said}
    if place is None:
        return found
    from segexp.runs.contents import read_run

    found["state"] = read_run(place).run["state"]
    child, _ = started([f"resume={place.relative_to(folder)}"], folder)
    found["resumed"] = ended(child)
    record = json.loads((place / "run.json").read_text())
    found["ends"] = record["state"]
    found["attempts"] = [each["state"] for each in record.get("attempts", [])]
    found["trained_again"] = "epoch 1/3" in (folder / "out.txt").read_text()
    found["differences"] = differences(alone, place)
    return found


def pressed_three_times(folder: Path, words: list[str]) -> dict[str, Any]:
    """Ctrl-C in a step, again while the run ends, and once more."""
    folder.mkdir()
    child, readable = started(words, folder, "step", ending=True)
    for _ in range(2):
        assert os.read(readable, 1) == b"!"
        os.kill(child, signal.SIGINT)
    time.sleep(0.3)
    os.kill(child, signal.SIGINT)
    place = run_folder(folder)
    assert place is not None
    state = yaml.safe_load((place / "run.json").read_text())["state"]
    return {"code": ended(child), "said": (folder / "err.txt").read_text().strip(), "state": state}


def say(found: dict[str, Any]) -> None:
    """A line of the answer."""
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def main(folder: Path, phases: tuple[str, ...] = PHASES, *, tracked: bool = False) -> int:
    """Runs all of it."""
    folder.mkdir(parents=True)
    words = [*WORDS, *(TRACKERS if tracked else ())]
    (folder / "alone").mkdir()
    child, _ = started(words, folder / "alone")
    assert ended(child) == 0, (folder / "alone" / "err.txt").read_text()
    alone = run_folder(folder / "alone")
    assert alone is not None
    equal = total = 0
    for phase in phases:
        for number in (signal.SIGKILL, signal.SIGTERM) if tracked else SIGNALS:
            found = interrupted(phase, number, folder / f"{phase.replace(' ', '_')}_{number.name}", alone, words)
            say(found)
            total += 1
            equal += found.get("differences") == [] or "state" not in found
    if not tracked:
        say(pressed_three_times(folder / "thrice", words))
    say({"equal": equal, "total": total})
    return 0 if equal == total else 1


if __name__ == "__main__":
    import segexp.report.run_page.page
    import segexp.training.train  # noqa: F401 - each training is forked from here

    place, *chosen = [word for word in sys.argv[1:] if word != "tracked"]
    with_trackers = "tracked" in sys.argv
    usual = TRACKED if with_trackers else PHASES
    sys.exit(main(Path(place).resolve(), tuple(chosen) or usual, tracked=with_trackers))
