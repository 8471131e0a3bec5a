"""Two varied keys against each other: what each pair reaches, and what a value adds on the average."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from segexp.config.checks.suggest import nearest
from segexp.errors import ConfigError
from segexp.report.comparison_page.comparison_group import ComparisonGroup
from segexp.report.comparison_page.configurations.configuration import Configuration
from segexp.report.comparison_page.configurations.naming import short_names
from segexp.report.comparison_page.configurations.settings import FOLD, SEEDS, text_of
from segexp.report.comparison_page.configurations.spread import Spread, mean_and_deviation

FEW_SEEDS = 6
"""Below so many seeds a standard deviation is itself uncertain by a third or more, and no rank test can reach .05."""


@dataclass(frozen=True)
class Effect:
    """Main effect of one value of a varied key.

    Attributes:
        key: The varied key.
        value: Its value.
        mean: Mean of the cells with this value.
        effect: That less the mean of all cells: the main effect.
    """

    key: str
    value: str
    mean: float
    effect: float


@dataclass(frozen=True)
class FactorTable:
    """Two varied keys against each other.

    Attributes:
        keys: Of the rows, of the columns.
        rows: Values of the first, in order of appearance.
        columns: Values of the second.
        cells: What is reached by values of both, over seeds and whatever else varies; without an entry: nothing ran.
        others: Keys that vary within a cell.
        beaten: Cells with a configuration that a trivial predictor beats: they are the best of nothing.
    """

    keys: tuple[str, str]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: dict[tuple[str, str], Spread]
    others: tuple[str, ...]
    beaten: frozenset[tuple[str, str]] = frozenset()

    @property
    def is_complete(self) -> bool:
        """True if each pair of values was run, so that means of rows and columns compare like with like."""
        return len(self.cells) == len(self.rows) * len(self.columns)

    @property
    def effects(self) -> list[Effect]:
        """Main effects of the values of both keys, where all pairs were run; else none."""
        if not self.is_complete:
            return []
        every = fmean(cell.mean for cell in self.cells.values())
        levels = [(side, value) for side, values in enumerate((self.rows, self.columns)) for value in values]
        means = [fmean(cell.mean for pair, cell in self.cells.items() if pair[side] == value) for side, value in levels]
        return [
            # A difference that is rounding alone is none, and has no sign.
            Effect(self.keys[side], value, mean, round(mean - every, 12) + 0.0)
            for (side, value), mean in zip(levels, means, strict=True)
        ]


def factor_table(group: ComparisonGroup, rows: str, columns: str) -> FactorTable | None:
    """The measure of a group, mean over its test images, by two keys; None where the group does not vary both.

    Args:
        group: Configurations.
        rows: A varied key or group, also by its short name: ``model``, ``optimizer.lr`` or ``lr``.
        columns: Another one.
    """
    varied = varied_of([group])
    named = {short: key for key, short in short_names(varied).items()} | {key: key for key in varied}
    if rows not in named or columns not in named:
        return None
    keys = named[rows], named[columns]
    found: dict[tuple[str, str], list[float | None]] = {}
    beaten = set()
    for row in group.rows:
        pair = text_of(row.varied[keys[0]]), text_of(row.varied[keys[1]])
        found.setdefault(pair, []).extend(row.seed_means(group.measure.column))
        beaten |= {pair} if row.beaten else set()
    cells = {pair: spread for pair, values in found.items() if (spread := mean_and_deviation(values)) is not None}
    first, second = (tuple(dict.fromkeys(_values(group.rows, key))) for key in keys)
    others = tuple(key for key in varied if key not in keys)
    return FactorTable(keys, first, second, cells, others, frozenset(beaten))


def _values(rows: Sequence[Configuration], key: str) -> list[str]:
    """Numbers by size, words as they come."""
    found = list(dict.fromkeys((text_of(row.varied[key]), row.varied[key]) for row in rows))
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for _, value in found)
    return [text for text, _ in (sorted(found, key=lambda pair: pair[1]) if numbers else sorted(found))]


def varied_of(groups: Sequence[ComparisonGroup]) -> list[str]:
    """Keys and groups that any configuration varies."""
    return list(dict.fromkeys(key for group in groups for row in group.rows for key in row.varied))


def factor_tables(groups: Sequence[ComparisonGroup], rows: str | None, columns: str | None) -> list[FactorTable | None]:
    """A table for each group that varies both keys; none at all where neither key is given.

    Raises:
        ConfigError: One of the keys is missing, both are the same, or no group varies them.
    """
    if rows is None and columns is None:
        return [None] * len(groups)
    if rows is None or columns is None or rows == columns:
        raise ConfigError(
            f"rows={rows} columns={columns}: expected two different varied keys, such as rows=model columns=loss"
        )
    tables = [factor_table(group, rows, columns) for group in groups]
    if not any(tables):
        raise _unknown(groups, rows, columns)
    return tables


def _unknown(groups: Sequence[ComparisonGroup], rows: str, columns: str) -> ConfigError:
    varied = varied_of(groups)
    if repeated := [(name, key) for name, key in (("rows", rows), ("columns", columns)) if key in (*SEEDS, FOLD)]:
        return _averaged_over(*repeated[0], varied)
    known = list(dict.fromkeys([*varied, *short_names(varied).values()]))
    name, value = ("rows", rows) if rows not in known else ("columns", columns)
    best = nearest(value, known)
    hint = f" Did you mean '{best}'?" if best else ""
    there = ", ".join(varied) or "nothing: there is one configuration"
    return ConfigError(f"{name}={value}: no test set has runs that differ in it.{hint} What varies: {there}")


def _averaged_over(name: str, key: str, varied: Sequence[str]) -> ConfigError:
    """Of seeds and folds: they vary, and yet are no rows or columns."""
    what = "folds" if key == FOLD else "seeds"
    can = f"{name}= takes another key that varies, two different ones in all: {', '.join(varied)}"
    if len(varied) < 2:
        only = f"only {varied[0]} varies" if varied else "nothing else varies"
        can = f"a table of two keys needs two that vary, and here {only}: leave rows= and columns= away"
    return ConfigError(
        f"{name}={key}: measures are averaged over the {what} of a configuration (mean ± deviation, n of them), so "
        f"that {key} is neither rows nor columns; {can}"
    )


def few_seeds(groups: Sequence[ComparisonGroup]) -> str | None:
    """A warning where configurations rest on fewer than six seeds; None: all have as many."""
    counts = sorted({len(row.repeats) for group in groups for row in group.rows})
    if not counts or counts[0] >= FEW_SEEDS:
        return None
    seeds = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    one = counts == [1]
    return (
        f"A configuration rests on {seeds} seed{'s' * (not one)}: with fewer than {FEW_SEEDS}, what another training "
        "would give is hardly known. Intervals and p-values speak of other images, not of other trainings."
    )
