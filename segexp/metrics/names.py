"""Names of everything that is logged, and which way is better; without torch, so that a typo fails at once.

A name is ``<phase>/<measure>`` or ``<phase>/<measure>/<class>``: ``val/miou``, ``val/iou/vessel``. A measure
is of the whole data set (pooled); with ``image_`` before it, it is the mean over images:
``val/image_iou/vessel``. The terms of a loss are ``val/loss/<term>``.
"""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Literal

from segexp.errors import ConfigError

Direction = Literal["min", "max"]

PHASES = ("train", "val", "test")

IMAGE = "image_"
"""Before a measure: averaged over images instead of pooled."""

OVERALL: dict[str, Direction] = {"accuracy": "max", "miou": "max", "mdice": "max"}
"""One value, pooled or per image."""

PER_CLASS: dict[str, Direction] = {
    "iou": "max",
    "dice": "max",
    "precision": "max",
    "recall": "max",
    "specificity": "max",
}
"""One value per class, pooled or per image."""

THRESHOLD_FREE: dict[str, Direction] = {"auc": "max", "ap": "max"}
"""One value, pooled, for two classes only."""

LOSS = "loss"


def direction(name: str) -> Direction:
    """Whether lower ("min") or higher ("max") is better.

    Raises:
        ConfigError: There is no such name.
    """
    check_name(name, None)
    return "min" if name.split("/")[1] == LOSS else "max"


def valid_names(phase: str, classes: Sequence[str] | None, terms: Sequence[str] = ()) -> list[str]:
    """All names of a phase; ``<class>`` stands for the classes where they are not known."""
    per_class = ["<class>"] if classes is None else list(classes)
    measures = [LOSS, *(f"{LOSS}/{term}" for term in terms)]
    for prefix in ("", IMAGE):
        measures += [prefix + measure for measure in OVERALL]
        measures += [f"{prefix}{measure}/{name}" for measure in PER_CLASS for name in per_class]
    if classes is None or len(classes) == 2:
        measures += list(THRESHOLD_FREE)
    return [f"{phase}/{measure}" for measure in measures]


def check_name(name: str, classes: Sequence[str] | None, terms: Sequence[str] | None = None) -> None:
    """Refuse a name that nothing will ever log.

    Args:
        name: For example the ``monitor`` of a checkpoint.
        classes: Class names of the data; None when they are not known yet, then any is taken.
        terms: Terms of the loss; None when they are not known yet, then any is taken.

    Raises:
        ConfigError: With the nearest valid name.
    """
    phase, _, rest = name.partition("/")
    measure, _, detail = rest.partition("/")
    known = valid_names(phase if phase in PHASES else "val", classes, terms or ())
    if phase in PHASES and (name in known or _is_open(measure, detail, classes, terms)):
        return
    if classes is not None and measure in THRESHOLD_FREE and len(classes) != 2:
        raise ConfigError(f"{name} is measured for two classes only, the data has {len(classes)}: {', '.join(classes)}")
    raise ConfigError(f"nothing is logged as {name!r}: {_suggest(name, known)}")


def _is_open(measure: str, detail: str, classes: Sequence[str] | None, terms: Sequence[str] | None) -> bool:
    """Whether the name ends in a class or term that cannot be checked yet."""
    if not detail or "/" in detail:
        return False
    if measure == LOSS:
        return terms is None
    return classes is None and measure.removeprefix(IMAGE) in PER_CLASS


def _suggest(name: str, known: Sequence[str]) -> str:
    nearest = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]}? " if nearest else ""
    return f"{hint}Valid names are {', '.join(known)}"
