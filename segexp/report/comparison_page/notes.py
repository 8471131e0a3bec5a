"""What a reader must know before comparing: different images, decisions, code and machines, missing folds, repeats."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from segexp.report import values
from segexp.report.comparison_page.comparison_group import ComparisonGroup
from segexp.report.comparison_page.configurations.configuration import Configuration, Repeat
from segexp.report.comparison_page.configurations.folds import averaged
from segexp.report.comparison_page.configurations.run import ComparedRun
from segexp.report.comparison_page.search import counted
from segexp.report.labels import name_of
from segexp.report.run_page.few_images import FEW_TESTED
from segexp.runs import entries

SHOWN = 3
"""Names that a note lists before it only counts."""


def comparison_notes(
    groups: Sequence[ComparisonGroup], older: Sequence[ComparedRun], left_out: Sequence[str]
) -> list[str]:
    """Notes on the whole comparison, a sentence each.

    Args:
        groups: Rows by test set.
        older: Runs that were made again later.
        left_out: States of the runs that have no figures.
    """
    runs = [run for group in groups for row in group.rows for run in row.runs]
    found = list(_test_sets(groups))
    # What is true of several test sets is said once.
    letters: dict[str, list[str]] = {}
    for group in groups:
        for text in _of_group(group):
            letters.setdefault(text, []).append(group.letter)
    found += [f"{', '.join(where)}: {text}" if where[0] else text for text, where in letters.items()]
    found += _beaten(groups)
    if older:
        names = _listed(run.path.name for run in older)
        found.append(f"Runs that were made again later with the same configuration and seed do not count: {names}.")
    if left_out:
        one = len(left_out) == 1
        what = "1 run or job has" if one else f"{len(left_out)} runs or jobs have"
        states = counted(left_out)
        found.append(f"{what} no measures and {'is' if one else 'are'} left out ({states}); see the list of runs.")
    found += _mixed(runs, "The runs were made with different code (commits {})", _commit)
    found += _mixed(runs, "The runs were made with different versions of torch ({})", _torch)
    found += _times(runs)
    return found


def _test_sets(groups: Sequence[ComparisonGroup]) -> Iterator[str]:
    if len(groups) > 1:
        listed = "; ".join(f"{group.letter}: {group.title}" for group in groups)
        classes = len({frozenset(group.rows[0].tested.classes) for group in groups}) > 1
        what = "images or classes" if classes else "images"
        yield (
            f"These runs were tested on {len(groups)} different sets of {what}; only rows of the same set can be "
            f"compared. {listed}."
        )


def _of_group(group: ComparisonGroup) -> Iterator[str]:
    runs = [run for row in group.rows for run in row.runs]
    yield from _mixed(
        runs, "Classes were decided in different ways ({}), which the measures of masks depend on", _decision
    )
    yield from _mixed(runs, "Some rows are means over several views of each image (tta: {})", _views)
    for row in group.rows:
        yield from _of_folds(row)
    pooled = [
        name for row in group.rows for repeat in row.repeats if len(repeat.runs) > 1 for name in averaged(repeat.runs)
    ]
    if pooled:
        names = ", ".join(name_of(name, runs[0].results) for name in dict.fromkeys(pooled))
        yield f"Folds are pooled. Over all pixels that cannot be done for {names}: of these it is the mean over folds."
    yield from too_narrow(group)


def too_narrow(group: ComparisonGroup) -> Iterator[str]:
    """A warning where differences rest on too few test images for their intervals."""
    images = len(group.rows[0].tested.images)
    if group.differences and images < FEW_TESTED and not group.measure.by_loader:
        text = "is 1 test image" if images == 1 else f"are {images} test images"
        yield f"There {text}: with fewer than {FEW_TESTED} the intervals of differences are too narrow."


def _beaten(groups: Sequence[ComparisonGroup]) -> Iterator[str]:
    """Rows that a trivial predictor beats; of many only how many, the tables tell which."""
    beaten = [(group, row) for group in groups for row in group.rows if row.beaten]
    if len(beaten) > SHOWN:
        names = _listed(dict.fromkeys(found.name for _, row in beaten for found in row.beaten))
        total = sum(len(group.rows) for group in groups)
        yield f"{len(beaten)} of {total} rows are no better than a trivial predictor ({names}); the tables say which."
        return
    for group, row in beaten:
        where = f"{group.letter}: " if group.letter else ""
        yield f"{where}{row.name} is {' and '.join(map(str, row.beaten))}."


def _of_folds(row: Configuration) -> Iterator[str]:
    """Folds that are missing, and folds that had other images for another seed."""
    missing = {repeat.seed: _missing(repeat) for repeat in row.repeats}
    for repeat in row.repeats:
        if missing[repeat.seed]:
            text = _listed(missing[repeat.seed])
            yield f"{row.name}, seed {repeat.seed}: of {_folds(repeat)} folds (from 0) these are missing: {text}."
    if not any(missing.values()) and len({repeat.tested for repeat in row.repeats}) > 1:
        yield f"{row.name}: its seeds were not tested on the same images."


def _folds(repeat: Repeat) -> int:
    folds = repeat.runs[0].config.get("datamodule.folds")
    return folds if isinstance(folds, int) else 0


def _missing(repeat: Repeat) -> list[str]:
    if repeat.runs[0].fold is None:
        return []
    return [str(fold) for fold in range(_folds(repeat)) if fold not in {run.fold for run in repeat.runs}]


def _mixed(runs: Iterable[ComparedRun], text: str, what: Callable[[ComparedRun], str]) -> Iterator[str]:
    """A note where runs do not agree in something."""
    found = dict.fromkeys(what(run) for run in runs)
    found.pop("", None)
    if len(found) > 1:
        yield text.format(_listed(found)) + "."


def _times(runs: Sequence[ComparedRun]) -> Iterator[str]:
    """Times of other machines, else of other numbers of threads."""
    yield from _mixed(runs, "Times were taken on different machines ({}) and do not compare", lambda run: run.machine)
    if len({run.machine for run in runs} - {""}) < 2:
        yield from _mixed(
            runs, "Times were taken with different numbers of threads ({}) and do not compare", lambda run: run.threads
        )


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    # Some names hold commas themselves.
    return ("; " if any("," in name for name in listed) else ", ").join(listed[:SHOWN]) + more


def _commit(run: ComparedRun) -> str:
    git = run.contents.run.get("git")
    dirty = " with changes" if entries.get_in(git, "dirty") else ""
    commit = entries.to_text(entries.get_in(git, "commit"))
    return f"{commit[:8]}{dirty}" if commit else ""


def _torch(run: ComparedRun) -> str:
    return entries.to_text(entries.get_in(run.contents.run, "versions", "torch"))


def _decision(run: ComparedRun) -> str:
    threshold = run.results.get("threshold")
    if not isinstance(threshold, Mapping):
        return ""
    parts = (
        entries.to_text(threshold.get("rule")),
        entries.to_text(threshold.get("chosen_on")).partition(",")[0],
    )
    return (
        ", chosen on ".join(part for part in parts if part)
        or f"threshold {values.format_plain(threshold.get('value'))}"
    )


def _views(run: ComparedRun) -> str:
    return entries.to_text(entries.get_in(run.results, "task", "tta"))
