"""How a run was judged, in sentences: checkpoint, threshold, measures, intervals; and with which software."""

from collections.abc import Iterator, Mapping
from typing import Any

from segexp.report import values
from segexp.report.labels import described, order_figures
from segexp.report.markdown import escape_text, format_code
from segexp.report.methods.described_run import DescribedRun, join_words
from segexp.report.methods.measure_table import MOST_NAMED
from segexp.report.overall_figures import overall_figures
from segexp.report.run_page.decided import of_monitor, threshold_of
from segexp.report.run_page.tiles import tiles
from segexp.report.run_page.trivial import trivial_rows
from segexp.runs import entries

PACKAGES = {"segexp": "segexp", "torch": "PyTorch", "lightning": "PyTorch Lightning", "hydra-core": "Hydra"}
"""Packages of run.json that a paragraph names, and their names there."""
PERSON = "a person"
"""Note of a row of results.json that is of somebody's masks."""
WAYS = {"max": "highest", "min": "lowest"}


def selection_sentences(run: DescribedRun, *, alone: bool) -> Iterator[str]:
    """Tells which checkpoint was tested, and how probabilities became classes.

    Args:
        run: The run.
        alone: Whether it is the only one: then with its epoch and its threshold.
    """
    results = run.contents.results
    checkpoint, threshold = results.get("checkpoint"), results.get("threshold")
    # What a LightningModule of the user's own does with its test data nobody knows.
    nothing = "" if entries.task_kind(results) == entries.LOGGED else "; test images chose nothing"
    monitor = entries.to_text(entries.get_in(checkpoint, "monitor") or run.known("monitor"))
    if entries.get_in(checkpoint, "chosen") is False:
        yield "The weights of the last epoch were tested; none were chosen."
    elif monitor:
        way = WAYS.get(entries.to_text(entries.get_in(checkpoint, "mode")), "best")
        half = f" (masks decided {of_monitor(results)})" if of_monitor(results) else ""
        yield (
            f"Of all epochs the one with the {way} {format_code(monitor)} on the validation images{half} was kept"
            f"{_epoch(run) if alone else ''}{nothing}."
        )
    rule, place = (entries.to_text(entries.get_in(threshold, key)) for key in ("rule", "chosen_on"))
    if threshold_of(results) is not None:
        value = f" {threshold_of(results):.3f}" if alone else ""
        how = f": {escape_text(rule)}" if rule else ""
        on = f", chosen on the {escape_text(place)}" if place else ""
        yield f"A pixel is foreground from the probability{value or ' of a threshold'} on{how}{on}."
    views = run.known("tta")
    if views:
        yield f"Each image was tested as the mean over its views ({escape_text(str(views))})."


def _epoch(run: DescribedRun) -> str:
    checkpoint = run.contents.results.get("checkpoint")
    epoch = values.format_epoch(entries.get_in(checkpoint, "epoch"))
    value = values.format_measure(entries.get_in(checkpoint, "value"))
    return f" (epoch {epoch}, {value})" if epoch and value != values.ABSENT else ""


def measure_sentences(run: DescribedRun, *, alone: bool) -> Iterator[str]:
    """Tells what was measured, how it was averaged, and what the intervals are.

    Args:
        run: The run.
        alone: Whether it is the only one: then with its headline figures.
    """
    results = run.contents.results
    if not entries.rows_of(results):
        state = entries.to_text(run.contents.run.get("state")) or "unfinished"
        yield f"The run is {escape_text(state)} and has no test measures."
        return
    row = entries.model_row(results)
    blocks = [entries.get_in(row, block) for block in ("dataset", "image")]
    names = order_figures({name: None for block in blocks if isinstance(block, dict) for name in block})
    labels = [escape_text(described(results, name).label) for name in names]
    figures = overall_figures(results)
    if labels and len(figures) > MOST_NAMED:
        first = escape_text(figures[0].label)
        yield f"The main measure is {first}; the table below has all {len(figures)}{run.cite('metric')}."
        if alone and (of := _of_one_class(results)):
            yield f"A measure of one class is in it {of}."
    elif labels:
        yield f"The measures are {'; '.join(labels)}{run.cite('metric')}."
    for key, text in AVERAGED.items():
        if meaning := entries.to_text(entries.get_in(results, "averaging", key)):
            yield f"{text}: {escape_text(meaning)}."
    yield from _intervals(run)
    yield from _beside(run)
    if alone and (found := [_headline(tile.name, tile.value, tile.interval) for tile in tiles(run.contents)]):
        yield f"On the test images: {', '.join(found)}."


def _of_one_class(results: Mapping[str, Any]) -> str:
    """Whose figure stands in the table where a measure has one for each class."""
    if (foreground := entries.foreground_of(results)) is not None:
        return f"that of {escape_text(foreground)}"
    return "the mean over the classes" if entries.classes_of(results) else ""


AVERAGED = {
    "dataset": "Measures over the data set",
    "image": "Measures per image",
    "mean": "Means over classes",
    "absent": "Absent classes",
}
"""Entries of ``averaging`` in results.json, and how a sentence begins that says them."""


def _beside(run: DescribedRun) -> Iterator[str]:
    """Who else was judged by the same figures: trivial predictors, people, and what a task of the user's own adds."""
    results = run.contents.results
    named = {entries.to_text(row.get("name")): row for row in entries.rows_of(results)[1:]}
    people = [name for name, row in named.items() if row.get("note") == PERSON]
    trivial = [name for name in trivial_rows(results) if name in named and name not in people]
    others = [name for name in named if name not in (*people, *trivial) and not name.startswith("model")]
    if trivial:
        yield f"Trivial predictors beside the model: {_listed(trivial)}{run.cite('baselines')}."
    if people:
        yield f"Masks by other people of the test images were judged by the same measures: {_listed(people)}."
    if others:
        yield f"Judged beside the model too: {_listed(others)}."


def _listed(names: list[str]) -> str:
    return join_words([escape_text(name) for name in names])


def _headline(name: str, value: str, interval: str) -> str:
    ends = f" (95 % interval {interval})" if interval else ""
    return f"{escape_text(name)} {value}{ends}"


def _intervals(run: DescribedRun) -> Iterator[str]:
    interval = entries.get_in(entries.model_row(run.contents.results), "interval")
    resamples = entries.get_in(interval, "resamples") or run.known("bootstrap")
    if not isinstance(interval, dict) or not isinstance(resamples, int):
        return
    level = entries.get_in(interval, "level")
    percent = f"{100 * level:.3g}" if isinstance(level, float) else "95"
    images = entries.get_in(run.contents.results, "split", "images")
    of = f"the {values.format_count(images)} test images" if isinstance(images, int) else "the test images"
    yield (
        f"{percent} % intervals are of the bootstrap{run.cite('interval')}: {of} drawn again with replacement "
        f"{values.format_count(resamples)} times; they speak of other images, not of training again."
    )


def software_sentences(run: DescribedRun) -> Iterator[str]:
    """Says by which versions of the software and which commit a run was made."""
    versions = run.contents.run.get("versions")
    named = [
        f"{name} {escape_text(version)}{run.cite(package.partition('-')[0])}"
        for package, name in PACKAGES.items()
        if (version := entries.to_text(entries.get_in(versions, package)))
    ]
    python = entries.to_text(entries.get_in(versions, "python"))
    named += [f"Python {escape_text(python)}"] if python else []
    if named:
        yield f"The runs were made with {join_words(named)}."
    git = run.contents.run.get("git")
    if commit := entries.to_text(entries.get_in(git, "commit")):
        changed = " with changes that `git.diff` of the run holds" if entries.get_in(git, "dirty") is True else ""
        yield f"The code is commit {format_code(commit[:12])}{changed}."
