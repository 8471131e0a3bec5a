"""Configurations that were tested on the same images, compared by one measure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from segexp.config.checks.suggest import nearest
from segexp.errors import ConfigError
from segexp.report.comparison_page.configurations.configuration import Configuration
from segexp.report.comparison_page.configurations.figures import Figure
from segexp.report.comparison_page.configurations.image_set import tell_apart
from segexp.report.comparison_page.configurations.spread import Spread
from segexp.report.comparison_page.measure import Measure, choose_measure
from segexp.report.comparison_page.paired import Difference, differences
from segexp.report.comparison_page.significance import holm, sign_flip_p_values
from segexp.report.data_set import LONGEST_NAME
from segexp.report.labels import lower_is_better
from segexp.runs.text import printable, shortened


@dataclass(frozen=True)
class ComparisonGroup:
    """Comparable rows.

    Attributes:
        letter: A, B, ... where there are several test sets, else empty.
        rows: Configurations, the best first by the mean over images; of a search, by validation.
        measure: By what.
        base: What the others are compared with.
        differences: Of each row but the base, by name.
        searched: Whether the rows are trials of a search, whose test figures choose nothing.
        p_values: Of the differences by name, corrected for their number (Holm).
        apart: What sets the test set apart from others that are described alike; mostly empty.
    """

    letter: str
    rows: tuple[Configuration, ...]
    measure: Measure
    base: Configuration
    differences: dict[str, Difference]
    searched: bool = False
    p_values: Mapping[str, float | None] = field(default_factory=dict)
    apart: str = ""

    @property
    def best_row(self) -> Configuration | None:
        """The first that no trivial predictor beats; None: there is none, or test figures choose nothing."""
        return None if self.searched else next((row for row in self.rows if not row.beaten), None)

    def reached(self, row: Configuration) -> Spread | None:
        """The mean over images, whose differences are the differences."""
        return row.by_image(self.measure.column)

    @property
    def data_set(self) -> str:
        """Name of the data set; empty where nothing tells."""
        return printable(shortened(self.rows[0].runs[0].data_set, LONGEST_NAME)).strip()

    @property
    def title(self) -> str:
        """Data set and test images, and in what they differ from others that are called so."""
        parts = (self.data_set, self.rows[0].tested.describe(), self.apart)
        return ", ".join(part for part in parts if part)

    @cached_property
    def figures(self) -> list[Figure]:
        """All figures that any of the rows has, in the order of the tables."""
        return list(dict.fromkeys(figure for row in self.rows for figure in row.figures))

    def lower(self, figure: Figure) -> bool:
        """Returns whether less is better."""
        return lower_is_better(figure.measure, self.rows[0].runs[0].results)

    def best(self, figure: Figure) -> frozenset[str]:
        """Names of the rows with the best mean; none where there is nothing to choose from.

        A row that a trivial predictor beats is the best of nothing, whatever figure it leads in.
        """
        return self._best.get(figure, frozenset())

    @cached_property
    def _best(self) -> dict[Figure, frozenset[str]]:
        figures = {*self.figures, self.measure.by_image}
        return {figure: frozenset(self._winners(figure)) for figure in figures}

    def _winners(self, figure: Figure) -> set[str]:
        own = figure == self.measure.by_image
        spreads = {row.name: self.reached(row) if own else row.figures.get(figure) for row in self.rows}
        found = {name: each.mean for name, each in spreads.items() if each is not None}
        if len(found) < 2 or self.searched:
            return set()
        top = min(found.values()) if self.lower(figure) else max(found.values())
        winners = {name for name, value in found.items() if value == top}
        beaten = {row.name for row in self.rows if row.beaten}
        return winners - beaten if len(winners) < len(found) else set()

    @cached_property
    def spread_of_images(self) -> list[tuple[str, float]]:
        """Test images with the range of the rows' values, the widest first."""
        values_by_row = [row.of_images(self.measure.column) for row in self.rows]
        found = []
        for image in self.rows[0].tested.images:
            there = [each[image] for each in values_by_row if image in each]
            if len(there) > 1:
                found.append((image, max(there) - min(there)))
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def comparison_groups(
    rows: Sequence[Configuration],
    measure: str | None,
    base: str | None,
    resamples: int,
    seed: int,
    places: Mapping[Path, int] | None = None,
) -> list[ComparisonGroup]:
    """One group per test set, in order of appearance.

    Args:
        rows: All configurations.
        measure: By what they are compared, see :func:`choose_measure`.
        base: Name, option or run folder of the one that the others are compared with; None: the best of each group.
        resamples: Bootstrap samples.
        seed: Of the bootstrap.
        places: Of the run folders that are trials of a search, their place by validation.

    Raises:
        ConfigError: No configuration is called so; no run has the measure.
    """
    if measure is not None:
        # Refused only if no test set has it: classes differ between data sets.
        choose_measure(measure, [run for row in rows for run in row.runs])
    named = _named(base, rows) if base is not None else []
    by_set: dict[object, list[Configuration]] = {}
    for row in rows:
        by_set.setdefault(row.tested, []).append(row)
    letters = [chr(ord("A") + number % 26) * (1 + number // 26) for number in range(len(by_set))]
    letters = letters if len(by_set) > 1 else [""]
    return _told_apart(
        [
            _group(letter, tested, _measure(measure, tested), named, (resamples, seed), places or {})
            for letter, tested in zip(letters, by_set.values(), strict=True)
        ]
    )


def _told_apart(groups: Sequence[ComparisonGroup]) -> list[ComparisonGroup]:
    """The groups; those of one title say in what their test sets differ."""
    alike: dict[str, list[ComparisonGroup]] = {}
    for group in groups:
        alike.setdefault(group.title, []).append(group)
    apart = {
        group.letter: text
        for same in alike.values()
        if len(same) > 1
        for group, text in zip(same, tell_apart([group.rows[0].tested for group in same]), strict=True)
    }
    return [replace(group, apart=apart.get(group.letter, "")) for group in groups]


def _measure(wanted: str | None, rows: Sequence[Configuration]) -> Measure:
    runs = [run for row in rows for run in row.runs]
    try:
        return choose_measure(wanted, runs)
    except ConfigError:
        return choose_measure(None, runs)


def _group(
    letter: str,
    rows: Sequence[Configuration],
    measure: Measure,
    named: Sequence[Configuration],
    bootstrap: tuple[int, int],
    places: Mapping[Path, int],
) -> ComparisonGroup:
    ranks = [_place(row, places) for row in rows]
    searched = all(place is not None for place in ranks)
    by_place = sorted(zip(ranks, rows, strict=True), key=lambda pair: pair[0] or 0)
    ordered = [row for _, row in by_place] if searched else sorted(rows, key=lambda row: _rank(row, measure))
    usual = [row for row in ordered if not row.beaten and not searched] or ordered
    base = next((row for row in ordered if any(row is other for other in named)), usual[0])
    others = [row for row in ordered if row is not base]
    found = differences(
        base.of_images(measure.column),
        [row.of_images(measure.column) for row in others],
        lower=measure.lower,
        resamples=bootstrap[0],
        seed=bootstrap[1],
    )
    by_name = {row.name: difference for row, difference in zip(others, found, strict=True)}
    corrected = holm(sign_flip_p_values([difference.images for difference in found], bootstrap[1]))
    p_values = dict(zip(by_name, corrected, strict=True))
    return ComparisonGroup(letter, tuple(ordered), measure, base, by_name, searched, p_values)


def _place(row: Configuration, places: Mapping[Path, int]) -> int | None:
    """Its place in its search; None: it is in none."""
    found = [places[place] for run in row.runs if (place := run.path.resolve()) in places]
    return min(found, default=None)


def _rank(row: Configuration, measure: Measure) -> tuple[bool, float]:
    """By the mean over images, of which the differences are differences; rows without a value come last."""
    found = row.of_images(measure.column).values()
    mean = sum(found) / len(found) if found else 0.0
    return not found, mean if measure.lower else -mean


def _named(base: str, rows: Sequence[Configuration]) -> list[Configuration]:
    """The row of a run folder, or the rows of a name, which every test set may have."""
    of_run = [row for row in rows if any(Path(base).resolve() == run.path.resolve() for run in row.runs)]
    if found := of_run or [row for row in rows if base == row.name]:
        return found
    names = list(dict.fromkeys(row.name for row in rows))
    best = nearest(base, names)
    hint = f" Did you mean '{best}'?" if best else ""
    raise ConfigError(
        f"base={base}: no configuration is called so and no such run is compared.{hint} There are: {'; '.join(names)}"
    )
