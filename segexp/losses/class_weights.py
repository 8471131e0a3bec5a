"""Weights of classes, given or computed from the training images."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from segexp.config.checks.built_words import check_word
from segexp.errors import ConfigError, MismatchError
from segexp.losses.base import AUTO, SegmentationLoss, describe_classes
from segexp.losses.targets import class_numbers
from segexp.spec import IGNORED, DataSpec


class WithClassWeights(SegmentationLoss):
    """A loss, of pixels or regions, with one weight per class in ``class_weights``, float32 (C,), or None.

    Args:
        weights: Non-negative numbers in the order of the mask values, ``auto`` or None.
        key: The key of the config that holds them, for messages.

    Raises:
        ConfigError: A weight is negative, all are 0, or a word is not ``auto``.
    """

    class_weights: Tensor | None

    def __init__(self, weights: Sequence[float] | str | None, key: str = "class_weights") -> None:
        super().__init__()
        if isinstance(weights, str):
            check_word(key, weights, Literal["auto"])
        self._key = key
        self._auto = weights == AUTO
        tensor = None if weights is None or isinstance(weights, str) else _checked(weights, key)
        # A buffer to follow the device; not persistent, because it belongs to the config and not to the
        # weights.
        self.register_buffer("class_weights", tensor, persistent=False)

    @property
    def needs_counts(self) -> bool:
        """True if the weights are ``auto``."""
        return self._auto

    def set_counts(self, counts: Tensor, spec: DataSpec) -> None:
        """Balances the classes if the weights are ``auto``; counts int64 (N, C), see the base class.

        Raises:
            MismatchError: A class is absent from the training images.
        """
        if self._auto:
            self.class_weights = median_frequency(counts, spec, self._key)

    def resolved(self) -> dict[str, Any]:
        """The computed weights by their key."""
        return {self._key: self.class_weights.tolist()} if self._auto and self.class_weights is not None else {}

    def weights_in_force(self) -> Tensor | None:
        """Gives the weights, float32 (C,), or None for 1 each.

        Raises:
            ConfigError: They are ``auto``, and nothing has been counted yet.
        """
        if self._auto and self.class_weights is None:
            raise ConfigError(f"loss.{self._key}=auto: call set_counts with the pixels per class before the first step")
        return self.class_weights

    def check_weights(self, spec: DataSpec, name: str) -> None:
        """Compares the number of given weights with the classes.

        Raises:
            MismatchError: It differs.
        """
        if self.class_weights is not None and len(self.class_weights) != spec.num_classes:
            raise MismatchError(
                f"{self._key} of loss={name} has {len(self.class_weights)} numbers, the data has "
                f"{describe_classes(spec)}: give one weight per class in this order"
            )


class ClassWeighted(WithClassWeights):
    """A loss of single pixels with one weight per class; the logits of an image are as those of one pixel."""

    def pixel_weights(self, mask: Tensor) -> Tensor | None:
        """Gives the weight of each pixel's class, float32 (B, H, W), 0 at ignored pixels; None without weights."""
        weights = self.weights_in_force()
        return None if weights is None else weights[class_numbers(mask)].masked_fill(mask == IGNORED, 0.0)


def median_frequency(counts: Tensor, spec: DataSpec, key: str) -> Tensor:
    """Balances classes by median frequency (Eigen & Fergus 2015, section 6.3.2; used by SegNet).

    The frequency of a class is its pixels over all pixels of the images that show it; its weight is the median of
    all frequencies over its own.

    Args:
        counts: int64 (N, C), valid pixels per image and class.
        spec: Names of the classes.
        key: The key that asks for it, for the message.

    Returns:
        float32 (C,), positive.

    Raises:
        MismatchError: A class is in no image.
    """
    refuse_absent(counts, spec, key)
    shown = torch.where(counts > 0, counts.sum(dim=1, keepdim=True), 0).sum(dim=0)
    frequency = counts.sum(dim=0).double() / shown
    return (frequency.quantile(0.5) / frequency).float()


def refuse_absent(counts: Tensor, spec: DataSpec, key: str) -> None:
    """Makes sure that each class has a pixel in the training images, counts int64 (N, C).

    Raises:
        MismatchError: One has none; no number could stand for its weight.
    """
    absent = [name for name, pixels in zip(spec.classes, counts.sum(dim=0).tolist(), strict=True) if pixels == 0]
    if absent:
        raise MismatchError(
            f"loss.{key}=auto needs every class in the training images, found no pixel of {', '.join(absent)}: "
            "give the weights as numbers"
        )


def _checked(weights: Sequence[float], key: str) -> Tensor:
    tensor = torch.tensor([float(weight) for weight in weights])
    if not bool((tensor >= 0).all()) or not bool((tensor > 0).any()):
        raise ConfigError(f"loss.{key}={list(weights)}: give weights of 0 or more, not all 0")
    return tensor
