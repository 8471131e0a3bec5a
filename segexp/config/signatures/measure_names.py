"""Names of everything that is logged, and which way is better; without torch, so that a typo fails at once.

A name is ``<phase>/<measure>`` or ``<phase>/<measure>/<class>``: ``val/miou``, ``val/iou/vessel``. A measure
is of the whole data set (pooled); with ``image_`` before it, it is the mean over images:
``val/image_iou/vessel``. The terms of a loss are ``val/loss/<term>``. Costly measures are taken of the test images
only; there, ``test/mean/<measure>`` is the mean over classes.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from segexp.config.signatures.declared_figures import shipped_figure, shipped_figures
from segexp.errors import ConfigError
from segexp.spec import Direction, FigureSpec

PHASES = ("train", "val", "test")

IMAGE = "image_"
"""Before a measure: averaged over images instead of pooled."""

OVERALL = {
    "accuracy": FigureSpec("max", "accuracy", meaning="share of the pixels that are right"),
    "kappa": FigureSpec("max", "kappa", meaning="agreement beyond that of guessing with the same shares (Cohen)"),
    "mcc_overall": FigureSpec(
        "max", "MCC, all classes", meaning="correlation of truth and prediction over all classes (Gorodkin)"
    ),
    "miou": FigureSpec("max", "mean IoU", meaning="mean over the classes of overlap over union"),
    "mdice": FigureSpec("max", "mean Dice", meaning="mean over the classes of twice the overlap over both sizes"),
}
"""One value, pooled or per image."""

PER_CLASS = {
    "iou": FigureSpec("max", "IoU", meaning="overlap over union"),
    "dice": FigureSpec("max", "Dice", meaning="twice the overlap over both sizes (F1 of pixels)"),
    "precision": FigureSpec("max", "precision", meaning="share of the predicted pixels that are of the class"),
    "recall": FigureSpec("max", "recall", meaning="share of the pixels of the class that were found"),
    "specificity": FigureSpec(
        "max", "specificity", meaning="share of the pixels outside the class that were left alone"
    ),
    "mcc": FigureSpec("max", "MCC", meaning="correlation of truth and prediction, 0 for guessing (Matthews)"),
}
"""One value per class, pooled or per image."""

THRESHOLD_FREE = {
    "auc": FigureSpec(
        "max", "ROC-AUC", meaning="chance that a pixel of the class gets a higher score than one outside it"
    ),
    "ap": FigureSpec("max", "PR-AUC", meaning="area under precision over recall (average precision)"),
}
"""One value for two classes; for more classes one per class, at the test only. Per image at the test only."""

BUILT_IN = {**OVERALL, **THRESHOLD_FREE, **PER_CLASS}
"""Every figure that is measured without being named in ``metric``; others are of the costly measures in it."""

MEAN = "mean"
LOSS = "loss"


def direction(name: str) -> Direction:
    """Returns whether lower ("min") or higher ("max") is better of a logged name.

    Raises:
        ConfigError: There is no such name.
    """
    check_name(name, None)
    _, measure, *rest = name.split("/")
    figure = measure.removeprefix(IMAGE)
    if figure == LOSS:
        return "min"
    return figure_spec(rest[0] if figure == MEAN else figure).direction


def figure_spec(figure: str) -> FigureSpec:
    """Direction, label, unit and meaning of a figure of segexp's own, as it is named in results.json.

    Raises:
        ConfigError: There is no such figure.
    """
    found = BUILT_IN.get(figure) or shipped_figure(figure)
    if found is None:
        raise ConfigError(f"there is no measure {figure!r}: {_suggest(figure, [*BUILT_IN, *shipped_figures()])}")
    return found


def valid_names(phase: str, classes: Sequence[str] | None, terms: Sequence[str] = ()) -> list[str]:
    """All names of a phase; ``<class>`` stands for the classes where they are not known."""
    per_class = ["<class>"] if classes is None else list(classes)
    testing = phase == "test"
    of_class = [*PER_CLASS, *(shipped_figures() if testing else ())]
    if testing and len(per_class) != 2:
        of_class += THRESHOLD_FREE
    measures = [LOSS, *(f"{LOSS}/{term}" for term in terms)]
    for prefix in ("", IMAGE):
        measures += [prefix + measure for measure in OVERALL]
        measures += [f"{prefix}{measure}/{name}" for measure in of_class for name in per_class]
        if (testing or not prefix) and (classes is None or len(classes) == 2):
            measures += [prefix + measure for measure in THRESHOLD_FREE]
    if testing:
        measures += [f"{prefix}{MEAN}/{measure}" for prefix in ("", IMAGE) for measure in of_class]
    return [f"{phase}/{measure}" for measure in measures]


def check_name(
    name: str,
    classes: Sequence[str] | None,
    terms: Sequence[str] | None = None,
    costly: Mapping[str, FigureSpec] | None = None,
) -> None:
    """Refuse a name that nothing will ever log.

    Args:
        name: For example the ``monitor`` of a checkpoint.
        classes: Class names of the data; None when they are not known yet, then any is taken.
        terms: Terms of the loss; None when they are not known yet, then any is taken.
        costly: Figures of the measures in ``metric``, where there may be others than segexp's own.

    Raises:
        ConfigError: With the nearest valid name.
    """
    phase, _, rest = name.partition("/")
    measure, _, detail = rest.partition("/")
    known = valid_names(phase if phase in PHASES else "val", classes, terms or ())
    if phase in PHASES and (name in known or _is_open(name, classes, terms)):
        return
    figure = measure.removeprefix(IMAGE)
    figure = detail if figure == MEAN else figure
    if phase in ("train", "val") and (figure in (costly or {}) or shipped_figure(figure) is not None):
        raise ConfigError(
            f"{name}: {figure} is measured at the test only, because it is costly; "
            f"choose by {phase}/dice/<class> or another of {', '.join(known)}"
        )
    if classes is not None and measure in THRESHOLD_FREE and len(classes) != 2:
        raise ConfigError(
            f"{name} is measured for two classes only, the data has {len(classes)}: {', '.join(classes)}; "
            "of more classes it is measured at the test, each against the rest"
        )
    raise ConfigError(f"nothing is logged as {name!r}: {_suggest(name, known)}")


def _is_open(name: str, classes: Sequence[str] | None, terms: Sequence[str] | None) -> bool:
    """Whether the name ends in a class or term that cannot be checked yet."""
    phase, measure, *rest = name.split("/")
    if len(rest) != 1 or not rest[0]:
        return False
    if measure == LOSS:
        return terms is None
    figure = measure.removeprefix(IMAGE)
    if phase == "test" and shipped_figure(rest[0] if figure == MEAN else figure) is not None:
        return classes is None or figure == MEAN or rest[0] in classes
    return classes is None and (figure in PER_CLASS or (phase == "test" and figure in THRESHOLD_FREE))


def _suggest(name: str, known: Sequence[str]) -> str:
    nearest = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]}? " if nearest else ""
    return f"{hint}Valid names are {', '.join(known)}"
