"""Settings by which validation, test and prediction see images whole or in windows."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from segexp.windows.plan import Blend

AUTO_PIXELS = 1024 * 1024
"""With ``auto``, images of up to so many pixels are seen whole."""

AUTO_WINDOW = 512
"""With ``auto``, side of the windows of larger images."""


@dataclass(frozen=True)
class Inference:
    """The ``inference`` section of a config.

    Attributes:
        window: Side of the windows in pixels; ``auto``: whole images up to 1024x1024 pixels, windows of 512 beyond;
            None: always whole images.
        overlap: Share of a side that neighbouring windows have in common.
        blend: How windows that overlap are blended, see :class:`~segexp.windows.plan.WindowPlan`.
        batch_size: Windows in a forward pass; ``auto``: 1 on a processor, where more gain no time and take 100 MB each
            (a window of 512 and cunet), 4 on other devices.
    """

    window: int | Literal["auto"] | None = "auto"
    overlap: float = 0.25
    blend: Blend = "gaussian"
    batch_size: int | Literal["auto"] = "auto"

    def window_for(self, height: int, width: int) -> int | None:
        """Gives the side of the windows for an image of this size in pixels; None: it is seen whole."""
        window = self._side(height * width)
        return window if window is not None and max(height, width) > window else None

    def seen_pixels(self, height: int, width: int) -> int:
        """Counts the pixels that a network sees of an image of this size: where windows overlap more than it has."""
        window = self.window_for(height, width)
        if window is None:
            return height * width
        stride = max(1, round(window * (1 - self.overlap)))
        rows, columns = (1 + math.ceil(max(0, side - window) / stride) for side in (height, width))
        return rows * columns * min(window, height) * min(window, width)

    def windows_in_a_pass(self, device: str) -> int:
        """Gives the number of windows in a forward pass for a kind of device, such as ``cpu``."""
        if self.batch_size == "auto":
            return 1 if device == "cpu" else 4
        return self.batch_size

    def _side(self, pixels: int) -> int | None:
        if self.window == "auto":
            return AUTO_WINDOW if pixels > AUTO_PIXELS else None
        return self.window

    def in_force(self, shapes: Iterable[tuple[int, int]]) -> dict[str, Any]:
        """Summarises these settings for images of given heights and widths, for run.json and results.json."""
        windows = [self.window_for(*shape) for shape in shapes]
        sides = sorted({window for window in windows if window is not None})
        facts: dict[str, Any] = {
            "window": sides[0] if sides else None,
            "images_in_windows": sum(window is not None for window in windows),
            "images_whole": sum(window is None for window in windows),
        }
        return facts | ({"overlap": self.overlap, "blend": self.blend} if sides else {})
