"""What every loss is: logits and a uint8 mask in, a float32 scalar out."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from segexp.spec import DataSpec

TOTAL = "total"
"""Key of the scalar to minimise in :meth:`SegmentationLoss.terms`."""


class SegmentationLoss(nn.Module, ABC):
    """Base of all losses; a subclass writes :meth:`forward` and :meth:`check`.

    The contract (tests/contracts/test_losses.py): the loss applies its own activation; pixels of value 255
    change neither value nor gradient, whatever their logits; sums are in float32 whatever the dtype of the
    logits; a mask without a single valid pixel gives exactly 0 and a zero gradient.
    """

    @abstractmethod
    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        """The loss.

        Args:
            logits: float (B, K, H, W) of any float dtype, before any activation.
            mask: uint8 (B, H, W), class numbers and 255 for ignored.

        Returns:
            float32 scalar.
        """

    @abstractmethod
    def check(self, spec: DataSpec) -> None:
        """Compare with the data before training.

        Raises:
            MismatchError: The loss does not fit the classes; the message says which one does.
        """

    def terms(self, logits: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """Everything worth logging, computed once: ``total``, and for a sum each unweighted term by name.

        A training step calls this instead of :meth:`forward`, minimises ``terms["total"]`` and logs the
        others.
        """
        return {TOTAL: self(logits, mask)}


def describe_classes(spec: DataSpec) -> str:
    """Number and names of the classes for a message: ``3 (a, b, c)``."""
    return f"{spec.num_classes} ({', '.join(spec.classes)})"
