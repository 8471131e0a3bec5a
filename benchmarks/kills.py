"""Kills trainings at random moments, resumes them in place, and compares all they give with undisturbed ones.

    python -m benchmarks.kills [--kills 40] [--seed 0] [--chain 4] [--only SETTING] [--keep FOLDER]

Every kill is SIGKILL to the whole process group: one in four at a moment drawn over the whole run (reading data, test,
pictures, page), the others over what is left of its training (batches, validations, checkpoints). A run is killed
``chain`` times, each time it is gone on with in its folder, and at the end it is compared: metrics.csv and steps.csv
but for seconds, per_image.csv, results.json but for places and times, and every number of best.ckpt and last.ckpt. Four
settings in turn: no workers; two workers; averaged weights, dropout, one-cycle and accumulated gradients, with
validations within the epoch; two gloo ranks. Each run is a process by itself, forked from this one, which has imported
torch: most of the time would go into that.

Prints a line per kill, how many of them led to equal files, and what was lost against ``trainer.checkpoint_every``:
the training behind the last checkpoint, by the clock and in batches. Exit code 1 where something differs.
"""

import argparse
import contextlib
import csv
import json
import math
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback

import segexp.training.train  # noqa: F401 # all that a run imports, once
from segexp.cli.app import run as run_line
from segexp.training.callbacks.within_epoch import position

REPOSITORY = Path(__file__).resolve().parent.parent
EPOCHS = 4
SMALL = (
    "datamodule.size=48", "datamodule.train_images=12", "datamodule.val_images=3", "datamodule.test_images=3",
    "datamodule.crop_size=32", "datamodule.crops_per_image=2", "datamodule.loader.batch_size=2",
    "datamodule.loader.num_workers=0", "model.base=4", "model.depth=3", "model.norm=batch", "trainer.accelerator=cpu",
    f"trainer.max_epochs={EPOCHS}", "optimizer.lr=0.02", "panels=2", "metric=[asd]", "bootstrap=50",
    "trainer.log_every_n_steps=1", "trainer.progress=none", "callbacks.trace._target_=benchmarks.kills.Trace",
)  # fmt: skip
EVERY = "1s"
SETTINGS = {
    "no workers": (f"trainer.checkpoint_every={EVERY}", "augment=strong"),
    "two workers": ("trainer.checkpoint_every=3 steps", "datamodule.loader.num_workers=2", "augment=strong"),
    "average, one-cycle, dropout, accumulation": (
        f"trainer.checkpoint_every={EVERY}", "callbacks.weight_average.decay=0.9", "model.dropout=0.3",
        "callbacks.weight_average._target_=segexp.training.callbacks.weight_average.WeightAverage",
        "scheduler=onecycle", "trainer.accumulate_grad_batches=5", "trainer.val_check_interval=5",
    ),
    "two gloo ranks": (f"trainer.checkpoint_every={EVERY}", "trainer.devices=2", "model.dropout=0.3"),
}  # fmt: skip
ANYWHERE = 0.25
"""Share of the kills that come anywhere, also where nothing is trained."""
TRACE = "KILLS_TRACE"
"""Variable with the file in which a run notes its batches."""
LAST = "outputs/*/*/checkpoints/last.ckpt"
"""Of the one run in a folder."""
UNLIKE = ("path", "folder", "file", "seconds", "command", "speed")
"""Keys of results.json whose values are places or times."""


class Trace(Callback):
    """Notes when each batch was done, so that what a kill costs is measured; it changes nothing."""

    def __init__(self) -> None:
        self._file = Path(os.environ.get(TRACE, os.devnull))

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Training begins."""
        self._note(trainer, "start")

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """A batch is done."""
        self._note(trainer, "batch")

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Training is over."""
        self._note(trainer, "end")

    def _note(self, trainer: pl.Trainer, what: str) -> None:
        if trainer.is_global_zero:
            now = time.time()
            with self._file.open("a", encoding="utf-8") as stream:
                stream.write(f"{what} {trainer.current_epoch} {trainer.fit_loop.batch_idx + 1} {now}\n")


@dataclass
class Lost:
    """What kills cost, of one kind of interval.

    Attributes:
        seconds: Behind the last checkpoint, for each kill in a training.
        batches: The same.
    """

    seconds: list[float] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)


def main() -> None:
    """Runs all, and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--chain", type=int, default=4, help="kills of one run")
    parser.add_argument("--only", choices=SETTINGS, help="one of the settings")
    parser.add_argument("--keep", type=Path, help="folder to work in, kept at the end")
    given = parser.parse_args()
    os.environ.update(PYTHONPATH=str(REPOSITORY), OMP_NUM_THREADS="1")
    torch.set_num_threads(1)
    with contextlib.ExitStack() as stack:
        folder = given.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = [given.only] if given.only else list(SETTINGS)
        good = run_all(folder.resolve(), settings, given.kills, given.chain, random.Random(given.seed))
    sys.exit(0 if good == given.kills else 1)


def run_all(folder: Path, settings: Sequence[str], kills: int, chain: int, chance: random.Random) -> int:
    """Runs each setting undisturbed, then kills.

    Args:
        folder: To work in.
        settings: Names of the settings, in turn.
        kills: How many in all.
        chain: How many of them each run has.
        chance: Where the moments come from.

    Returns:
        Kills after which everything was equal.
    """
    done = good = number = 0
    lost: dict[str, Lost] = {name: Lost() for name in SETTINGS}
    undisturbed: dict[str, Undisturbed] = {}
    while done < kills:
        name = settings[number % len(settings)]
        if name not in undisturbed:
            undisturbed[name] = _undisturbed(folder / f"undisturbed_{len(undisturbed)}", SETTINGS[name])
            print(f"undisturbed, {name}: {undisturbed[name].seconds:.1f} s", flush=True)
        place = folder / f"killed_{number:02d}"
        place.mkdir(parents=True)
        times = min(chain, kills - done)
        for _ in range(times):
            print(f"{name}: {_killed(place, SETTINGS[name], undisturbed[name], chance, lost[name])}", flush=True)
        code = _start(place, SETTINGS[name]).wait()
        problems = [f"exit code {code}"] if code else _differences(undisturbed[name].results, _results(place))
        print(f"{name}: {times} kills, {'; '.join(problems[:6]) or 'equal'}", flush=True)
        done, good, number = done + times, good + (0 if problems else times), number + 1
    print(f"equal to the last digit after {good} of {done} kills")
    for name, found in lost.items():
        for line in _shown(name, found):
            print(line)
    return good


def _shown(name: str, lost: Lost) -> Iterator[str]:
    if lost.seconds:
        interval = next(word for word in SETTINGS[name] if word.startswith("trainer.checkpoint_every"))
        yield (
            f"{name} ({interval}): {len(lost.seconds)} kills in training, lost at most {max(lost.seconds):.2f} s, "
            f"{max(lost.batches)} batches; mean {statistics.mean(lost.seconds):.2f} s, "
            f"{statistics.mean(lost.batches):.1f} batches"
        )


@dataclass(frozen=True)
class Undisturbed:
    """A run that nothing killed.

    Attributes:
        results: Everything that it gave.
        seconds: That it took.
        training: Seconds of its training.
        batches: That it trained.
    """

    results: dict[str, Any]
    seconds: float
    training: float
    batches: int


def _undisturbed(place: Path, setting: Sequence[str]) -> Undisturbed:
    place.mkdir(parents=True)
    start = time.time()
    process = _start(place, setting)
    if code := process.wait():
        sys.exit(f"the undisturbed run ended with {code}: {(place / 'said.txt').read_text()[-2000:]}")
    notes = _notes(place / f"trace_{process.pid}.txt")
    training = float(notes[-1][3]) - float(notes[0][3])
    return Undisturbed(_results(place), time.time() - start, training, sum(note[0] == "batch" for note in notes))


def _notes(trace: Path) -> list[list[str]]:
    """What a run noted: what, epoch, batch, time; the last line may be half written."""
    notes = [line.split() for line in trace.read_text().splitlines()] if trace.is_file() else []
    return [note for note in notes if len(note) == 4]


def _killed(place: Path, setting: Sequence[str], whole: Undisturbed, chance: random.Random, lost: Lost) -> str:
    """Starts or resumes a run and kills it at a random moment; one that ended before is not there any more."""
    process = _start(place, setting)
    trace = place / f"trace_{process.pid}.txt"
    if chance.random() < ANYWHERE:
        process.wait(chance.uniform(0.0, whole.seconds))
    else:
        while process.wait(0.01) is None and not _notes(trace):
            pass
        epoch, batch = _kept(place)
        left = 1.0 - (epoch * whole.batches / EPOCHS + batch) / whole.batches
        process.wait(chance.uniform(0.0, whole.training * left))
    killed = time.time()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return _cost(place, trace, killed, lost)


def _cost(place: Path, trace: Path, killed: float, lost: Lost) -> str:
    """Notes what was trained in vain, and says where the kill hit."""
    notes = _notes(trace)
    if not notes or notes[-1][0] == "end":
        return f"killed {'after' if notes else 'before'} training, or where none was left"
    kept = _kept(place)
    behind = sum(note[0] == "batch" and (int(note[1]), int(note[2])) > kept for note in notes)
    # What this process trained since its start, or since the checkpoint was written, while which nothing is trained.
    found = sorted(place.glob(LAST))
    seconds = killed - max(float(notes[0][3]), found[0].stat().st_mtime if found else 0.0)
    lost.seconds.append(seconds)
    lost.batches.append(behind)
    return f"killed in epoch {kept[0] + 1} after batch {kept[1]}, lost {seconds:.2f} s and {behind} batches"


def _kept(place: Path) -> tuple[int, int]:
    """Epoch and batch that a run goes on with."""
    found = sorted(place.glob(LAST))
    return position(torch.load(found[0], weights_only=True, mmap=True)) if found else (0, 0)


class Started:
    """A process that was forked, the first of a group of its own."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def wait(self, seconds: float = math.inf) -> int | None:
        """Waits for its end, at most so long; the exit code, None: it still runs."""
        end = time.monotonic() + seconds
        while self._code is None and time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
            time.sleep(0.005)
        return self._code


def _start(place: Path, setting: Sequence[str]) -> Started:
    """As a user would: resume the run folder where there is one, else start anew."""
    found = sorted(place.glob("outputs/*/*/config.yaml"))
    words = [f"resume={found[0].parent.relative_to(place)}", "trust=[benchmarks]"] if found else [*SMALL, *setting]
    if pid := os.fork():
        return Started(pid)
    code = 1
    try:
        os.setsid()
        os.chdir(place)
        said = os.open("said.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(said, 1)
        os.dup2(said, 2)
        os.environ[TRACE] = str(place / f"trace_{os.getpid()}.txt")
        sys.argv = ["segexp", *words]
        code = run_line(words)
        sys.stdout.flush()
    finally:
        os._exit(code)


def _results(place: Path) -> dict[str, Any]:
    """Everything that a run measured or learned, by file; times left out."""
    (folder,) = (path.parent for path in place.glob("outputs/*/*/config.yaml"))
    found: dict[str, Any] = {}
    for name in ("metrics.csv", "steps.csv", "per_image.csv"):
        with (folder / name).open(newline="", encoding="utf-8") as stream:
            rows = [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(stream)]
        found |= {f"{name} {number}": row for number, row in enumerate(rows)}
    found |= dict(_leaves("results.json", json.loads((folder / "results.json").read_text(encoding="utf-8"))))
    for name in ("best", "last"):
        checkpoint = torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)
        for part in ("state_dict", "current_model_state", "optimizer_states", "lr_schedulers", "loops", "segexp"):
            if part in checkpoint:
                found |= dict(_leaves(f"{name}.ckpt {part}", checkpoint[part]))
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return found | {"state": record["state"], "epochs": record["epochs"], "ended_by": record["ended_by"]}


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yields each single value with its place, but for those that are places or times."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not any(word in str(key) for word in UNLIKE):
                yield from _leaves(f"{name} {key}", inner)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _leaves(f"{name} {number}", inner)
    else:
        yield name, value.tolist() if isinstance(value, torch.Tensor) else value


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    unlike = (name for name in sorted(one.keys() | other.keys()) if _text(one.get(name)) != _text(other.get(name)))
    return [f"differs: {name}: {_text(one.get(name))[:60]} {_text(other.get(name))[:60]}" for name in unlike]


def _text(value: Any) -> str:
    # nan is equal to nan here, and every digit counts.
    return repr(value)


if __name__ == "__main__":
    main()
