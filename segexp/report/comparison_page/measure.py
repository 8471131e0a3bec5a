"""The measure by which runs are compared image by image."""

from collections.abc import Sequence
from dataclasses import dataclass

from segexp.config.checks.suggest import nearest
from segexp.config.signatures.measure_names import IMAGE, MEAN, PHASES
from segexp.errors import ConfigError
from segexp.report.comparison_page.configurations.configuration import Configuration
from segexp.report.comparison_page.configurations.figures import Figure
from segexp.report.comparison_page.configurations.run import ComparedRun
from segexp.report.comparison_page.configurations.spread import Spread
from segexp.report.labels import described
from segexp.runs import entries

DEFAULT = "miou"


@dataclass(frozen=True)
class Measure:
    """The measure by which configurations are compared, over all pixels and per image.

    Attributes:
        column: Its column in per_image.csv.
        label: For heads and axes.
        lower: Whether less is more.
        unit: Such as ``px``; empty for shares.
        pooled: Whether there is a figure over all pixels.
        by_loader: Whether what stands for an image is all data of a loader, as a LightningModule logs it.
        averaged: How the headline is averaged, in two words; empty where nothing has to be told.
    """

    column: str
    label: str
    lower: bool
    unit: str
    pooled: bool
    by_loader: bool = False
    averaged: str = ""

    @property
    def label_by_image(self) -> str:
        """The label of :attr:`by_image` with what it is a mean of: ``mean IoU per image``."""
        return self.label if self.by_loader else f"{self.label} per image"

    @property
    def label_of_headline(self) -> str:
        """The label of :attr:`headline` with how it is averaged: ``mean IoU, all pixels``."""
        return ", ".join(part for part in (self.label, self.averaged) if part)

    @property
    def by_image(self) -> Figure:
        """The mean over images."""
        return self._figure("image")

    @property
    def headline(self) -> Figure:
        """The figure that stands in tables and plots: over all pixels where there is one."""
        return self._figure("dataset" if self.pooled else "image")

    @property
    def digits(self) -> int:
        """Decimals: shares get four, distances and numbers of things two."""
        return 2 if self.unit else 4

    def of(self, configuration: Configuration) -> Spread | None:
        """The headline of a configuration over its seeds."""
        return configuration.figures.get(self.headline) if self.pooled else configuration.by_image(self.column)

    def better(self, one: float, other: float) -> bool:
        """Returns whether the first value is the better one."""
        return one < other if self.lower else one > other

    def _figure(self, block: str) -> Figure:
        measure, _, part = self.column.partition("/")
        return Figure(block, measure, part)


def choose_measure(wanted: str | None, runs: Sequence[ComparedRun]) -> Measure:
    """The measure that was asked for; else the one by which all runs chose their checkpoints; else the mean IoU.

    Args:
        wanted: ``miou``, ``dice/vessel``, ``test/mean/hd95`` ...; of a measure per class without a class, its mean.
        runs: Runs with figures per image.

    Raises:
        ConfigError: No run has it, with the nearest name.
    """
    columns = list(dict.fromkeys(column for run in runs for column in run.images))
    column = _column(wanted, columns) if wanted is not None else _monitored(runs, columns)
    measure = column.partition("/")[0]
    results = next(run.results for run in runs if column in run.images)
    pooled = any(Figure("dataset", *_parts(column)) in run.figures for run in runs)
    spec = described(results, measure)
    label = Figure("image", *_parts(column)).label(results)
    by_loader = entries.task_kind(results) == entries.LOGGED
    averaged = Figure("dataset" if pooled else "image", *_parts(column)).averaged(results) if not by_loader else ""
    return Measure(column, label, spec.direction == "min", spec.unit, pooled, by_loader, averaged)


def _parts(column: str) -> tuple[str, str]:
    measure, _, part = column.partition("/")
    return measure, part


def _monitored(runs: Sequence[ComparedRun], columns: Sequence[str]) -> str:
    monitors = {entries.to_text(entries.get_in(run.results, "checkpoint", "monitor")) for run in runs}
    column = plain_name(monitors.pop(), columns) if len(monitors) == 1 else DEFAULT
    if column in columns:
        return column
    return DEFAULT if DEFAULT in columns else _first(columns)


def _first(columns: Sequence[str]) -> str:
    if not columns:
        raise ConfigError("per_image.csv of these runs holds no measures, so that images cannot be compared")
    return columns[0]


def _column(wanted: str, columns: Sequence[str]) -> str:
    column = plain_name(wanted, columns)
    if column in columns:
        return column
    best = nearest(column, columns)
    hint = f" Did you mean '{best}'?" if best else ""
    raise ConfigError(f"measure={wanted}: no run has it per image.{hint} There are {', '.join(columns)}")


def plain_name(name: str, columns: Sequence[str]) -> str:
    """A logged name as a column of per_image.csv: ``test/image_mean/iou`` is ``iou/mean``."""
    parts = name.split("/")
    parts = parts[1:] if parts[0] in PHASES else parts
    parts[:1] = [parts[0].removeprefix(IMAGE)] if parts else []
    if len(parts) == 2 and parts[0] == MEAN:
        parts.reverse()
    column = "/".join(parts)
    short = {f"iou/{MEAN}": "miou", f"dice/{MEAN}": "mdice", "iou": "miou", "dice": "mdice"}
    column = short.get(column, column)
    if column not in columns and "/" not in column:
        column = f"{column}/{MEAN}"
    measure, _, part = column.partition("/")
    classes = [other for other in columns if other.startswith(f"{measure}/") and other != f"{measure}/{MEAN}"]
    # The mean over one class is that class, under whose name it stands in the tables.
    return classes[0] if part == MEAN and len(classes) == 1 else column
