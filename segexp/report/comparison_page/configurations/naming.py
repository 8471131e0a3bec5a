"""Names of configurations: what differs between them, in as few words as tell them apart."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from segexp.report.comparison_page.configurations import settings
from segexp.report.comparison_page.configurations.configuration import Configuration, Repeat
from segexp.report.comparison_page.configurations.run import ComparedRun
from segexp.report.comparison_page.configurations.settings import ABSENT
from segexp.runs.text import shortened

LONGEST = 32
"""Letters of one value in a name; lists can be long."""


def configurations(groups: Sequence[tuple[Repeat, ...]]) -> list[Configuration]:
    """Configurations with their names and varied keys; what those of one test set have in common is in none of them."""
    by_set: dict[object, list[tuple[Repeat, ...]]] = {}
    for repeats in groups:
        by_set.setdefault(repeats[0].tested, []).append(repeats)
    named = {id(row.repeats): row for group in by_set.values() for row in _of_one_set(group)}
    return _numbered([named[id(repeats)] for repeats in groups])


def _numbered(rows: Sequence[Configuration]) -> list[Configuration]:
    """The same config on other images is another row of another table, and is called so."""
    seen: dict[object, int] = {}
    made = []
    for row in rows:
        key = row.name, settings.identity(row.runs[0].config)
        seen[key] = seen.get(key, 0) + 1
        made.append(row if seen[key] == 1 else replace(row, name=f"{row.name} #{seen[key]}"))
    return made


def _of_one_set(groups: Sequence[tuple[Repeat, ...]]) -> list[Configuration]:
    first = [repeats[0].runs[0] for repeats in groups]
    keys = varied_keys(first)
    short = short_names(keys)
    longest = {key: _longest([settings.text_of(value_of(run, key)) for run in first]) for key in keys}
    made: list[Configuration] = []
    names: dict[str, int] = {}
    for run, repeats in zip(first, groups, strict=True):
        found = {key: value_of(run, key) for key in keys}
        words = [_word(run, key, short[key], longest[key]) for key in keys if found[key] != ABSENT]
        name = ", ".join(words) or _alone(run)
        names[name] = names.get(name, 0) + 1
        unique = name if names[name] == 1 else f"{name} #{names[name]}"
        made.append(Configuration(unique, repeats, found))
    return made


def varied_keys(runs: Sequence[ComparedRun]) -> list[str]:
    """Groups and keys that tell runs apart, one run per configuration.

    What the command line set comes first and is kept wherever it differs: in a search, each key counts though one
    would do. Then come options of groups, then other keys of the configs, as long as runs are left that look the same:
    a model brings many keys, which its name stands for.
    """
    given = list(dict.fromkeys(key for run in runs for key in run.overridden))
    kept = [key for key in given if _may_differ(key, runs) and _differs(key, runs)]
    groups = dict.fromkeys(group for run in runs for group in run.options)
    others = [*groups, *dict.fromkeys(key for run in runs for key in run.config)]
    for key in others:
        if _classes(kept, runs) == len(runs):
            break
        if key not in kept and _may_differ(key, runs) and _classes([*kept, key], runs) > _classes(kept, runs):
            kept.append(key)
    return kept


def _may_differ(key: str, runs: Sequence[ComparedRun]) -> bool:
    fold = key == settings.FOLD and any(settings.folded(run.config) for run in runs)
    return not (settings.is_neutral(key) or key in settings.SEEDS or fold)


def _differs(key: str, runs: Sequence[ComparedRun]) -> bool:
    return len({str(value_of(run, key)) for run in runs}) > 1


def _classes(keys: Sequence[str], runs: Sequence[ComparedRun]) -> int:
    return len({tuple(str(value_of(run, key)) for key in keys) for run in runs})


def value_of(run: ComparedRun, key: str) -> Any:
    """The option of a group or the value of a key; ``-`` where the run has neither."""
    return run.options[key] if key in run.options else run.config.get(key, ABSENT)


def short_names(keys: Sequence[str]) -> Mapping[str, str]:
    """The last parts of dotted keys, as few as tell them apart."""
    short = {}
    for key in keys:
        parts = key.split(".")
        ends = [".".join(parts[-count:]) for count in range(1, len(parts) + 1)]
        others = [other for other in keys if other != key]
        short[key] = next((e for e in ends if not any(o == e or o.endswith(f".{e}") for o in others)), key)
    return short


def _longest(texts: Sequence[str]) -> int:
    """To how many letters the values of a key are cut: so few that they are still told apart."""
    different = len(set(texts))
    limits = range(LONGEST, max(map(len, texts)) + 1, LONGEST)
    fit = (limit for limit in limits if len({shortened(text, limit) for text in texts}) == different)
    return next(fit, max(LONGEST, *map(len, texts)))


def _word(run: ComparedRun, key: str, short: str, longest: int) -> str:
    """``cunet`` for an option of a group, ``lr=0.01`` for a key."""
    text = shortened(settings.text_of(value_of(run, key)), longest)
    return text if key in run.options else f"{short}={text}"


def _alone(run: ComparedRun) -> str:
    """The only configuration: its model, else its folder."""
    return run.options.get("model") or run.path.name
