"""Confusion counts per image: the integers from which every hard measure is made."""

from typing import Any

import torch
from torch import Tensor

from segexp.errors import DataError, MismatchError
from segexp.metrics.table import ImageTable
from segexp.spec import IGNORED

BLOCK = 1 << 22
"""Pixels counted together: each takes eight bytes while it is counted."""


def confusion(prediction: Tensor, truth: Tensor, num_classes: int) -> Tensor:
    """Pixels of each pair of true and predicted class, image by image.

    Args:
        prediction: bool or integer (B, H, W) of 0..C-1.
        truth: uint8 (B, H, W) of 0..C-1, and 255 for pixels that are not counted.
        num_classes: C.

    Returns:
        int64 (B, C, C), rows are the truth, columns the prediction.

    Raises:
        MismatchError: Prediction and truth have different shapes, or are no class numbers.
        DataError: The truth or the prediction holds another value; counted as it is, it would vanish without a word, or
            count as another class.
    """
    _check_shapes(prediction, truth)
    _check_prediction(prediction, num_classes)
    pixels = max(1, BLOCK // truth.shape[0])
    parts = [torch.split(labels.flatten(1), pixels, dim=1) for labels in (prediction, truth)]
    counts = torch.stack([_pairs(p, t, num_classes) for p, t in zip(*parts, strict=True)]).sum(dim=0)
    illegal = counts[:, num_classes:IGNORED].sum(dim=(0, 2))
    if bool(illegal.any()):
        found = [num_classes + index for index in illegal.nonzero().flatten().tolist()]
        raise DataError(
            f"the mask holds {found}, expected 0..{num_classes - 1} and {IGNORED} for ignored pixels: "
            "map these values to classes in the datamodule"
        )
    return counts[:, :num_classes]


def _check_shapes(prediction: Tensor, truth: Tensor) -> None:
    if prediction.shape != truth.shape or truth.ndim != 3:
        raise MismatchError(
            f"counts: found predictions {tuple(prediction.shape)} and masks {tuple(truth.shape)}, expected both "
            "(B, H, W); squeeze(1) takes a channel off"
        )
    if prediction.is_floating_point() or truth.is_floating_point():
        raise MismatchError(
            f"counts: found predictions of {prediction.dtype} and masks of {truth.dtype}, expected class numbers; of "
            "logits (B, K, H, W) logits.argmax(dim=1), for two classes (logits[:, 0] >= 0).byte()"
        )


def _check_prediction(prediction: Tensor, num_classes: int) -> None:
    if prediction.numel() == 0 or prediction.dtype == torch.bool:
        return
    lowest, highest = (int(edge) for edge in prediction.aminmax())
    if lowest < 0 or highest >= num_classes:
        found = [value for value in torch.unique(prediction).tolist() if not 0 <= value < num_classes]
        raise DataError(
            f"the prediction holds {found[:8]}, expected 0..{num_classes - 1}: every pixel gets a class, also where "
            "the truth is ignored"
        )


def _pairs(prediction: Tensor, truth: Tensor, num_classes: int) -> Tensor:
    """Pixels of each mask value and predicted class: (B, pixels) each, to int64 (B, 256, C).

    Every possible mask value has its row, so that one count both drops 255 and finds illegal values.
    """
    batch = len(truth)
    images = torch.arange(batch, device=truth.device, dtype=torch.int32).view(-1, 1)
    cells = ((images * (IGNORED + 1)).add(truth) * num_classes).add_(prediction)
    shape = (batch, IGNORED + 1, num_classes)
    return torch.bincount(cells.flatten(), minlength=shape[0] * shape[1] * shape[2]).view(shape)


class ConfusionCounts(ImageTable):
    """One confusion matrix per image, kept with the image's number until the end of the epoch.

    Args:
        num_classes: C.
        kwargs: For torchmetrics.
    """

    def __init__(self, num_classes: int, **kwargs: Any) -> None:
        super().__init__(num_classes**2, **kwargs)
        self.num_classes = num_classes

    def update(self, prediction: Tensor, truth: Tensor, ids: Tensor) -> None:  # type: ignore[override] # of masks
        """Count a batch: prediction and truth (B, H, W) as for :func:`confusion`, ids integer (B,)."""
        super().update(confusion(prediction, truth, self.num_classes).flatten(1), ids)

    def compute(self) -> tuple[Tensor, Tensor]:
        """Ids int64 (N,), ascending and distinct, and their matrices int64 (N, C, C), rows the truth."""
        ids, rows = super().compute()
        return ids, rows.reshape(-1, self.num_classes, self.num_classes)
