"""Objects of a config are tried once on made-up pixels: what they cannot do is said before anything is written."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segexp.config.checks.task_fit import task_name, usual_option
from segexp.errors import ConfigError, SegexpError
from segexp.losses.base import TOTAL, SegmentationLoss
from segexp.metrics.base import ImageMeasure, ImagePrediction
from segexp.spec import IGNORED, DataSpec
from segexp.tasks.base import BaseTask
from segexp.tasks.dense import DenseTask

SCORES = 2
"""Dimensions of the logits of a classifier, (B, K)."""
SIDE = 32
"""Height and width in pixels of what losses and measures are tried on."""


@contextmanager
def trying(section: str, what: str) -> Iterator[None]:
    """Turns what an object of the user's raises into one line that names its section.

    Args:
        section: For example ``model``.
        what: What was tried, for example ``its forward``.
    """
    try:
        yield
    except SegexpError:
        raise
    except Exception as error:
        raise ConfigError(f"{section}: {what} fails: {told(error)}; debug=true shows where") from error


def told(error: BaseException) -> str:
    """An error in one line, with its kind where that says more than its words."""
    text = " ".join(str(error).split())
    plain = isinstance(error, TypeError | ValueError | UserWarning) and text
    return text if plain else ": ".join(part for part in (type(error).__name__, text) if part)


def expect(built: object, kind: type, section: str, words: str) -> None:
    """Compares what a section built with what its place takes.

    Raises:
        ConfigError: It is something else.
    """
    if not isinstance(built, kind):
        found = f"the class {built.__name__}" if isinstance(built, type) else f"a {type(built).__qualname__}"
        raise ConfigError(f"{section}._target_: gives {found}, expected {words}")


def try_model(module: BaseTask, image: Tensor) -> None:
    """One forward pass of a raw image (1, C, H, W).

    Raises:
        ConfigError: The model does not take it, or gives other logits than one per class and pixel.
    """
    shape = tuple(image.shape)
    with torch.no_grad(), trying("model", f"its forward of images {shape}"):
        logits: Any = module(image)
    of_image = module.spec.target.form == "label"
    expected = (1, module.spec.out_channels, *(() if of_image else image.shape[-2:]))
    if not isinstance(logits, Tensor):
        raise ConfigError(
            f"model: gives a {type(logits).__name__} for images {shape}, expected logits {expected}; further outputs "
            "belong into a segexp.models.auxiliary.Supervised, in training mode only"
        )
    # What is no output of pixels has a shape of the task's own, but for the images.
    dimensions = None if of_image or isinstance(module, DenseTask) else 1
    if tuple(logits.shape)[:dimensions] != expected[:dimensions]:
        task = f"{type(module).__module__}.{type(module).__qualname__}"
        usual = usual_option("model", task)
        instead = ""
        if of_image and logits.ndim == image.ndim and usual is not None:
            instead = f"; it scores pixels: {task_name(task)} takes a classifier, as model={usual}"
        elif not of_image and logits.ndim == SCORES:
            instead = (
                "; it scores whole images: train it with task=classification, whose data have a class for each image, "
                "or choose a model of pixels, as model=unet"
            )
        raise ConfigError(f"model: gives logits {tuple(logits.shape)} for {shape}, expected {expected}{instead}")
    if not logits.is_floating_point():
        raise ConfigError(f"model: gives {logits.dtype} for {shape}, expected floats before any activation")
    if bool(logits.isnan().any()):
        raise ConfigError(f"model: gives nan for images {shape} before any training; look at its weights and divisions")


def try_loss(loss: SegmentationLoss, spec: DataSpec) -> None:
    """One step of a loss on logits of its own; its random numbers are not those of the training.

    Raises:
        ConfigError: It raises, or gives no scalar that can be minimised.
    """
    size = 2 * spec.out_channels * SIDE * SIDE
    logits = torch.linspace(-1, 1, size).view(2, spec.out_channels, SIDE, SIDE).requires_grad_()
    mask = (torch.arange(2 * SIDE * SIDE) // 5 % spec.num_classes).byte().view(2, SIDE, SIDE)
    mask[:, :2] = IGNORED
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        with trying("loss", "its forward"):
            terms: Any = loss.terms(logits, mask)
        total: Any = terms.get(TOTAL) if isinstance(terms, Mapping) else terms
        _check_total(total)
        with trying("loss", "its gradient"):
            total.backward()


def _check_total(total: Any) -> None:
    expected = "expected a scalar tensor with a gradient, to be minimised"
    if not isinstance(total, Tensor):
        raise ConfigError(f"loss: gives a {type(total).__name__}, {expected}")
    if total.shape != () or not total.is_floating_point():
        raise ConfigError(f"loss: gives {total.dtype} of shape {tuple(total.shape)}, {expected}; take its mean")
    if not total.requires_grad:
        raise ConfigError(f"loss: gives a number that does not depend on the logits, {expected}")
    if bool(total.isnan()):
        raise ConfigError(f"loss: gives nan for finite logits, {expected}")


def try_measure(name: str, measure: ImageMeasure, spec: DataSpec) -> None:
    """Figures of one made-up image.

    Raises:
        ConfigError: The measure raises, or its figures are not those that ``figure_specs`` names.
    """
    section = f"metric.{name}"
    truth = (np.arange(SIDE * SIDE) // 5 % spec.num_classes).astype(np.uint8).reshape(SIDE, SIDE)
    image = ImagePrediction(
        truth[::-1].copy(), truth, np.full((spec.score_channels, SIDE, SIDE), 0.5, dtype=np.float32)
    )
    with trying(section, "its measuring of one image"):
        classes = measure.classes(spec)
        sums = np.asarray(measure.sums(image, classes), dtype=np.float64)
        found = measure.figures(sums[None])
        names, shapes = set(found), {np.shape(value) for value in found.values()}
        expected = set(measure.described_figures())
    if sums.ndim != 2 or len(sums) != len(classes):
        raise ConfigError(f"{section}: sums() gives shape {sums.shape}, expected ({len(classes)}, n), a row per class")
    if names != expected or shapes != {(1, len(classes))}:
        raise ConfigError(
            f"{section}: figures() gives {sorted(names)} of shape {sorted(map(str, shapes))}, expected those of "
            f"figure_specs, {sorted(expected)}, of shape {(1, len(classes))}, images by classes"
        )
