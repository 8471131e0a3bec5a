"""Tasks whose outputs have the height and width of the image: windows and test-time augmentation."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

import torch
from torch import Tensor, nn

from segexp.image_statistics import batch_statistics
from segexp.spec import DataSpec
from segexp.tasks.base import BaseTask, MakeOptimizer
from segexp.tasks.tta import Precision, Tta, augmented
from segexp.windows.sliding import sliding_window


class DenseTask(BaseTask):
    """A task with an output for every pixel.

    Attributes:
        tta: Test-time augmentation of validation and test; off while fitting.
        precision: Of forward passes in validation, test and prediction.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: nn.Module,
        spec: DataSpec,
        optimizer: MakeOptimizer,
        *,
        tta: Tta = "none",
        precision: Precision = "float32",
        **parts: Any,
    ) -> None:
        """Ties the parts together.

        Args:
            model: Float image (B, C, H, W) to outputs (B, K, H, W).
            loss: Applied to these outputs and the target.
            spec: Target and scaling.
            optimizer: Makes the optimiser from the parameters.
            tta: Test-time augmentation.
            precision: ``bfloat16``: autocast in forward passes of evaluation, too.
            **parts: As for :class:`BaseTask`.
        """
        super().__init__(model, loss, spec, optimizer, **parts)
        self.tta = tta
        self.precision = precision

    def seen_by(
        self, *, tta: Tta | None = None, precision: Precision | None = None, inference: dict[str, Any] | None = None
    ) -> Self:
        """The same network, asked in another way.

        Args:
            tta: Test-time augmentation; None: as it is.
            precision: As of the constructor; None: as it is.
            inference: Keys of ``inference`` that differ.
        """
        other = self.twin()
        other.tta = self.tta if tta is None else tta
        other.precision = self.precision if precision is None else precision
        other.inference = replace(self.inference, **(inference or {}))
        return other

    def judged(self, outputs: Tensor) -> Tensor:
        """What is averaged over views and windows, and judged, of outputs (B, K, H, W)."""
        return outputs

    def evaluated(self, image: Tensor) -> Tensor:
        """Outputs of whole images as they are judged, the same in validation, test and prediction.

        Large images are seen in windows, each of them in all views of the test-time augmentation: as many forward
        passes as windows of every view, and the outputs are blended once.

        Args:
            image: Raw images (B, C, H, W).

        Returns:
            float32 (B, K, H, W).
        """
        settings = self.inference
        window = settings.window_for(*image.shape[-2:])
        if window is None:
            return self.views()(image)
        stats = batch_statistics(image) if self.scale.per_image else None
        together = settings.windows_in_a_pass(image.device.type)
        return sliding_window(self.views(stats), image, window, settings.overlap, settings.blend, together)

    def views(self, stats: Tensor | None = None) -> Callable[[Tensor], Tensor]:
        """What windows give in all views of the test-time augmentation.

        Args:
            stats: float32 (B, 2, C) of the whole images that the windows are cut from; see :class:`Normalize`.

        Returns:
            From raw windows (N, C, h, w), N a multiple of B, to float32 outputs (N, K, h, w).
        """

        def forward(windows: Tensor) -> Tensor:
            own = None if stats is None else stats.repeat(len(windows) // len(stats), 1, 1)
            # Switched off where it is not asked for: figures of a test are those of float32.
            with torch.autocast(windows.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
                return augmented(lambda view: self.judged(self(view, own).float()), windows, self.tta)

        return forward
