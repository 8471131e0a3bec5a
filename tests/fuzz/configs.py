"""Command lines of trainings, drawn from the groups and the annotations of their keys: checked, and some started.

python -m tests.fuzz.configs --accepted 2000 --start 200 --seed 0. What ``check`` accepts starts; what it refuses has a
reason of a closed list.
"""

import argparse
import contextlib
import functools
import io
import json
import math
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.fuzz.reasons import confirmed, quoted, reasons_of
from tests.fuzz.server import BAD, Limits, Outcome, WrongError, count, run_cases
from tests.fuzz.values import ODD, draw_value, leaves, written

BASE = (
    "datamodule.loader.batch_size=2", "datamodule.loader.num_workers=0", "trainer.accelerator=cpu",
    "trainer.max_epochs=1", "trainer.progress=none", "bootstrap=10", "speed=off",
)  # fmt: skip
"""What keeps a run small."""
DRAWN = (
    "datamodule=synthetic", "datamodule.size=32", "datamodule.train_images=4", "datamodule.val_images=3",
    "datamodule.test_images=3", "datamodule.crop_size=null", "datamodule.crops_per_image=1",
)  # fmt: skip
NARROW = {
    "cunet": {"base": 2, "depth": 2}, "cunet_separable": {"base": 2, "depth": 2}, "unet": {"base": 2},
    "unet_small": {"base": 2}, "unet_little": {"base": 2}, "wnet": {"base": 2}, "cfcn": {}, "cae_fcn": {},
    "segnet_shallow": {"base": 2}, "segnet": {"base": 2}, "fcn32s": {"base": 2}, "fcn16s": {"base": 2},
    "fcn8s": {"base": 2},
}  # fmt: skip
"""Models that learn on a processor in moments, with the keys that make them so."""
ANY = ("boundary", "dice", "focal", "focal_tversky", "generalised_dice", "jaccard", "lovasz", "soft_cldice", "tversky")
TWO = ("bce", "bce_boundary", "bce_dice", "bce_dice_cldice", "bce_jaccard")
MORE = ("ce", "ce_dice", "ce_lovasz", "ohem")
"""Losses for any number of classes, for two, and for three or more."""
LISTS = ("callbacks", "metric", "logger")
NEVER = {
    "logger": ("wandb", "mlflow", "comet"), "trainer": ("ddp", "ddp_sim", "fsdp", "gpu", "mps"),
    "callbacks": ("rich_progress_bar", "device_stats"),
}  # fmt: skip
"""Options that write elsewhere, need a GPU or start processes: other tests are for them."""
OUT = re.compile(
    r"(name|output_dir|resume|init_from|trust|debug|seed|monitor_mode|references.*|sweep\..*|datamodule\.root"
    r"|trainer\.(devices|num_nodes|strategy|plugins|profiler|accelerator|progress|max_time|val_check_interval|precision)"
    r"|model\.pretrained|.*\.(dirpath|filename|cache|memory_limit|image_limit|save_dir|split_file)|datamodule\.loader\.on_device)"
)
"""Keys that name places, processes and devices, or only tell something."""
CHOICES: dict[str, tuple[Any, ...]] = {
    "trainer.max_epochs": (1, 2), "trainer.max_steps": (-1, 1, 3), "bootstrap": (0, 10, 50),
    "datamodule.size": (32, 33, 48), "datamodule.train_images": (1, 2, 5), "datamodule.val_images": (1, 3),
    "datamodule.test_images": (1, 3), "datamodule.loader.num_workers": (0, 1),
    "datamodule.crop_size": (None, 16, 24, 32),
    "datamodule.crops_per_image": (1, 2), "datamodule.crops_total": (None, 1, 5), "panels": (0, 1, 6),
    "model.base": (1, 2, 4),
    "datamodule.loader.batch_size": (1, 2, 3, 8), "monitor": ("val/miou", "val/loss", "val/accuracy", "val/dice"),
    "speed.compile": (False,), "model.depth": (1, 2, 3),
    "trainer.fast_dev_run": (False, True, 2), "trainer.min_epochs": (None, 1, 2),
    "trainer.min_steps": (None, 1, 2),
}  # fmt: skip
"""Keys whose values are kept small, since each start costs its time."""


@functools.cache
def options(group: str) -> tuple[str, ...]:
    """Options of a group that can be started anywhere."""
    from segexp.config.overrides.groups import groups

    return tuple(option.name for option in groups()[group] if option.name not in NEVER.get(group, ()))


@functools.cache
def composed(*words: str) -> dict[str, Any]:
    """The config of some words, plain, references as they are written."""
    return _compose(words, resolve=False)


def resolved(*words: str) -> dict[str, Any]:
    """The config of some words, plain."""
    return _compose(words, resolve=True)


def _compose(words: Sequence[str], *, resolve: bool) -> dict[str, Any]:
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    from segexp.config.paths import conf_dir

    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose("train", list(words))
    found: dict[str, Any] = OmegaConf.to_container(config, resolve=resolve)  # type: ignore[assignment] # a mapping
    return found


@functools.cache
def keys_of(group: str, option: str) -> tuple[tuple[str, Any, Any], ...]:
    """Keys, annotations and values of an option, or of the plain keys (``group`` empty)."""
    found = list(leaves(composed(*([f"{group}={option}"] if group else []))))
    own = [each for each in found if (each[0].split(".")[0] == group if group else "." not in each[0])]
    return tuple(each for each in own if not OUT.fullmatch(each[0]) and "${" not in str(each[2]))


def draw_words(draw: random.Random) -> list[str]:
    """A command line of a training."""
    chosen: dict[str, Any] = {"model": draw.choice(list(NARROW)), "datamodule": "synthetic"}
    scene = draw.choice(("vessels", "buildings", "cells"))
    fitting = MORE if scene == "cells" else TWO
    chosen["loss"] = draw.choice((*ANY, *fitting) if draw.random() < 0.9 else (*TWO, *MORE))
    for group in ("optimizer", "scheduler", "augment", "speed", "trainer"):
        if draw.random() < (0.3 if group in ("speed", "trainer") else 0.7):
            chosen[group] = draw.choice(options(group))
    for group in LISTS:
        if draw.random() < 0.4:
            some = draw.sample(options(group), min(len(options(group)), draw.choice((0, 1, 1, 2))))
            chosen[group] = [] if "none" in some else some
    words = [
        *DRAWN,
        *BASE,
        f"datamodule.scene={scene}",
        *(f"model.{k}={v}" for k, v in NARROW[chosen["model"]].items()),
    ]
    words += [f"{group}={written(option)}" for group, option in chosen.items() if group != "datamodule"]
    if "speed" in chosen:
        words.remove("speed=off")
    some = {group: found if isinstance(found, list) else [found] for group, found in chosen.items()}
    keys = [(group, option) for group, found in some.items() for option in found]
    keys += [("", ""), ("trainer", "default"), ("inference", ""), ("task", "segmentation"), ("param_groups", "")]
    return without_twins([*words, *_draw_keys(keys, draw)])


def _draw_keys(chosen: list[tuple[str, str]], draw: random.Random) -> Iterator[str]:
    for _ in range(draw.choice((0, 1, 1, 2, 2, 3, 5))):
        group, option = draw.choice(chosen)
        known = keys_of(group, option) if option or not group else _section_keys(group)
        if not known:
            continue
        key, annotation, now = draw.choice(known)
        if key in CHOICES:
            value = draw.choice(CHOICES[key])
        else:
            value = draw.choice(ODD) if draw.random() < 0.08 else draw_value(annotation, now, draw)
        yield f"{key}={written(value)}"


@functools.cache
def _section_keys(section: str) -> tuple[tuple[str, Any, Any], ...]:
    return tuple(each for each in leaves(composed()) if each[0].startswith(f"{section}."))


def without_twins(words: Sequence[str]) -> list[str]:
    """Of several words for a key the last one."""
    return list({word.partition("=")[0]: word for word in words}.values())


class EnoughError(BaseException):
    """A step has been taken."""


class Configs:
    """The command lines of a seed: number ``n`` is the same at every time."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed = seed
        self.folder = folder

    def words(self, number: int) -> list[str]:
        """The words of a case."""
        return draw_words(random.Random(f"{self.seed}/{number}"))

    def check(self, number: int) -> str:
        """Checks a case: ``accepted`` or ``refused``; what it is refused for has to be known."""
        code, said, answer = self._run("check", *self.words(number), "format=json")
        texts = [line for line in said.splitlines() if not line.startswith("segexp: note:")]
        if code == 0:
            return "accepted"
        if answer.startswith("{"):
            texts = [problem["text"] for problem in json.loads(answer)["problems"] if problem["fatal"]]
        if code != 2 or not texts:
            raise WrongError(f"exit code {code}: {said[-500:]}")
        raise RefusedError(", ".join(sorted({reason for text in texts for reason in self._reasons(text, number)})))

    def _reasons(self, text: str, number: int) -> list[str]:
        """Why a case was refused; a library that is quoted is asked itself.

        Raises:
            WrongError: For no known reason, or the library takes it.
        """
        if known := reasons_of(text):
            return known
        section = quoted(text)
        if section is None:
            raise WrongError(f"of no known reason: {text}")
        if not confirmed(section, resolved(*self.words(number))):
            raise WrongError(f"{section} is taken by its library: {text}")
        return [f"refused by the library of {section.partition('.')[0]}"]

    def start(self, number: int) -> str:
        """Trains: even numbers one step, odd ones to the end."""
        out = self.folder / str(number)
        with one_step() if number % 2 == 0 else contextlib.nullcontext() as taken:
            code, said, _ = self._run(*self.words(number), f"output_dir={out}")
        if taken or code == 0:
            return "started"
        if code == 1 and "Traceback" not in said and re.search(r"nan|diverge", said):
            return "diverged"
        raise WrongError(f"exit code {code}: {said.strip()[-700:]}")

    def _run(self, *words: str) -> tuple[int, str, str]:
        from segexp.cli.app import run

        said, answer = io.StringIO(), io.StringIO()
        os.chdir(self.folder)
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(answer):
            try:
                code = run(words)
            except EnoughError:
                code = 0
        if "Traceback" in said.getvalue():
            raise WrongError(said.getvalue().strip()[-900:])
        return code, said.getvalue(), answer.getvalue()


class RefusedError(Exception):
    """A case was refused for known reasons."""


@contextlib.contextmanager
def one_step() -> Iterator[list[int]]:
    """Ends a training after its first step; the list that it gives has the step then."""
    from lightning.pytorch import Trainer
    from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop

    taken: list[int] = []
    advance = _TrainingEpochLoop.advance

    def once(self: Any, *arguments: Any, **more: Any) -> None:
        advance(self, *arguments, **more)
        taken.append(1)
        raise EnoughError

    _TrainingEpochLoop.advance = once  # type: ignore[method-assign]
    try:
        yield taken
    finally:
        _TrainingEpochLoop.advance = advance  # type: ignore[method-assign]
    _ = Trainer


def judged(do: Callable[[int], str]) -> Callable[[int], str]:
    """A refusal for known reasons is an outcome, with its reasons."""

    def work(number: int) -> str:
        try:
            return do(number)
        except RefusedError as error:
            return f"refused: {error}"

    return work


def warm() -> None:
    """Imports all that is run with, once, so that no case pays for it."""
    import cv2
    import torch

    import segexp.training.checks.check
    import segexp.training.train

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    composed()
    _ = segexp


CHECK = Limits(memory=2 * 10**9, cpu=60, wall=600, cases=25)
START = Limits(memory=3 * 10**9, cpu=120, wall=900, cases=1)


@dataclass
class Result:
    """What came of the cases so far.

    Attributes:
        checks: One for each case that was checked.
        starts: One for each that was started.
    """

    checks: list[Outcome] = field(default_factory=list)
    starts: list[Outcome] = field(default_factory=list)

    @property
    def accepted(self) -> list[int]:
        """Numbers of the cases that the check accepts."""
        return [outcome.number for outcome in self.checks if outcome.kind.startswith("accepted")]

    @property
    def bad(self) -> list[Outcome]:
        """Outcomes that must not be."""
        return [outcome for outcome in [*self.checks, *self.starts] if outcome.kind in BAD]

    def tell(self, seed: int) -> None:
        """Prints the counts."""
        for reason, times in sorted(Counter(outcome.kind for outcome in self.checks).items()):
            print(f"{times:6} {reason}")
        short = [replace(outcome, kind=outcome.kind.partition(":")[0]) for outcome in self.checks]
        print(f"configs: {len(short)} checked with seed {seed}: {json.dumps(count(short))}")
        print(
            f"starts: {len(self.starts)} of {len(self.accepted)} accepted: {json.dumps(count(self.starts))}", flush=True
        )


PART = 20
"""Accepted cases after which some of them are started, so that a run of any length has seen both."""


def run(seed: int, *, accepted: int, started: int, seconds: float = math.inf, jobs: int = 1, first: int = 0) -> Result:
    """Checks until enough are accepted or the time is up, and starts some of these."""
    end, found = time.monotonic() + seconds, Result()
    with tempfile.TemporaryDirectory() as folder:
        cases = Configs(seed, Path(folder))
        while len(found.accepted) < accepted and time.monotonic() < end:
            begin, before = first + len(found.checks), set(found.accepted)
            wanted = min(PART, accepted - len(before))
            for outcome in run_cases(range(begin, begin + wanted), judged(cases.check), CHECK, jobs):
                found.checks.append(outcome)
                _tell(outcome, cases)
            new = sorted(set(found.accepted) - before)
            share = min(len(new), round(started * len(found.accepted) / accepted) - len(found.starts))
            for outcome in run_cases(random.Random(f"{seed}/{begin}").sample(new, share), cases.start, START, jobs):
                found.starts.append(outcome)
                _tell(outcome, cases)
    return found


def _tell(outcome: Outcome, cases: Configs) -> None:
    if outcome.kind in BAD:
        words = " ".join(cases.words(outcome.number)[14:])
        print(f"{outcome.kind} {outcome.number} {words}\n    {outcome.words[:900]}", flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accepted", type=int, default=2000)
    parser.add_argument("--start", type=int, help="how many of these are started; if not given a tenth")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args(argv)
    warm()
    started = asked.accepted // 10 if asked.start is None else asked.start
    found = run(
        asked.seed,
        accepted=asked.accepted,
        started=started,
        seconds=asked.seconds,
        jobs=asked.jobs,
        first=asked.first,
    )
    found.tell(asked.seed)
    return int(bool(found.bad))


if __name__ == "__main__":
    sys.exit(main())
