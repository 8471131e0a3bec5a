"""The rows of an image that windows are still being added to."""

import torch
from torch import Tensor

from segexp.windows.plan import WindowPlan


class BandAccumulator:
    """Adds up windows in their order and gives away the rows that no later window touches.

    Memory is that of one row of windows, however high the image is.
    """

    def __init__(self, plan: WindowPlan, like: Tensor) -> None:
        """Starts with an empty band.

        Args:
            plan: Windows and weights.
            like: Logits of one window (B, K, h, w), for their number and device.
        """
        self.plan = plan
        self._weights = [
            [torch.from_numpy(vector).to(like.device) for vector in vectors]
            for vectors in (plan.row_weights, plan.column_weights)
        ]
        self._next = 0
        self._band = self._empty(like)

    def add(self, logits: Tensor) -> Tensor | None:
        """Takes the next window.

        Args:
            logits: float (B, K, h, w).

        Returns:
            float32 (B, K, n, W), the next n rows of the image, once all is known of them; None before.
        """
        plan = self.plan
        row, column = divmod(self._next, len(plan.lefts))
        left = plan.lefts[column]
        weights = torch.outer(self._weights[0][row], self._weights[1][column])
        self._band[..., left : left + plan.size[1]].addcmul_(logits.float(), weights)
        self._next += 1
        return self._finish(row) if column == len(plan.lefts) - 1 else None

    def _finish(self, row: int) -> Tensor:
        """Cuts off what is done; what the next row of windows overlaps moves to the top of a new band."""
        count = self.plan.finished(row) - self.plan.tops[row]
        done, kept = self._band[:, :, :count], self._band[:, :, count:]
        self._band = self._empty(self._band)
        self._band[:, :, : kept.shape[2]] = kept
        return done

    def _empty(self, like: Tensor) -> Tensor:
        shape = (*like.shape[:2], self.plan.size[0], self.plan.width)
        return torch.zeros(shape, dtype=torch.float32, device=like.device)
