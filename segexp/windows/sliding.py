"""Sliding windows: logits of an image of any size by a model that sees a window at a time."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from segexp.windows.plan import Blend, Window, WindowPlan

Forward = Callable[[Tensor], Tensor]
"""Raw windows (N, C, h, w) to logits (N, K, h, w)."""


@torch.inference_mode()
def sliding_window(
    forward: Forward,
    image: Tensor,
    window: int,
    overlap: float = 0.25,
    weights: Blend = "gaussian",
    batch_size: int = 4,
) -> Tensor:
    """Computes the logits of whole images in memory, window by window.

    The weighted mean is taken of logits, not of probabilities: loss, threshold and the mean over flipped views all
    work on logits, and an image that is one window comes out as the plain forward pass gives it, to the last bit.

    Args:
        forward: Raw windows to logits; precision and memory order are its own business.
        image: Raw images (B, C, H, W).
        window: Side of the windows in pixels; an image not larger than that is given to ``forward`` as it is.
        overlap: Share of a side that neighbouring windows have in common.
        weights: How windows that overlap are blended, see :class:`~segexp.windows.plan.WindowPlan`.
        batch_size: Windows in a call of ``forward``, those of all B images together.

    Returns:
        float32 logits (B, K, H, W).
    """
    height, width = image.shape[-2:]
    plan = WindowPlan(height, width, window, overlap, weights)
    if len(plan) == 1:
        return forward(image).float()
    whole: Tensor | None = None
    top = 0
    for rows in stitched(forward, lambda part: image[(..., *part.slices)], plan, max(1, batch_size // len(image))):
        if whole is None:
            whole = rows.new_empty((*rows.shape[:2], plan.height, plan.width))
        whole[:, :, top : top + rows.shape[2]] = rows
        top += rows.shape[2]
    if whole is None:
        raise RuntimeError("a plan has at least one row of windows")
    return whole


@torch.inference_mode()
def stitched(forward: Forward, read: Callable[[Window], Tensor], plan: WindowPlan, together: int) -> Iterator[Tensor]:
    """Yields logits from top to bottom, in bands of rows; no more than one row of windows is in memory.

    Args:
        forward: Raw windows to logits.
        read: Gives the raw pixels (B, C, h, w) of a window, on the device of the model; asked once for each, in order.
        plan: The windows.
        together: Windows in a call of ``forward``.

    Yields:
        float32 (B, K, n, W), the next n rows; in all, H rows.
    """
    band: BandAccumulator | None = None
    for start in range(0, len(plan), together):
        windows = [plan[number] for number in range(start, min(start + together, len(plan)))]
        logits = forward(_joined([read(window) for window in windows]))
        for part in logits.chunk(len(windows)):
            band = band or BandAccumulator(plan, part)
            rows = band.add(part)
            if rows is not None:
                yield rows


def _joined(windows: list[Tensor]) -> Tensor:
    """One batch with interleaved channels, which is how images are decoded and what scaling is fastest on."""
    return torch.cat([window.permute(0, 2, 3, 1) for window in windows]).permute(0, 3, 1, 2)


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
