"""The figures that a task logs, read from its source: ``monitor`` is checked before torch is imported."""

from collections.abc import Mapping, Sequence
from typing import Any

from segexp.config.checks.suggest import did_you_mean
from segexp.config.lineage import definition
from segexp.config.signatures.declared_figures import written_figures
from segexp.config.signatures.measure_names import BUILT_IN, LOSS, THRESHOLD_FREE, check_name, direction
from segexp.config.signatures.torch_metrics import metric_name, torch_metrics
from segexp.errors import ConfigError
from segexp.spec import Direction, FigureSpec

SEGMENTATION = "segexp.tasks.segmentation.Segmentation"
"""The task where a config names none."""
CLASS = "<class>"
"""Ends a figure that there is for each class: ``recall/<class>``."""
BASE = "segexp.tasks.base.BaseTask"
"""The class below which a task says what it logs."""


def own_figures(task: str) -> Mapping[str, Direction] | None:
    """Figures of validation and test with the direction of each, as the class says them in ``figure_specs``.

    Args:
        task: Dotted name of the class.

    Returns:
        None where neither the class nor one above it has such a dict: it logs what a segmentation logs.
    """
    found = definition(task)
    specs = None if found is None else written_figures(found, BASE)
    return None if specs is None else {name: spec.direction for name, spec in specs.items()}


def _named(figures: Mapping[str, Direction], classes: Sequence[str] | None) -> list[str]:
    """Figures with the names of the classes in place of ``<class>``, where those are known."""
    if classes is None:
        return list(figures)
    binary = len(classes) == 2
    parts = {figure: classes if figure.endswith(f"/{CLASS}") else [""] for figure in figures}
    named = [figure.replace(CLASS, part) for figure, of in parts.items() for part in of]
    # Areas under curves are of two classes.
    return [figure for figure in named if binary or not classes or figure not in THRESHOLD_FREE]


def watched_direction(name: str, task: str, metrics: Mapping[str, Any] | None = None) -> Direction:
    """Returns whether lower ("min") or higher ("max") is better of what a task logs under a name.

    Args:
        name: For example ``val/miou``.
        task: Dotted name of the class of the task.
        metrics: The section ``metric``, of whose blocks those of torchmetrics are logged too.

    Raises:
        ConfigError: It logs nothing of that name, or a measure does not say which way is better.
    """
    block = metric_name(name)
    if block in (found := torch_metrics(metrics)):
        if (towards := found[block]) is None:
            raise ConfigError(
                f"{name}: {(metrics or {})[block]['_target_']} does not say which way is better; watch another "
                "measure, or a class of yours below it with higher_is_better = True or False"
            )
        return towards
    figures = own_figures(task)
    if figures is None:
        return direction(name)
    check_watched(name, task, None)
    figure = name.partition("/")[2]
    return figures.get(figure, figures.get(f"{figure.partition('/')[0]}/{CLASS}", "min"))


def check_watched(
    name: str,
    task: str,
    classes: Sequence[str] | None,
    terms: Sequence[str] | None = None,
    costly: Mapping[str, FigureSpec] | None = None,
) -> None:
    """Refuses a name that the task logs nothing under.

    Args:
        name: For example the ``monitor`` of a checkpoint.
        task: Dotted name of the class of the task.
        classes: Class names of the data; None when they are not known yet, then any is taken.
        terms: Terms of the loss; None when they are not known yet, then any is taken.
        costly: Figures of the measures in ``metric``, where there may be others than segexp's own.

    Raises:
        ConfigError: With the nearest valid name.
    """
    figures = own_figures(task)
    if figures is None:
        check_name(name, classes, terms, costly)
        return
    of_loss = [LOSS, *(f"{LOSS}/{term}" for term in terms or ())]
    known = [f"val/{figure}" for figure in (*_named(figures, classes), *of_loss)]
    if name in known or (terms is None and name.startswith(f"val/{LOSS}/")):
        return
    if classes is None and any(name.startswith(each.removesuffix(CLASS)) for each in known if each.endswith(CLASS)):
        return
    raise ConfigError(f"nothing is logged as {name!r}.{did_you_mean(name, known)} Valid names are {', '.join(known)}")


def taken_names(task: str) -> set[str]:
    """Names under which a task logs figures, which a block of the section ``metric`` cannot have."""
    figures = own_figures(task)
    return {LOSS, *(figure.partition("/")[0] for figure in (BUILT_IN if figures is None else figures))}
