"""Ranges on the command line, read before Hydra sees the words: its grammar has no ``log(1e-4,1e-2)``."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException

from segexp.config.overrides.groups import groups
from segexp.errors import ConfigError
from segexp.sweeps.search.dimensions import Dimension, Numbers, Options, Value, steps

KINDS = "log(a,b), interval(a,b), int(a,b), int_log(a,b), range(a,b,step) or a,b,c"
EXAMPLE = "'optimizer.lr=log(1e-4,1e-2)' model=cunet,unet"
OWN_FORM = re.compile(r"([^-=][^=]*)=(log|int_log|int(?=\([^()]*,))\(([^()]*)\)")
"""What Hydra's grammar lacks; ``int(3.5)`` it has."""

REFUSED = (
    (
        r"(.*[._])?seed",
        "it would pick the lucky one; search with one seed, then train the best with several: "
        "-m from=<run folder> seed=0,1,2",
    ),
    (r"monitor", "values of different measures cannot be compared"),
    (
        r"datamodule|datamodule\.(root|split(_file)?|folds?|(val|test)_fraction|val_images|scene|(eval_)?size|labels|"
        r"dataset|cities)",
        "values on different validation images cannot be compared",
    ),
    (r"(sweep|hydra|name|output_dir|resume|debug|tta)(\..*)?", "it has no part in the value that is searched by"),
)
"""Keys that a search must not choose."""


@dataclass(frozen=True)
class Space:
    """The words of a command, some with a range instead of a value.

    Attributes:
        words: Overrides and flags, ranges in their place.
        ranges: Name and dimension of each word that has a range, by its place among the words.
    """

    words: tuple[str, ...]
    ranges: Mapping[int, tuple[str, Dimension]]

    @property
    def dimensions(self) -> dict[str, Dimension]:
        """The ranges that are searched, by key."""
        return dict(self.ranges.values())

    def line(self, values: Mapping[str, Value]) -> list[str]:
        """The words with a value in place of each range."""
        found = list(self.words)
        for place, (name, dimension) in self.ranges.items():
            key = found[place].partition("=")[0]
            found[place] = f"{key}={dimension.text(values[name])}"
        return found

    def label(self, values: Mapping[str, Value]) -> str:
        """The values in one line, for the eye."""
        return " ".join(f"{name}={dimension.label(values[name])}" for name, dimension in self.ranges.values())

    def corners(self) -> list[dict[str, Value]]:
        """Gives as few points as have both ends of each range and every word at least once."""
        ends = {name: dimension.ends for name, dimension in self.ranges.values()}
        count = max((len(values) for values in ends.values()), default=1)
        return [{name: values[n % len(values)] for name, values in ends.items()} for n in range(count)]


def read_space(arguments: Sequence[str], extra: Sequence[str] = ()) -> Space:
    """Finds the ranges among the words of a command.

    Args:
        arguments: Overrides and flags.
        extra: Folders given with ``--config-dir``, for ``model=glob(*)``.

    Raises:
        ConfigError: A range is not well formed, a key must not be searched, or is given twice.
    """
    ranges: dict[int, tuple[str, Dimension]] = {}
    for place, word in enumerate(arguments):
        if (found := _range(word, extra)) is None:
            continue
        name = found[0]
        _refuse(name, word)
        if name in dict(ranges.values()):
            raise ConfigError(f"{word}: {name} has a range already; give one")
        ranges[place] = found
    return Space(tuple(arguments), ranges)


def first_of_ranges(arguments: Sequence[str], extra: Sequence[str] = ()) -> list[str]:
    """The words with the first value of each range: for flags that only ask, such as ``--cfg job``."""
    space = read_space(arguments, extra)
    return space.line(space.corners()[0])


def refuse_ranges(arguments: Sequence[str]) -> None:
    """Refuses ranges where there is no search.

    Raises:
        ConfigError: One was found.
    """
    for word in arguments:
        if OWN_FORM.fullmatch(word) or re.fullmatch(r"[^-=][^=]*=(tag\(.*)?interval\(.*\)", word):
            raise ConfigError(f"{word}: a range is for a search: python -m segexp sweep=optuna ...")


def _refuse(name: str, word: str) -> None:
    for pattern, reason in REFUSED:
        if re.fullmatch(pattern, name):
            raise ConfigError(f"{word}: {name} cannot be searched: {reason}")


def _range(word: str, extra: Sequence[str]) -> tuple[str, Dimension] | None:
    """Name and dimension of a word with a range; None: it has a single value."""
    if word.startswith(("-", "from=")) or "=" not in word:
        return None
    if (own := OWN_FORM.fullmatch(word)) is not None:
        whole, log = own[2].startswith("int"), own[2].endswith("log")
        return own[1].lstrip("+"), _numbers(word, own[3].split(","), log=log, whole=whole)
    try:
        override = OverridesParser.create().parse_override(word)
    except HydraException:
        # Hydra says what is wrong when it composes.
        return None
    dimension = _dimension(word, override, extra)
    return None if dimension is None else (override.key_or_group, dimension)


def _dimension(word: str, override: Override, extra: Sequence[str]) -> Dimension | None:
    value = override.value()
    if isinstance(value, IntervalSweep):
        return _numbers(word, [str(value.start), str(value.end)], log="log" in value.tags, whole=False)
    if isinstance(value, RangeSweep):
        found = steps(value.start, value.stop, value.step)  # type: ignore[arg-type] # Hydra's own defaults are numbers
        if found is None:
            raise ConfigError(f"{word}: expected at least two values, start below stop; stop is left out")
        return found
    if isinstance(value, ChoiceSweep | Glob):
        return _words(word, tuple(dict.fromkeys(_values(override, value, extra))))
    return None


def _values(override: Override, value: ChoiceSweep | Glob, extra: Sequence[str]) -> Iterator[str]:
    if isinstance(value, ChoiceSweep):
        yield from override.sweep_string_iterator()
        return
    options = groups(map(Path, extra)).get(override.key_or_group, [])
    for name in (option.name for option in options):
        included = any(fnmatch(name, pattern) for pattern in value.include)
        if included and not any(fnmatch(name, pattern) for pattern in value.exclude):
            yield name


def _words(word: str, values: tuple[str, ...]) -> Options:
    if len(values) < 2:
        raise ConfigError(f"{word}: found {len(values)} value{'s' * (len(values) != 1)}, expected two or more")
    return Options(values)


def _numbers(word: str, texts: Sequence[str], *, log: bool, whole: bool) -> Numbers:
    try:
        low, high = (int(text) if whole else float(text) for text in texts)
    except ValueError as error:
        kind = "whole numbers" if whole else "numbers"
        raise ConfigError(f"{word}: expected two {kind}, low and high: {KINDS}") from error
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ConfigError(f"{word}: expected low < high, both finite")
    if log and low <= 0:
        raise ConfigError(f"{word}: found {low:g} as low end, expected a value above 0: the logarithm is drawn evenly")
    return Numbers(low, high, log=log, whole=whole)
