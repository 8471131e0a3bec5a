"""ResNet-18/34/50 as classifiers of whole images (He et al. 2016), in torchvision's layout."""

from typing import Literal

from torch import Tensor, nn

from segexp.models.classifier import Classifier
from segexp.models.encoders.pretrained import load_head, load_pretrained
from segexp.models.encoders.resnet import ResNetStages
from segexp.models.sizes import require_size
from segexp.types import PositiveInt


class ResNetClassifier(Classifier, ResNetStages):
    """Residual network, global average pooling and one linear layer; keys of the state dict are torchvision's.

    With 1000 classes and RGB at base 64: 11,689,512, 21,797,672 and 25,557,032 parameters (ResNet-18, -34, -50).
    The last maps are 512 (2048 for ResNet-50) of 7x7 values for 224x224 pixels.

    Args:
        in_channels: C, given by the data.
        out_channels: K classes, given by the data.
        base: Channels of the stem; all widths go with it.
        encoder: Which ResNet.
        output_stride: Pixels of the image per value of the last map. With 16 or 8 the last one or two layers dilate in
            place of their stride: the same weights, maps 2 or 4 times as fine.
        pretrained: ImageNet weights, see :func:`~segexp.models.encoders.pretrained.load_pretrained`; the last layer is
            taken over where it has as many classes, and is a new one otherwise.
        freeze_encoder: Whether all but the last layer stays as it is.

    Raises:
        ConfigError: There is no such encoder or output stride, or no pretrained weights for this base.
        UserError: The pretrained weights cannot be got or do not fit.
    """

    smallest = 32

    def __init__(
        self,
        in_channels: PositiveInt,
        out_channels: PositiveInt,
        base: PositiveInt = 64,
        encoder: Literal["resnet18", "resnet34", "resnet50"] = "resnet18",
        output_stride: Literal[8, 16, 32] = 32,
        pretrained: bool | str = False,
        freeze_encoder: bool = False,
    ) -> None:
        super().__init__(in_channels, encoder, base, output_stride)
        published = load_pretrained(self, encoder, pretrained, base)
        # Made after the weights of the maps are loaded: those of the last layer may be of other classes.
        self.fc = nn.Linear(self.widths[-1], out_channels)
        load_head(self.fc, published)
        if freeze_encoder:
            self.freeze()

    @property
    def head(self) -> nn.Linear:
        """The last layer, ``fc`` as torchvision calls it: weight (K, 512), of ResNet-50 (K, 2048)."""
        return self.fc

    def features(self, image: Tensor) -> Tensor:
        """The maps of the fourth layer, (B, C, H, W) -> (B, 512 or 2048, H / output_stride, W / output_stride).

        Raises:
            InputSizeError: H or W is below 32.
        """
        require_size("ResNet", image, self.smallest)
        return self.stage_maps(image)[-1]

    def freeze(self) -> None:
        """Takes all weights but the last layer's out of training."""
        super().freeze()
        self.fc.requires_grad_(True)
