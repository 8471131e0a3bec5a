"""What classifiers of whole images share: feature maps, their mean over all places, one linear layer."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from segexp.models.auxiliary import Supervised


class Classifier(nn.Module, ABC):
    """Image (B, C, H, W) to logits (B, K), as class activation maps need it (Zhou et al. 2016, section 2).

    The logits are a linear layer of the mean of each feature map: ``logits = head(features(image).mean((-2, -1)))``
    A model may drop values of that mean in training. So every place of the map adds its part to each logit:
    ``head.weight`` (K, F) over the maps (B, F, h, w) is how much.

    Attributes:
        form: The form of the targets that it is for, see :class:`segexp.spec.Target`: outputs of the whole image.
        smallest: Height and width that an image needs at least, pixels.
    """

    form: ClassVar[str] = "label"
    smallest: int

    @property
    @abstractmethod
    def head(self) -> nn.Linear:
        """The last layer: weight (K, F) and bias (K,)."""

    @abstractmethod
    def features(self, image: Tensor) -> Tensor:
        """The last feature maps of an image, after their ReLU: float (B, C, H, W) -> (B, F, h, w).

        Raises:
            InputSizeError: H or W is below ``smallest``.
        """

    def forward(self, image: Tensor) -> Tensor | Supervised:
        """Logits of an image.

        Args:
            image: float (B, C, H, W), H and W of at least ``smallest``.

        Returns:
            Logits (B, K), in the dtype of the layers (bfloat16 under autocast); with auxiliary classifiers, in training
            mode, ``Supervised``.

        Raises:
            InputSizeError: H or W is too small.
        """
        logits: Tensor = self.head(self.features(image).mean((-2, -1)))
        return logits


def is_classifier(model: nn.Module | type[nn.Module]) -> bool:
    """Returns whether a model gives outputs (B, K) of whole images; others give (B, K, H, W)."""
    return getattr(model, "form", "mask") in ("label", "value")
