"""A configuration: what runs have in common that differ in the seed, or in the fold, alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean
from typing import Any

from segexp.report.comparison_page.configurations import settings
from segexp.report.comparison_page.configurations.figures import Figure, Figures
from segexp.report.comparison_page.configurations.folds import pooled_figures, pooled_images
from segexp.report.comparison_page.configurations.image_set import ImageSet, pooled
from segexp.report.comparison_page.configurations.run import ComparedRun, ImageValues
from segexp.report.comparison_page.configurations.spread import Spread, mean_and_deviation
from segexp.report.run_page.trivial import Beaten, beaten_by


@dataclass(frozen=True)
class Repeat:
    """One seed of a configuration: one run, or one per fold."""

    seed: str
    runs: tuple[ComparedRun, ...]

    @cached_property
    def images(self) -> ImageValues:
        """Figures of each test image."""
        return self.runs[0].images if len(self.runs) == 1 else pooled_images(self.runs)

    @cached_property
    def figures(self) -> Figures:
        """Figures of all test images."""
        return self.runs[0].figures if len(self.runs) == 1 else pooled_figures(self.runs, self.images)

    @cached_property
    def tested(self) -> ImageSet:
        """The image set of the first seed; the notes of the page say where seeds differ."""
        return pooled([run.tested for run in self.runs])

    @property
    def seconds(self) -> float | None:
        """Training time, of all folds together."""
        times = [run.seconds for run in self.runs if run.seconds is not None]
        return sum(times) if len(times) == len(self.runs) else None

    @property
    def rate(self) -> float | None:
        """Training samples per second, mean over folds."""
        found = mean_and_deviation([run.rate for run in self.runs])
        return found.mean if found else None


@dataclass(frozen=True)
class Configuration:
    """Runs that repeat each other.

    Attributes:
        name: What sets it apart from the others.
        varied: Values of the keys that are varied, by key or group.
        repeats: One per seed.
    """

    name: str
    repeats: tuple[Repeat, ...]
    varied: Mapping[str, Any] = field(default_factory=dict)

    @property
    def runs(self) -> list[ComparedRun]:
        """All its runs."""
        return [run for repeat in self.repeats for run in repeat.runs]

    @cached_property
    def tested(self) -> ImageSet:
        """Images that the first seed was tested on; the notes of the page say where seeds differ."""
        return self.repeats[0].tested

    @cached_property
    def figures(self) -> dict[Figure, Spread]:
        """Each test figure over the seeds."""
        names = dict.fromkeys(figure for repeat in self.repeats for figure in repeat.figures)
        found = {
            figure: mean_and_deviation([repeat.figures.get(figure) for repeat in self.repeats]) for figure in names
        }
        return {figure: value for figure, value in found.items() if value is not None}

    def of_images(self, column: str) -> dict[str, float]:
        """A figure of each test image, mean over the seeds where it is defined."""
        found: dict[str, list[float]] = {}
        for repeat in self.repeats:
            for image, value in repeat.images.get(column, {}).items():
                found.setdefault(image, []).append(value)
        return {image: sum(each) / len(each) for image, each in found.items()}

    def by_image(self, column: str) -> Spread | None:
        """Mean over the test images of a figure of per_image.csv, over the seeds: differences are differences of these.

        results.json has the mean over classes of means over images, which is another number where a class is absent
        from some images.
        """
        return mean_and_deviation(self.seed_means(column))

    def seed_means(self, column: str) -> list[float | None]:
        """Mean over the test images of a figure of per_image.csv, by seed; None where it is undefined."""
        found = [repeat.images.get(column, {}).values() for repeat in self.repeats]
        return [fmean(each) if each else None for each in found]

    @cached_property
    def beaten(self) -> list[Beaten]:
        """Trivial predictors that are no worse, by the means over all runs."""
        return beaten_by([run.results for run in self.runs])

    @cached_property
    def parameters(self) -> int | None:
        """Number of weights of its model."""
        return self.runs[0].parameters

    @cached_property
    def seconds(self) -> Spread | None:
        """Training time of a seed."""
        return mean_and_deviation([repeat.seconds for repeat in self.repeats])

    @cached_property
    def rate(self) -> Spread | None:
        """Training samples per second."""
        return mean_and_deviation([repeat.rate for repeat in self.repeats])


def grouped(runs: Sequence[ComparedRun]) -> tuple[list[tuple[Repeat, ...]], list[ComparedRun]]:
    """Runs that repeat each other.

    Args:
        runs: Finished runs.

    Returns:
        The repeats of each configuration, in order of appearance; and runs that were made again later with the same
        configuration, seed and fold. They would count twice, so the newest alone counts.
    """
    found: dict[object, dict[str, dict[int | None, ComparedRun]]] = {}
    older: list[ComparedRun] = []
    for run in runs:
        # Folds have different images by design; other runs of one configuration must have the same.
        key = (settings.identity(run.config), None if run.fold is not None else run.tested)
        folds = found.setdefault(key, {}).setdefault(run.seed, {})
        earlier = folds.get(run.fold)
        if earlier is not None:
            older.append(min(earlier, run, key=_started))
        folds[run.fold] = run if earlier is None else max(earlier, run, key=_started)
    return [_repeats(seeds) for seeds in found.values()], older


def _started(run: ComparedRun) -> str:
    return str(run.contents.run.get("started") or "")


def _repeats(seeds: Mapping[str, Mapping[int | None, ComparedRun]]) -> tuple[Repeat, ...]:
    ordered = sorted(seeds.items(), key=lambda pair: (len(pair[0]), pair[0]))
    return tuple(
        Repeat(seed, tuple(run for _, run in sorted(folds.items(), key=lambda pair: pair[0] or 0)))
        for seed, folds in ordered
    )
