"""What a run has shown, in words: what was learnt, against what, whether more epochs or more test images would help."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from segexp.report.overall_figures import OverallFigure, overall_figures
from segexp.report.run_page.few_images import FEW_TESTED
from segexp.report.run_page.trivial import Beaten, beaten_by, trivial_rows
from segexp.report.values import digits_of_interval, format_measure
from segexp.runs import entries

LAST_SHARE = 0.1
"""Share of the validations that are the end of a training."""
LEVEL = 0.02
"""Share of all that was gained in training; an end that gains no more is level."""
FEW_EPOCHS = 5
"""Validations below which nothing is said of more epochs."""

SLOW = 0.1
"""Share of the highest learning rate below which little is learnt."""

MOST_NAMED = 3
"""Trivial predictors that are named."""

LEAST_SHOWN = 0.0005
"""Gain that is told as a number."""

FIRST_INDICATION = "are a first indication only"
TOO_NARROW = "intervals of so few are too narrow, and measures hang on single images"

Kind = Literal["good", "bad", "open"]
Row = Mapping[str, str]


@dataclass(frozen=True)
class Verdict:
    """Sentences on a tested run.

    Attributes:
        sentences: What was learnt; whether the test can tell; whether more epochs would help.
        kind: ``bad``: a trivial predictor is as good; ``open``: the test cannot tell; else ``good``.
    """

    sentences: tuple[str, ...]
    kind: Kind

    @property
    def tells_few_tested(self) -> bool:
        """Whether it says that there are few test images, so that no other line of a page has to."""
        return any(FIRST_INDICATION in sentence for sentence in self.sentences)

    def __str__(self) -> str:
        return " ".join(self.sentences)


@dataclass(frozen=True)
class _Rival:
    """The best trivial predictor."""

    name: str
    value: float


def find_verdict(results: Mapping[str, Any], epochs: Sequence[Row] = ()) -> Verdict | None:
    """Says what a run has shown, by its main figure: mean IoU, accuracy, MSE, or what a module of a user's own logs.

    Args:
        results: Content of results.json.
        epochs: Rows of metrics.csv.

    Returns:
        None where nothing was tested.
    """
    if not entries.rows_of(results):
        return None
    more = epochs_sentence(results, epochs)
    figures = overall_figures(results)
    if not figures:
        text = f"{_tested_on(results)} the model has no measure that is a number."
        return Verdict((text, *more), "open")
    main = figures[0]
    rival = _best_rival(results, main)
    lost = beaten_by([results])
    beaten = _is_beaten(main, rival)
    size, clear = _size_sentence(results, main, rival, f" in {main.label}" if lost and not beaten else "")
    learnt = f"{_tested_on(results)} the model reaches {_described(main)}{_against(main, rival, lost)}."
    kind: Kind = "bad" if lost or beaten else "good" if clear else "open"
    return Verdict((learnt, size, *more), kind)


def _tested_on(results: Mapping[str, Any]) -> str:
    count, part = entries.get_in(results, "split", "images"), entries.to_text(entries.get_in(results, "split", "name"))
    what = {"": "test", "val": "validation", "train": "training"}.get(part, part)
    if not isinstance(count, int) or isinstance(count, bool):
        return f"On the {what} data"
    return f"On one {what} image" if count == 1 else f"On {count:,} {what} images"


def _described(figure: OverallFigure) -> str:
    digits = digits_of_interval(figure.interval, figure.digits)
    value = format_measure(figure.value, digits)
    less = "less is better" if figure.lower else ""
    ends = "" if figure.interval is None else "95 % interval {} to {}".format(
        *(format_measure(end, digits) for end in figure.interval)
    )  # fmt: skip
    inside = ", ".join(part for part in (ends, less) if part)
    return f"{figure.label} {value}" + (f" ({inside})" if inside else "")


def _best_rival(results: Mapping[str, Any], main: OverallFigure) -> _Rival | None:
    """The trivial predictor that is best in the main figure; None where none has it."""
    found = [
        _Rival(name, figure.value)
        for name, row in trivial_rows(results).items()
        for figure in overall_figures(results, row)
        if figure.name == main.name
    ]
    sign = -1 if main.lower else 1
    return max(found, key=lambda rival: sign * rival.value, default=None)


def _is_beaten(main: OverallFigure, rival: _Rival | None) -> bool:
    """Whether a trivial predictor is at least as good in the main figure."""
    return rival is not None and (rival.value <= main.value if main.lower else rival.value >= main.value)


def _against(main: OverallFigure, rival: _Rival | None, lost: Sequence[Beaten]) -> str:
    """The clause on trivial predictors: it names the figures in which one is at least as good, where not the main."""
    if rival is not None and _is_beaten(main, rival):
        names = ", ".join(_named(found, main.label) for found in lost[:MOST_NAMED]) or rival.name
        return f", no better than what has learnt nothing ({names})"
    others = " and ".join(dict.fromkeys(name for found in lost[:MOST_NAMED] for name, *_ in found.figures))
    told = "; ".join(
        f"{found.name}: {', '.join(f'{other:.4f} against {own:.4f}' for _, own, other in found.figures)}"
        for found in lost[:MOST_NAMED]
    )
    if rival is None:
        alone = "no trivial predictor stands beside it to tell what that is worth"
        return f", and in {others} what has learnt nothing is at least as good ({told})" if lost else f"; {alone}"
    if lost:
        return f", better in {main.label} than all trivial predictors, but not in {others} ({told})"
    best = f"the best, {rival.name}: {format_measure(rival.value, main.digits)}"
    return f", in which it is better than all trivial predictors ({best})"


def _named(found: Beaten, main: str) -> str:
    """``Otsu``; with figures where it is at least as good in others than the main one: ``Otsu in Dice vessel``."""
    labels = [label for label, *_ in found.figures]
    alone = [label.lower() for label in labels] == [main.lower()]
    return found.name if alone else f"{found.name} in {' and '.join(labels)}"


def _size_sentence(
    results: Mapping[str, Any], main: OverallFigure, rival: _Rival | None, where: str
) -> tuple[str, bool]:
    """Whether the test is large enough to tell, ``where`` in words, and whether that can be relied on."""
    count = entries.get_in(results, "split", "images")
    if count == 1:
        return "One image cannot tell how the model fares on others.", False
    if main.interval is None:
        return "No interval was drawn, so nothing tells how far chance alone moves that measure.", False
    low, high = main.interval
    width = f"the interval is {format_measure(high - low, main.digits)} wide"
    few = isinstance(count, int) and count < FEW_TESTED
    careful = f"{count} test images, fewer than {FEW_TESTED}, {FIRST_INDICATION}: " if few else ""
    narrow = f"; {TOO_NARROW}" if few else ""
    if rival is None:
        told = careful + width + narrow
        return f"{told[0].upper()}{told[1:]}.", False
    lead = abs(main.value - rival.value)
    told = f"{width}, the difference to {rival.name} {format_measure(lead, main.digits)}"
    if low <= rival.value <= high:
        return (
            f"The interval of the model alone does not tell it from {rival.name}, whose value lies within it; both "
            "are measured on the same images, so a paired comparison may tell more."
        ), False
    if few:
        return f"{careful}{told}{narrow}.", False
    enough = "large enough" if lead > high - low else "just large enough"
    return f"The test is {enough} to tell the two apart{where}: {told}.", True


def epochs_sentence(results: Mapping[str, Any], epochs: Sequence[Row]) -> tuple[str, ...]:
    """Says whether more epochs would help, by where the best validation lies and how much the last tenth gained.

    Args:
        results: Content of results.json, which names the measure that chose the checkpoint, and its direction.
        epochs: Rows of metrics.csv.

    Returns:
        One sentence; none where no measure was watched.
    """
    monitor, mode = (entries.to_text(entries.get_in(results, "checkpoint", key)) for key in ("monitor", "mode"))
    sign = -1.0 if mode == "min" else 1.0
    read = [(_number(row.get("epoch")), sign * _number(row.get(monitor))) for row in epochs] if monitor else []
    found = sorted((epoch, value) for epoch, value in read if math.isfinite(epoch) and math.isfinite(value))
    if not found:
        return ()
    if len(found) < FEW_EPOCHS:
        return (f"After {len(found)} validation{'s' * (len(found) > 1)} nothing can be said of more epochs.",)
    late = max(1, math.ceil(LAST_SHARE * len(found)))
    best = max(found, key=lambda pair: pair[1])
    where = f"the best of {len(found)} validations was at epoch {best[0] + 1:.0f}, by {monitor}"
    whole = best[1] - min(value for _, value in found)
    if best not in found[-late:]:
        if _ends_slowly(epochs) and best[1] - max(value for _, value in found[-late:]) <= LEVEL * whole:
            return (f"{_ONLY_LONGER}: {where}, the end hardly worse{_LEVEL_BY_ITSELF}",)
        return (f"More epochs like these would hardly help: {where}.",)
    gained = best[1] - max(value for _, value in found[:-late])
    end = "validation" if late == 1 else f"{late} validations"
    if gained <= LEVEL * whole:
        much = f"{gained:.2g}" if gained >= LEAST_SHOWN else "nothing"
        told = f"the last {end} of {len(found)} gained {much} in {monitor}"
        if _ends_slowly(epochs):
            return (f"{_ONLY_LONGER}: {told}{_LEVEL_BY_ITSELF}",)
        return (f"More epochs would hardly help: {told}.",)
    return (f"More epochs would probably help: the last {end} of {len(found)} still gained {gained:.2g} in {monitor}.",)


_ONLY_LONGER = "Whether more epochs would help, only a longer training tells"
_LEVEL_BY_ITSELF = ", but the schedule had brought the learning rate near zero by then, where every curve levels off."


def _ends_slowly(epochs: Sequence[Row]) -> bool:
    """Whether a schedule was still lowering the learning rate at the end, to less than a tenth of its highest."""
    rates = [rate for row in epochs if math.isfinite(rate := _number(row.get("lr")))]
    return len(rates) > 1 and rates[-1] < rates[-2] and rates[-1] < SLOW * max(rates)


def _number(cell: str | None) -> float:
    try:
        return float(cell or "nan")
    except ValueError:
        return math.nan
