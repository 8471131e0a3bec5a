"""Confusion counts per image: the integers from which every hard measure is made."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from segexp.errors import DataError
from segexp.spec import IGNORED


def confusion(prediction: Tensor, truth: Tensor, num_classes: int) -> Tensor:
    """Pixels of each pair of true and predicted class, image by image.

    Args:
        prediction: bool or integer (B, H, W) of 0..C-1.
        truth: uint8 (B, H, W) of 0..C-1, and 255 for pixels that are not counted.
        num_classes: C.

    Returns:
        int64 (B, C, C), rows are the truth, columns the prediction.

    Raises:
        DataError: The truth holds another value; counted as it is, it would vanish without a word.
    """
    batch = truth.shape[0]
    # Every possible mask value has its row, so that one count both drops 255 and finds illegal values.
    images = torch.arange(batch, device=truth.device, dtype=torch.int32).view(-1, 1, 1)
    cells = ((images * (IGNORED + 1)).add(truth) * num_classes).add_(prediction)
    shape = (batch, IGNORED + 1, num_classes)
    counts = torch.bincount(cells.flatten(), minlength=shape[0] * shape[1] * shape[2]).view(shape)
    illegal = counts[:, num_classes:IGNORED].sum(dim=(0, 2))
    if bool(illegal.any()):
        found = [num_classes + index for index in illegal.nonzero().flatten().tolist()]
        raise DataError(
            f"the mask holds {found}, expected 0..{num_classes - 1} and {IGNORED} for ignored pixels: "
            "map these values to classes in the datamodule"
        )
    return counts[:, :num_classes]


class ConfusionCounts(Metric):
    """One confusion matrix per image, kept with the image's number until the end of the epoch.

    Sums of them do not depend on the batch size. A sampler that pads the last batch of a rank with images
    that another rank has as well changes nothing: of equal numbers one is kept.

    Args:
        num_classes: C.
        kwargs: For torchmetrics.
    """

    full_state_update = False
    rows: list[Tensor] | Tensor

    def __init__(self, num_classes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_classes = num_classes
        # One state, so one exchange between ranks: the image's number, then its matrix row by row.
        self.add_state("rows", default=[], dist_reduce_fx="cat")

    def update(self, prediction: Tensor, truth: Tensor, ids: Tensor) -> None:
        """Count a batch: prediction and truth (B, H, W) as for :func:`confusion`, ids integer (B,)."""
        matrices = confusion(prediction, truth, self.num_classes)
        self._list().append(torch.cat((ids.long().to(matrices.device).view(-1, 1), matrices.flatten(1)), 1))

    def compute(self) -> tuple[Tensor, Tensor]:
        """Ids int64 (N,), ascending and distinct, and their matrices int64 (N, C, C), rows the truth."""
        rows = dim_zero_cat(self.rows) if len(self.rows) else self._nothing()
        rows = rows[rows[:, 0].argsort(stable=True)]
        new = torch.ones(len(rows), dtype=torch.bool, device=rows.device)
        new[1:] = rows[1:, 0] != rows[:-1, 0]
        rows = rows[new]
        return rows[:, 0], rows[:, 1:].reshape(-1, self.num_classes, self.num_classes)

    def sync(
        self,
        dist_sync_fn: Callable[..., Any] | None = None,
        process_group: Any | None = None,
        should_sync: bool = True,
        distributed_available: Callable[..., Any] | None = None,
    ) -> None:
        """Exchange between ranks; a rank without images takes part with an empty table of the right shape.

        Torchmetrics would send an empty float vector, on which the gathering of integer tables hangs.
        """
        if len(self.rows) == 0:
            self._list().append(self._nothing())
        super().sync(dist_sync_fn, process_group, should_sync, distributed_available)

    def _nothing(self) -> Tensor:
        return torch.empty(0, 1 + self.num_classes**2, dtype=torch.int64, device=self.device)

    def _list(self) -> list[Tensor]:
        if isinstance(self.rows, Tensor):  # after a sync that was not undone
            self.rows = [self.rows]
        return self.rows
