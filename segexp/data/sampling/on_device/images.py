"""All training images in the memory of a device, from which whole batches of samples are taken at once."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segexp.data.items.item import Item
from segexp.data.sampling.samples import Batch


class DeviceImages:
    """Images and targets as tables of pixels; a batch is made of their rows, in the order that its plans say.

    Pixels are copied and never computed with, so that a batch is the loader's byte for byte.
    """

    def __init__(self, items: Sequence[Item], size: int | None, device: torch.device, *, stats: bool = False) -> None:
        """Copies all images to the device.

        Args:
            items: Images in the order of the plans, alike in channels and type.
            size: Side of the samples; None: whole images of one size.
            device: Where they lie.
            stats: Whether batches carry mean and deviation of the whole images.
        """
        self.device = device
        height, width = items[0].shape if size is None else (size, size)
        self._rows = torch.arange(height, device=device)[None, :, None]
        self._columns = torch.arange(width, device=device)[None, None, :]
        self._kind = _kind(items[0].dtype)
        pixels = sum(item.shape[0] * item.shape[1] for item in items)
        self._images = torch.empty(pixels, items[0].channels, dtype=_stored(self._kind), device=device)
        self._follows = items[0].form.name in ("mask", "image")
        self._target_kind = _kind(items[0].target.dtype) if self._follows else None
        self._targets = self._copy(items, pixels)
        self._stats = torch.from_numpy(np.stack([item.stats for item in items])).to(device) if stats else None

    def _copy(self, items: Sequence[Item], pixels: int) -> Tensor:
        """Copies image by image, so that no second copy of all is needed; gives the table of the targets."""
        targets: Tensor | None = None
        start = 0
        for item in items:
            image, target = item.image, item.target
            stop = start + image.shape[0] * image.shape[1]
            self._images[start:stop].copy_(_rows(image, self._images))
            if self._follows:
                if targets is None:
                    kind = torch.uint8 if self._target_kind is None else _stored(self._target_kind)
                    targets = torch.empty(pixels, *target.shape[2:], dtype=kind, device=self.device)
                targets[start:stop].copy_(_rows(target, targets))
            start = stop
        if targets is None:
            return torch.from_numpy(np.stack([item.target for item in items])).to(self.device)
        return targets

    def batch(self, plans: Tensor, index: Tensor) -> Batch:
        """The batch that the loader would have made.

        Args:
            plans: int64 (B, 4), see :data:`segexp.data.sampling.on_device.plans.Plan`.
            index: int64 (B,), numbers of the samples; they stay where they are.

        Returns:
            ``image`` (B, C, H, W) in channels-last memory, ``target`` of their form, ``index``, and ``stats`` where
            asked for.
        """
        plans = plans.to(self.device, non_blocking=True)
        number, first, down, across = (column[:, None, None] for column in plans.unbind(1))
        places = first + down * self._rows + across * self._columns
        number = plans[:, 0]
        image = self._images[places].view(self._kind).permute(0, 3, 1, 2)
        batch = Batch(image=image, target=self._target(places, number), index=index)
        if self._stats is not None:
            batch["stats"] = self._stats[number]
        return batch

    def _target(self, places: Tensor, number: Tensor) -> Tensor:
        if self._target_kind is None:
            return self._targets[number]
        target = self._targets[places].view(self._target_kind)
        return target.permute(0, 3, 1, 2) if target.ndim == 4 else target


def _kind(dtype: np.dtype[np.generic]) -> torch.dtype:
    return torch.from_numpy(np.empty(0, dtype)).dtype


def _stored(kind: torch.dtype) -> torch.dtype:
    """The type in which pixels lie: PyTorch picks rows of uint16 on no device, but of the same bits as int16."""
    return torch.int16 if kind == torch.uint16 else kind


def _rows(array: NDArray[np.generic], table: Tensor) -> Tensor:
    """Pixels (H, W) or (H, W, C) as rows of a table."""
    return torch.from_numpy(np.ascontiguousarray(array)).view(table.dtype).reshape(-1, *table.shape[1:])
