"""The check command: what a training would find, and more, all at once; nothing is written."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from segexp.config.batch_size import KEY, batch_size_is_auto
from segexp.config.experiment import Experiment
from segexp.config.signatures.plain_lightning import has_own_data
from segexp.data.base import ImageDataModule
from segexp.data.checks.problems import Problem, problem_of, propose_line_for_all
from segexp.data.checks.review import Review, review_data
from segexp.data.checks.review_facts import collect_facts, collect_problem_facts
from segexp.data.checks.sizes import find_most_common
from segexp.data.sampling.epoch_size import epoch_size
from segexp.data.splits.rules import PHASES
from segexp.errors import UserError
from segexp.report.data_check import format_data_check, format_problems
from segexp.runs.console import progress, silence_libraries
from segexp.spec import DataSpec
from segexp.training.building.datamodule import build_datamodule
from segexp.training.checks.compatibility import CompatibilityCheck
from segexp.training.plain.check import find_problems
from segexp.training.resuming.run_split import taken_up


class CheckError(UserError):
    """The check found what training would refuse."""


def check(
    experiment: Experiment, *, full: bool, scope: Literal["data", "all"], probe: float = 0.0
) -> tuple[dict[str, Any], str]:
    """Looks at data, model, loss and settings.

    Args:
        experiment: Of which a training is asked.
        full: Whether all pixels are looked at.
        scope: ``data``: files alone; ``all``: model, loss and measures too, and what a run will take.
        probe: Seconds in which steps are measured, with ``all``; 0: none are.

    Returns:
        What was found in plain values, with ``problems`` and ``ok``, and the same as text.
    """
    silence_libraries()
    problems: list[Problem] = []
    found = Review()
    takes: dict[str, Any] = {}
    lines: list[str] = []
    plain = scope == "all" and experiment.plain_lightning
    try:
        experiment = experiment if experiment.plain_lightning else taken_up(experiment)
        if has_own_data(experiment.datamodule):
            return _answer(found, find_problems(experiment) if plain else [])
        datamodule = build_datamodule(experiment.datamodule, experiment.augment, experiment.resume)
    except UserError as error:
        problems.append(problem_of(error))
    else:
        found = review_data(datamodule, full=full, progress=_progress)
        problems += found.problems
        if plain:
            problems += find_problems(experiment)
        elif scope == "all" and (compatibility := _compatibility(experiment, datamodule, found)) is not None:
            fits = not any(problem.fatal for problem in (*problems, *compatibility.problems))
            takes, lines = _what_it_takes(compatibility, datamodule, found, probe if fits else 0.0)
            problems += compatibility.problems
    return _answer(found, problems, takes, lines)


def _what_it_takes(
    compatibility: CompatibilityCheck, datamodule: ImageDataModule, found: Review, probe: float
) -> tuple[dict[str, Any], list[str]]:
    """Memory, disk and time of a run, in plain values and in lines; empty where parts of it are missing."""
    if batch_size_is_auto(compatibility.experiment.datamodule):
        return {}, [f"{KEY}=auto: the size is found when training starts, and memory and time follow from it"]
    takes = compatibility.try_size(datamodule, found.parts)
    if takes is None:
        return {}, []
    fits = takes.room.free is None or takes.memory.total * takes.processes <= takes.room.free
    measured = compatibility.measure_time(datamodule, found.parts, probe) if probe and fits else None
    if measured is None:
        return takes.to_dict(), list(takes.lines())
    return {**takes.to_dict(), "time": measured.to_dict()}, [*takes.lines(), f"time        {measured.described()}"]


def _answer(
    found: Review, problems: Sequence[Problem], takes: Mapping[str, Any] | None = None, lines: Sequence[str] = ()
) -> tuple[dict[str, Any], str]:
    """What was found in plain values, and as text; ``takes`` and ``lines`` say what a run takes."""
    content = {"ok": not any(problem.fatal for problem in problems), **collect_facts(found)}
    content["problems"] = collect_problem_facts(problems, found.files)
    content["mask_values_line"] = propose_line_for_all(problems)
    content |= {"estimate": takes} if takes else {}
    blocks = (format_data_check(content), format_problems(content), "\n".join(lines))
    return content, "\n\n".join(block for block in blocks if block)


def _compatibility(experiment: Experiment, datamodule: ImageDataModule, found: Review) -> CompatibilityCheck | None:
    """What does not fit the data; without classes and images nothing can be said."""
    every = [item for phase in PHASES for item in found.parts[phase]]
    if not every or not found.classes:
        return None
    (channels, _), _ = find_most_common(every)
    zeros, ones = (0.0,) * channels, (1.0,) * channels
    spec = DataSpec(datamodule.target(), channels, zeros, ones, pixel_size=datamodule.pixel_size())
    train = found.parts["train"]
    side = datamodule.crop_size
    sample = (side, side) if side is not None else train[0].shape if train else None
    whole = datamodule.eval_size
    others = [item.shape if whole is None else (whole, whole) for p in ("val", "test") for item in found.parts[p]]
    compatibility = CompatibilityCheck(experiment, spec)
    known = {seen.item.name: seen.survey for seen in found.seen if seen.phase == "train"}
    samples = epoch_size(datamodule, train, known) if train else None
    # Of an unknown number there may be full batches alone.
    images = len(found.parts["val"]), len(found.parts["test"])
    compatibility.try_batches(samples or datamodule.loader.batch_size, datamodule.loader, images)
    if datamodule.loader.on_device:
        compatibility.try_device(train)
    compatibility.try_all(sample, others)
    return compatibility


def _progress(results: Iterable[Any], total: int, what: str) -> Iterable[Any]:
    """A bar on a terminal; nothing elsewhere."""
    return progress(results, total, what, delay=0.0)


def refused(content: dict[str, Any]) -> None:
    """Ends the command with what is to be done.

    Raises:
        CheckError: There is a problem that training would refuse.
    """
    count = sum(problem["fatal"] for problem in content["problems"])
    if count:
        raise CheckError(f"training would be refused: {count} problem{'s' * (count > 1)}, see above")
