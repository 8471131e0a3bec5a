"""Several models that are asked together: the mean of their probabilities."""

from collections.abc import Iterable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from segexp.losses.base import SegmentationLoss
from segexp.tasks.segmentation import Segmentation


class EnsembleModule(Segmentation):
    """Stands for its members wherever one module is evaluated.

    The mean is taken of the probabilities of each pass, window by window and view by view; it is handed on as log-odds
    (two classes) or logarithms, whose sigmoid or softmax gives it back.
    """

    def __init__(self, members: Sequence[Segmentation], loss: SegmentationLoss) -> None:
        """Takes inference settings and classes from the first member.

        Args:
            members: At least one; of the same classes in the same order, and the same channels.
            loss: Never asked; an ensemble is not trained.
        """
        first = members[0]
        super().__init__(
            nn.ModuleList(members), loss, first.spec, torch.optim.SGD, speed=first.speed, inference=first.inference
        )
        # Statistics are measured where one member needs them; others take no notice.
        self.scale.per_image = any(member.scale.per_image for member in members)

    @property
    def members(self) -> list[Segmentation]:
        """The tasks whose probabilities are averaged."""
        return list(cast("Iterable[Segmentation]", self.model))

    def forward(self, image: Tensor, stats: Tensor | None = None) -> Tensor:
        """Log-odds or logarithms (B, K, H, W) of the mean probability of raw images (B, C, H, W)."""
        mean = torch.stack([self.probabilities(member(image, stats).float()) for member in self.members]).mean(dim=0)
        return self.from_spatial(mean)
