"""ImageTable: a row of numbers per image, kept with the image's number over batches and ranks."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, distributed
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat


class ImageTable(Metric):
    """One row of n numbers per image until the end of the epoch.

    What is made of it does not depend on the batch size. A sampler that pads the last batch of a rank with images
    that another rank has as well changes nothing: of equal numbers one is kept.

    Args:
        width: n; None: known when the first image is.
        dtype: Of the rows; the image's number stands in the same row.
        kwargs: For torchmetrics.
    """

    full_state_update = False
    rows: list[Tensor] | Tensor

    def __init__(self, width: int | None, dtype: torch.dtype = torch.int64, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = width
        self.kind = dtype
        # One state, so one exchange between ranks: the image's number, then its numbers.
        self.add_state("rows", default=[], dist_reduce_fx="cat")

    def update(self, values: Tensor, ids: Tensor) -> None:
        """Keep a batch: values (B, n), ids integer (B,)."""
        numbers = ids.to(device=values.device, dtype=self.kind).view(-1, 1)
        self._list().append(torch.cat((numbers, values.to(self.kind)), 1))

    def compute(self) -> tuple[Tensor, Tensor]:
        """Ids int64 (N,), ascending and distinct, and their rows (N, n)."""
        rows = dim_zero_cat(self.rows) if len(self.rows) else self._nothing()
        rows = rows if rows.ndim == 2 else rows.view(0, 1)
        rows = rows[rows[:, 0].argsort(stable=True)]
        new = torch.ones(len(rows), dtype=torch.bool, device=rows.device)
        new[1:] = rows[1:, 0] != rows[:-1, 0]
        rows = rows[new]
        return rows[:, 0].long(), rows[:, 1:]

    def table(self) -> Tensor:
        """Rows (N, n) of :meth:`compute`, also where torchmetrics makes a scalar of a single number."""
        ids, rows = self.compute()
        return rows if rows.ndim == 2 else rows.reshape(ids.numel(), 1)

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
        # An empty vector may be concatenated with tables of any width.
        shape = (0,) if self.width is None else (0, 1 + self.width)
        return torch.empty(shape, dtype=self.kind, device=self.device)

    def _list(self) -> list[Tensor]:
        if isinstance(self.rows, Tensor):  # after a sync that was not undone
            self.rows = [self.rows]
        return self.rows


class HostTable(ImageTable):
    """A table of sums by image in the memory of the processor, whatever the device, for rows made with NumPy.

    The float64 that exact sums need is not on every device.
    """

    def __init__(self, dtype: torch.dtype = torch.float64, **kwargs: Any) -> None:
        super().__init__(None, dtype, dist_sync_fn=gathered, **kwargs)

    def _apply(self, fn: Callable[..., Any], exclude_state: Sequence[str] = "") -> "HostTable":
        return self


def gathered(table: Tensor, group: Any | None = None) -> list[Tensor]:
    """The tables of all ranks; as objects, because some backends exchange tensors of GPUs only."""
    tables: list[Any] = [None] * distributed.get_world_size(group)
    distributed.all_gather_object(tables, table, group)
    return tables
