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
from segexp.windows.resampling import resample, resample_image
from segexp.windows.rescale import Rescale
from segexp.windows.sliding import sliding_window


class DenseTask(BaseTask):
    """A task with an output for every pixel.

    Attributes:
        tta: Test-time augmentation of validation and test; off while fitting.
        precision: Of forward passes in validation, test and prediction.
        rescale: At which size images are seen in test and prediction; None: as they are, as in training.
    """

    model_form = "mask"
    rescale: Rescale | None = None

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
        self,
        *,
        tta: Tta | None = None,
        precision: Precision | None = None,
        inference: dict[str, Any] | None = None,
        rescale: Rescale | None = None,
    ) -> Self:
        """Gives a task of the same network that sees images in another way.

        Args:
            tta: Test-time augmentation; None: as it is.
            precision: As of the constructor; None: as it is.
            inference: Keys of ``inference`` that differ.
            rescale: At which size images are seen; None: as it is.
        """
        other = self.twin()
        other.tta = self.tta if tta is None else tta
        other.precision = self.precision if precision is None else precision
        other.inference = replace(self.inference, **(inference or {}))
        other.rescale = self.rescale if rescale is None else rescale
        return other

    def judged(self, outputs: Tensor) -> Tensor:
        """Reduces outputs (B, K, H, W) to what is averaged over views and windows, and judged."""
        return outputs

    def spatial(self, outputs: Tensor) -> Tensor:
        """Reduces judged outputs (B, K, H, W) to what may be interpolated between pixels."""
        return outputs

    def from_spatial(self, values: Tensor) -> Tensor:
        """The inverse of :meth:`spatial`: outputs as they are judged."""
        return values

    def evaluated(self, image: Tensor) -> Tensor:
        """Outputs of whole images as they are judged, the same in validation, test and prediction.

        Large images are seen in windows, each of them in all views of the test-time augmentation: as many forward
        passes as windows of every view, and the outputs are blended once. With ``rescale`` the image is resampled
        before, and what was made of it (of a segmentation its probabilities) is resampled back.

        Args:
            image: Raw images (B, C, H, W).

        Returns:
            float32 (B, K, H, W).
        """
        size = height, width = image.shape[-2:]
        seen = size if self.rescale is None else self.rescale.shape_for(height, width)
        if seen == size:
            return self.evaluated_natively(image)
        outputs = self.evaluated_natively(resample_image(image, *seen))
        return self.from_spatial(resample(self.spatial(outputs), height, width))

    def evaluated_natively(self, image: Tensor) -> Tensor:
        """Evaluates, like :meth:`evaluated`, images that have the size at which they are seen."""
        settings = self.inference
        window = settings.window_for(*image.shape[-2:])
        if window is None:
            return self.views()(image)
        stats = batch_statistics(image) if self.scale.per_image else None
        together = settings.windows_in_a_pass(image.device.type)
        return sliding_window(self.views(stats), image, window, settings.overlap, settings.blend, together)

    def views(self, stats: Tensor | None = None) -> Callable[[Tensor], Tensor]:
        """Makes the function that windows are predicted with, in all views of the test-time augmentation.

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
