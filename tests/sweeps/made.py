"""Plans, folders and an engine without processes, for the tests of sweeps."""

import itertools
import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from segexp.config.composed import checked_train
from segexp.config.experiment import Experiment
from segexp.config.paths import conf_dir
from segexp.config.schema import SweepConfig
from segexp.config.sections import structured
from segexp.invocation import Invocation
from segexp.runs import manifest_files
from segexp.runs.manifest_files import CHANGES
from segexp.sweeps import layout, manifest
from segexp.sweeps.engines.base import Ended, Started
from segexp.sweeps.layout import JobFiles
from segexp.sweeps.manifest import Manifest
from segexp.sweeps.plan import Job, Plan

SECTION = {"engine": "local", "jobs": 2, "gpus": "auto", "resume": None}


@cache
def default() -> dict[str, Any]:
    """The resolved config of a training without overrides."""
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return checked_train(compose("train")).plain()


def experiment(**changes: Any) -> Experiment:
    """An experiment of a sweep; keys that no experiment has stay in its plain config."""
    trainer = {**default()["trainer"], "accelerator": "cpu", **changes.pop("trainer", {})}
    base = {"loss": {"_target_": "segexp.losses.dice.Dice"}, "datamodule": {"root": "here", "seed": 0}}
    return Experiment.from_plain({**default(), **base, "sweep": SECTION, "trainer": trainer, **changes})


def section(**changes: Any) -> SweepConfig:
    """The keys ``sweep``."""
    return structured(SweepConfig, {**SECTION, **changes})


def planned(*overrides: Sequence[str], **changes: Any) -> list[Job]:
    """One job for each list of overrides; ``seed=`` among them really changes the config."""
    plan = Plan()
    for own in overrides:
        seed = next((int(text[5:]) for text in own if text.startswith("seed=")), 0)
        made = experiment(seed=seed, **changes)
        plan.add(lambda made=made: made, Invocation(["segexp"], tuple(own), {"model": "cunet"}))
    return plan.jobs()


def seeds(*numbers: int) -> list[Job]:
    return planned(*[["model=cunet", f"seed={number}"] for number in numbers])


class PowerCut(Exception):
    """Everything stops here."""


class Power:
    """Counts writes of the sweep, and goes before one of them; of a line that is added, a part may be there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, pause: float) -> None:
        """``pause``: that of the manifest, with a clock that goes on by one at each look."""
        self.left: int | None = None
        self.added = False
        """Whether a line was added to the changes."""
        monkeypatch.setattr(manifest, "PAUSE", pause)
        monkeypatch.setattr(manifest, "monotonic", map(float, itertools.count()).__next__)
        for module in (layout, manifest):
            monkeypatch.setattr(module, "replace_file", self.counted(module.replace_file))
        for name in ("append_change", "forget_changes"):
            monkeypatch.setattr(manifest, name, self.counted(getattr(manifest_files, name)))

    def counted(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if self.left == 0:
                if write is manifest_files.append_change:
                    with (args[0] / CHANGES).open("a") as stream:
                        stream.write(json.dumps(args[1])[:-20])
                raise PowerCut
            done = write(*args, **kwargs)
            self.added |= write is manifest_files.append_change
            if self.left is not None:
                self.left -= 1
            return done

        return wrapped


def create(folder: Path, jobs: Sequence[Job]) -> Manifest:
    folder.mkdir(parents=True, exist_ok=True)
    return Manifest.create(folder, jobs, {"version": 1})


class Pretend:
    """An engine whose jobs end at once, one per call of ``wait``, in the way that ``how`` says."""

    def __init__(self, folder: Path, how: Callable[[int], str] = lambda number: "finished", places: int = 2) -> None:
        self.folder = folder
        self.how = how
        self.places = places
        self.facts: dict[str, Any] = {}
        self.notes: list[str] = []
        self.running: list[int] = []
        self.started: list[int] = []
        self.said: list[str] = []
        self.expected: dict[int, Any] = {}

    def expect(self, number: int, experiment: Experiment) -> None:
        assert JobFiles(self.folder, number).read().number == number
        self.expected[number] = experiment

    def start(self, numbers: Sequence[int]) -> list[Started]:
        assert len(self.running) + len(numbers) <= self.places
        self.running += numbers
        self.started += numbers
        return [Started(number, gpu=str(number % 2)) for number in numbers]

    def wait(self, seconds: float) -> list[Ended]:
        if not self.running:
            return []
        number = self.running.pop(0)
        return [self.end(number, self.how(number))]

    def end(self, number: int, how: str) -> Ended:
        place = JobFiles(self.folder, number)
        if how == "killed":
            return Ended(number, -9, 1.0, 100)
        if how == "finished":
            run = self.folder / place.read().folder
            run.mkdir(exist_ok=True)
            (run / "results.json").write_text(json.dumps({"job": number, **self.results(number)}))
        place.write_outcome(how, "Oops: no\nreally" if how == "failed" else None)  # type: ignore[arg-type]
        return Ended(number, 0 if how in ("finished", "pruned") else 1, 1.0, 100)

    def results(self, number: int) -> dict[str, Any]:
        """What stands in results.json."""
        return {}

    def interrupt(self) -> None:
        self.said.append("interrupt")
        self.how = lambda number: "interrupted"

    def kill(self) -> None:
        self.said.append("kill")
        self.how = lambda number: "killed"

    def close(self) -> None:
        self.said.append("close")
