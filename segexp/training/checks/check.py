"""The check command: what a training would find, and more, all at once; nothing is written."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

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
from segexp.training import build
from segexp.training.checks.compatibility import CompatibilityCheck
from segexp.training.plain.check import find_problems
from segexp.training.run_split import taken_up


class CheckError(UserError):
    """The check found what training would refuse."""


def check(experiment: Experiment, *, full: bool, scope: Literal["data", "all"]) -> tuple[dict[str, Any], str]:
    """Looks at data, model, loss and settings.

    Args:
        experiment: Of which a training is asked.
        full: Whether all pixels are looked at.
        scope: ``data``: files alone; ``all``: model, loss and measures too.

    Returns:
        What was found in plain values, with ``problems`` and ``ok``, and the same as text.
    """
    silence_libraries()
    problems: list[Problem] = []
    found = Review()
    plain = scope == "all" and experiment.plain_lightning
    try:
        experiment = experiment if experiment.plain_lightning else taken_up(experiment)
        if has_own_data(experiment.datamodule):
            return _answer(found, find_problems(experiment) if plain else [])
        datamodule = build.build_datamodule(experiment.datamodule, experiment.augment, experiment.resume)
    except UserError as error:
        problems.append(problem_of(error))
    else:
        found = review_data(datamodule, full=full, progress=_progress)
        problems += found.problems
        if plain:
            problems += find_problems(experiment)
        elif scope == "all":
            problems += _incompatibilities(experiment, datamodule, found)
    return _answer(found, problems)


def _answer(found: Review, problems: Sequence[Problem]) -> tuple[dict[str, Any], str]:
    """What was found in plain values, and as text."""
    content = {"ok": not any(problem.fatal for problem in problems), **collect_facts(found)}
    content["problems"] = collect_problem_facts(problems, found.files)
    content["mask_values_line"] = propose_line_for_all(problems)
    return content, "\n\n".join(block for block in (format_data_check(content), format_problems(content)) if block)


def _incompatibilities(experiment: Experiment, datamodule: ImageDataModule, found: Review) -> list[Problem]:
    """What does not fit the data; without classes and images nothing can be said."""
    every = [item for phase in PHASES for item in found.parts[phase]]
    if not every or not found.classes:
        return []
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
    return compatibility.try_all(sample, others)


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
