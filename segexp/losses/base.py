"""Base of all losses: logits and a uint8 mask in, a float32 scalar out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from torch import Tensor, nn

from segexp.losses.inputs import check_inputs
from segexp.spec import DataSpec

TOTAL = "total"
"""Key of the scalar to minimise in :meth:`SegmentationLoss.terms`."""

AUTO = "auto"
"""Value of a key of weights that are computed from the training images."""


class SegmentationLoss(nn.Module, ABC):
    """Base of all losses; a subclass writes :meth:`forward` and :meth:`check`.

    The contract (tests/contracts/test_losses.py): the loss applies its own activation; pixels of value 255
    change neither value nor gradient, whatever their logits; sums are in float32 whatever the dtype of the
    logits; a mask without a single valid pixel gives exactly 0 and a zero gradient. The docstring says which
    activation it is and what becomes of a class that is absent from the mask.

    A call compares logits and mask first, see :func:`segexp.losses.inputs.check_inputs`; a subclass need not.

    Attributes:
        exceptions: Parts of the contract that cannot hold, by name, each with the reason.
        one_logit: Whether the loss is for two classes alone and reads one logit per pixel, that of the second.
    """

    exceptions: Mapping[str, str] = MappingProxyType({})
    one_logit: bool = False

    def __call__(self, logits: Tensor, mask: Tensor) -> Tensor:
        """The loss of inputs that fit each other.

        Raises:
            MismatchError: Shapes or types do not fit the loss or each other.
            DataError: The mask holds what is no class.
        """
        check_inputs(type(self).__name__, logits, mask, one_logit=self.one_logit)
        value: Tensor = super().__call__(logits, mask)
        return value

    @abstractmethod
    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Computes the loss.

        Args:
            logits: float (B, K, H, W) of any float dtype, before any activation.
            mask: uint8 (B, H, W), class numbers and 255 for ignored.

        Returns:
            float32 scalar.
        """

    @abstractmethod
    def check(self, spec: DataSpec) -> None:
        """Compares the loss with the data before training.

        Raises:
            MismatchError: The loss does not fit the classes; the message says which one does.
        """

    def terms(self, logits: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """Computes everything worth logging at once: ``total``, and for a sum each unweighted term by name.

        A training step calls this instead of :meth:`forward`, minimises ``terms["total"]`` and logs the
        others.
        """
        return {TOTAL: self(logits, mask)}

    def at_epoch(self, epoch: float) -> None:
        """Called at the start of each training epoch, counted from 0; a loss that changes over time follows it.

        What it sets depends on the epoch alone, so that a resumed run goes on as it would have.
        """

    @property
    def weights_now(self) -> dict[str, float]:
        """Weights in force that change over time, by term, to be logged; empty for a loss that stays the same."""
        return {}

    @property
    def needs_counts(self) -> bool:
        """True if :meth:`set_counts` must be called before the first step, since a key is ``auto``."""
        return False

    def set_counts(self, counts: Tensor, spec: DataSpec) -> None:
        """Computes the weights of ``auto`` keys.

        Args:
            counts: int64 (N, C): valid pixels of each class in each of the N training images.
            spec: Names of the classes.

        Raises:
            MismatchError: A class is absent from the training images, so that it has no weight.
        """

    def resolved(self) -> dict[str, Any]:
        """Gives the weights that :meth:`set_counts` computed, by key, for run.json; empty without ``auto``."""
        return {}


def describe_classes(spec: DataSpec) -> str:
    """Number and names of the classes for a message: ``3 (a, b, c)``."""
    return f"{spec.num_classes} ({', '.join(spec.classes)})"


def another_loss(target: str) -> str:
    """Says what to use in place of a loss that cannot be used as it is: ours of the same idea, or one that wraps it.

    Args:
        target: Its dotted name.
    """
    name = target.rpartition(".")[2]
    instead = f"use loss={_OURS[name]}, or wrap it: " if name in _OURS else "wrap it: "
    return f"{instead}docs/extending.md has an example"


_OURS = {
    "BCELoss": "bce", "BCEWithLogitsLoss": "bce", "CrossEntropyLoss": "ce", "NLLLoss": "nll", "DiceLoss": "dice",
    "JaccardLoss": "jaccard", "LovaszLoss": "lovasz", "FocalLoss": "focal", "TverskyLoss": "tversky",
    "GeneralizedDiceLoss": "generalised_dice", "DiceCELoss": "ce_dice", "SoftclDiceLoss": "soft_cldice",
}  # fmt: skip
"""Losses of other packages by their name, and the file of ours that is the same idea."""
