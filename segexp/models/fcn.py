"""FCN-32s, FCN-16s and FCN-8s: VGG16 with its classifier as convolutions, and skips (Long et al. 2015)."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segexp.config.checks.built_words import check_word
from segexp.errors import UserError
from segexp.models.convs import pointwise
from segexp.models.encoders.base import crop_to, init_weights
from segexp.models.encoders.pretrained import load_pretrained
from segexp.models.encoders.vgg import Vgg16
from segexp.models.sizes import require_size
from segexp.models.weight_files import State
from segexp.types import Dropout, PositiveInt

Stride = Literal[8, 16, 32]


class Fcn(nn.Module):
    """A fully convolutional network on VGG16; at stride 16 and 8 the finer scores of pool4 and pool3 are added.

    The two large fully connected layers of VGG16 are a 7x7 and a 1x1 convolution here (fc6, fc7), followed by a 1x1
    convolution to the scores of the classes. Scores are doubled by learned transposed convolutions that start as
    bilinear interpolation, and brought to the image's size by a fixed bilinear one. At base 64, for RGB and 1 output:
    134,264,641 (stride 32), 134,265,170 (16), 134,265,443 (8) parameters.

    Two things differ from the paper's Caffe files. They pad the image by 100 pixels, so that fc6 can do without
    padding, and cut the result to fit; here fc6 pads itself ("same"): equal maps, without a border of zeros to compute.
    And the last interpolation repeats the border where theirs fades into that padding. As there, pooling keeps odd
    rows and columns, so that every pixel of an image of any size is covered.

    Args:
        in_channels: C, given by the data.
        out_channels: K, given by the data.
        base: Channels of the first stage; fc6 and fc7 have 64 times as many.
        stride: 32, 16 or 8, the pixels per value of the finest scores.
        dropout: Share of values dropped after fc6 and fc7 while training.
        pretrained: ImageNet weights, see :func:`~segexp.models.encoders.pretrained.load_pretrained`. As in the paper,
            fc6 and fc7 take over the classifier's two large layers; its last one, for 1000 classes, is left out.
        freeze_encoder: Whether the convolutions of VGG16 (not fc6 and fc7) stay as they are.

    Raises:
        ConfigError: There is no such stride, or no pretrained weights for this base.
        UserError: The pretrained weights cannot be got or do not fit.
    """

    def __init__(
        self,
        in_channels: PositiveInt,
        out_channels: PositiveInt,
        base: PositiveInt = 64,
        stride: Literal[8, 16, 32] = 8,
        dropout: Dropout = 0.5,
        pretrained: bool | str = False,
        freeze_encoder: bool = False,
    ) -> None:
        super().__init__()
        check_word("model.stride", stride, Stride)
        self.stride = stride
        self.encoder = Vgg16(in_channels, base, ceil_mode=True)
        wide = 64 * base
        self.fc6 = nn.Conv2d(8 * base, wide, kernel_size=7, padding=3)
        self.fc7 = nn.Conv2d(wide, wide, kernel_size=1)
        self.dropout = nn.Dropout(dropout)
        for layer in (self.fc6, self.fc7):
            init_weights(layer)
        skips = [8 * base, 4 * base][: {32: 0, 16: 1, 8: 2}[stride]]  # channels of pool4 and pool3
        self.score = nn.ModuleList(nn.Conv2d(width, out_channels, kernel_size=1) for width in (wide, *skips))
        self.doubling = nn.ModuleList(bilinear_doubling(out_channels) for _ in skips)
        for weight in self.score.parameters():
            nn.init.zeros_(weight)  # section 4.3: random scores gave neither better nor faster results
        head = load_pretrained(self.encoder, "vgg16", pretrained, base, freeze=freeze_encoder)
        if pretrained is not False:
            take_classifier(self, head)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of an image.

        Args:
            image: float (B, C, H, W), H and W of at least 32.

        Returns:
            Logits (B, K, H, W), in the dtype of the convolutions (bfloat16 under autocast).

        Raises:
            InputSizeError: H or W is below 32.
        """
        require_size("Fcn (five poolings)", image, 32)
        *_, pool3, pool4, pool5 = self.encoder(image)
        features = self.dropout(F.relu(self.fc6(pool5)))
        scores: Tensor = pointwise(self.score[0], self.dropout(F.relu(self.fc7(features))))  # type: ignore[arg-type] # a Conv2d
        for score, double, skip in zip(self.score[1:], self.doubling, (pool4, pool3), strict=False):
            finer = score(skip)
            scores = finer + crop_to(double(scores), finer)
        height, width = scores.shape[-2] * self.stride, scores.shape[-1] * self.stride
        full = F.interpolate(scores, size=(height, width), mode="bilinear", align_corners=False)
        return crop_to(full, image)


def bilinear_doubling(channels: int) -> nn.ConvTranspose2d:
    """Makes a transposed convolution (B, C, h, w) -> (B, C, 2h, 2w) that starts as bilinear interpolation.

    Each channel is doubled alone.

    Caffe's filler, for kernel 4 and stride 2: 1/4, 3/4, 3/4, 1/4 along each side. It fades to 3/4 at the border.
    """
    layer = nn.ConvTranspose2d(channels, channels, kernel_size=4, stride=2, padding=1, bias=False)
    ramp = torch.tensor([0.25, 0.75, 0.75, 0.25], device=layer.weight.device)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(channels, device=ramp.device)[..., None, None] * torch.outer(ramp, ramp))
    return layer


def take_classifier(model: Fcn, head: State) -> None:
    """Copies fully connected layers of VGG16 into fc6 and fc7.

    Weights (4096, 512 * 7 * 7) are a 7x7 kernel, flattened.

    Raises:
        UserError: The file has no such layer, or one of another size.
    """
    for layer, name in ((model.fc6, "classifier.0"), (model.fc7, "classifier.3")):
        state = {part: head.get(f"{name}.{part}") for part in ("weight", "bias")}
        for part, value in state.items():
            target = getattr(layer, part)
            if value is None or value.numel() != target.numel() or len(value) != len(target):
                found = "no such key" if value is None else f"shape {tuple(value.shape)}"
                raise UserError(
                    f"model.pretrained: {name}.{part} becomes a convolution of shape {tuple(target.shape)}, found "
                    f"{found}: use torchvision's file of VGG16, with its classifier"
                )
            with torch.no_grad():
                target.copy_(value.reshape(target.shape))
