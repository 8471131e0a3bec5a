"""Objects of a mask made clean, in the order of the settings: exact for a raster of any size, band by band."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from segexp.inference.predict.postprocessing.components import BandedComponents, ComponentFacts, Mask
from segexp.inference.predict.postprocessing.settings import Postprocess
from segexp.inference.predict.postprocessing.spool import Classes, Spool
from segexp.inference.predict.postprocessing.watershed import split_objects

WEAK = 254
"""Stands in the mask of two classes for pixels that count if they touch a sure one."""
KEPT = -1
"""A component whose pixels stay what they are."""


@dataclass(frozen=True)
class ComponentStep:
    """One step that gives whole components another class.

    Attributes:
        connectivity: 8: pixels that touch at a corner belong together; 4: they do not.
        pixels: The pixels of a band that components are made of.
        rule: The class that each component gets, or :data:`KEPT`.
        marked: Pixels that are counted per component.
    """

    connectivity: Literal[4, 8]
    pixels: Callable[[Classes], Mask]
    rule: Callable[[ComponentFacts], NDArray[np.int16]]
    marked: Callable[[Classes], Mask] | None = None


def mark_weak(classes: Classes, probability: NDArray[np.float32], hysteresis: float) -> Classes:
    """Marks pixels of the mask (n, W) that hysteresis may add by :data:`WEAK`."""
    return np.where((classes == 0) & (probability >= hysteresis), np.uint8(WEAK), classes)


def clean_objects(spool: Spool, settings: Postprocess, num_classes: int) -> None:
    """Takes all steps that are on; with hysteresis the spool holds what :func:`mark_weak` gives.

    Raises:
        ConfigError: An object is too large to be parted.
    """
    if settings.hysteresis is not None:
        _take(spool, ComponentStep(8, lambda rows: (rows == 1) | (rows == WEAK), _sure, lambda rows: rows == 1))
    for number in range(1, num_classes):
        if settings.fill_holes:
            _take(spool, _holes(number, settings.fill_holes, spool.height, spool.width))
        if settings.min_size:
            _take(spool, _specks(number, settings.min_size))
        if settings.split is not None:
            split_objects(spool, number, settings.split)


def postprocess(
    classes: Classes,
    settings: Postprocess,
    num_classes: int,
    probability: NDArray[np.float32] | None = None,
    rows: int | None = None,
) -> Classes:
    """Applies all steps that are on to a mask in memory.

    Args:
        classes: uint8 (H, W), class numbers, and 255 where there is no data, which stays.
        settings: What is done.
        num_classes: Number of classes.
        probability: float32 (H, W) of the second of two classes; for hysteresis only.
        rows: Of the bands in which it is done; None: chosen by their memory.

    Returns:
        uint8 (H, W), a new array.
    """
    spool = Spool(classes.shape[1], rows=rows)
    weak = settings.hysteresis is not None and probability is not None
    spool.append(mark_weak(classes, probability, settings.hysteresis) if weak else classes)  # type: ignore[arg-type]
    clean_objects(spool, settings, num_classes)
    done = spool.read(0, spool.height)
    spool.close()
    return done


def _take(spool: Spool, step: ComponentStep) -> None:
    components = BandedComponents(spool.height, step.connectivity)
    for top, rows in spool.bands():
        components.add(top, step.pixels(rows), step.marked(rows) if step.marked else None)
    components.join()
    for top, rows in spool.bands():
        labels, facts, _ = components.relabel(top, step.pixels(rows), step.marked(rows) if step.marked else None)
        value = step.rule(facts)
        value[0] = KEPT
        new = value[labels]
        spool.replace(top, np.where(new == KEPT, rows, new).astype(np.uint8))


def _sure(facts: ComponentFacts) -> NDArray[np.int16]:
    return np.where(facts.marked > 0, 1, 0).astype(np.int16)


def _specks(number: int, smallest: int) -> ComponentStep:
    return ComponentStep(8, lambda rows: rows == number, lambda facts: _if(facts.area < smallest, 0))


def _holes(number: int, largest: int, height: int, width: int) -> ComponentStep:
    """Components of the first class that ``number`` alone surrounds; what holds others, or no data, is no hole."""

    def rule(facts: ComponentFacts) -> NDArray[np.int16]:
        inside = (facts.top > 0) & (facts.left > 0) & (facts.bottom < height - 1) & (facts.right < width - 1)
        return _if(inside & (facts.area <= largest) & (facts.marked == 0), number)

    return ComponentStep(4, lambda rows: rows != number, rule, lambda rows: (rows != 0) & (rows != number))


def _if(chosen: Mask, value: int) -> NDArray[np.int16]:
    return np.where(chosen, value, KEPT).astype(np.int16)
