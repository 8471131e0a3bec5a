"""FCN-8s (Long et al. 2015) as a teaching laboratory built it in Keras: wide skips, all learned, ReLU on scores."""

from torch import Tensor, nn
from torch.nn import functional as F

from segexp.models.convs import pointwise
from segexp.models.encoders.base import crop_to
from segexp.models.encoders.pretrained import load_pretrained
from segexp.models.encoders.vgg import Vgg16
from segexp.models.sizes import require_size
from segexp.types import PositiveInt


class Fcn8sVgg16(nn.Module):
    """VGG16, 7x7 and 1x1 convolutions, and transposed convolutions to the widths of pool4 and pool3.

    At base 64, for RGB and K = 2: 136,514,116 parameters, 121,799,428 of them trainable with a frozen encoder; on
    224x224 the maps are 7x7 -> 14x14x512 -> 28x28x256 -> 224x224. The published network is
    :class:`~segexp.models.fcn.Fcn`.

    The laboratory has K = 2 and a softmax for two classes; segexp gives such data one logit. The ReLU after the 1x1
    convolution to K channels is kept as it was: all that the finer maps learn of the class passes through it.

    Args:
        in_channels: C, given by the data.
        out_channels: K, given by the data.
        base: Channels of the first stage; the 7x7 convolution has 64 times as many.
        pretrained: ImageNet weights of the encoder, see :func:`~segexp.models.encoders.pretrained.load_pretrained`.
        freeze_encoder: Whether VGG16 stays as it is; in the laboratory it does.

    Raises:
        ConfigError: There are no pretrained weights for this base.
        UserError: The pretrained weights cannot be got or do not fit.
    """

    def __init__(
        self,
        in_channels: PositiveInt,
        out_channels: PositiveInt,
        base: PositiveInt = 64,
        pretrained: bool | str = False,
        freeze_encoder: bool = False,
    ) -> None:
        super().__init__()
        # Pooling keeps odd rows and columns: the transposed convolutions then reach every pixel of any size.
        self.encoder = Vgg16(in_channels, base, ceil_mode=True)
        wide, pool4, pool3 = 64 * base, 8 * base, 4 * base
        self.fc6 = nn.Conv2d(8 * base, wide, kernel_size=7, padding=3)
        self.fc7 = nn.Conv2d(wide, wide, kernel_size=1)
        self.score = nn.Conv2d(wide, out_channels, kernel_size=1)
        self.to_pool4 = nn.ConvTranspose2d(out_channels, pool4, kernel_size=4, stride=2, padding=1)
        self.to_pool3 = nn.ConvTranspose2d(pool4, pool3, kernel_size=4, stride=2, padding=1)
        self.to_image = nn.ConvTranspose2d(pool3, out_channels, kernel_size=16, stride=8, padding=4)
        for layer in (self.fc6, self.fc7, self.score, self.to_pool4, self.to_pool3, self.to_image):
            init_like_keras(layer)
        load_pretrained(self.encoder, "vgg16", pretrained, base, freeze=freeze_encoder)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of an image.

        Args:
            image: float (B, C, H, W), H and W of at least 32.

        Returns:
            Logits (B, K, H, W), in the dtype of the convolutions (bfloat16 under autocast).

        Raises:
            InputSizeError: H or W is below 32.
        """
        require_size("Fcn8sVgg16 (five poolings)", image, 32)
        *_, pool3, pool4, pool5 = self.encoder(image)
        scores = F.relu(pointwise(self.score, F.relu(self.fc7(F.relu(self.fc6(pool5))))))
        features = pool4 + crop_to(self.to_pool4(scores), pool4)
        features = pool3 + crop_to(self.to_pool3(features), pool3)
        return crop_to(self.to_image(features), image)


def init_like_keras(layer: nn.Conv2d | nn.ConvTranspose2d) -> None:
    """Initialises weights and bias as Keras does: uniform of Glorot & Bengio 2010, and 0."""
    nn.init.xavier_uniform_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
