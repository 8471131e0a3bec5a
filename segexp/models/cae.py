"""CAE: a convolutional autoencoder with a bottleneck of a few numbers."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from torch import Tensor, nn

from segexp.config.checks.built_words import check_word
from segexp.models.sizes import InputSizeError
from segexp.types import PositiveInt

STRIDE = 4
"""Pixels per value of the map that the last convolution of the encoder sees: two strides of 2."""


class ConvAutoencoder(nn.Module):
    """Convolutional autoencoder of a teaching laboratory: 28x28 -> 14x14 -> 7x7 -> a code of 2 numbers, and back.

    Encoder: conv C->base 3x3 stride 2, ReLU; conv base->2*base 3x3 stride 2, ReLU; conv 2*base->latent
    kernel x kernel, unpadded. Decoder: transposed conv latent->2*base kernel x kernel, ReLU; transposed conv
    2*base->base 3x3 stride 2, ReLU; transposed conv base->K 7x7 stride 2. 51,459 parameters for grey images and a code
    of 2 numbers. The idea is that of Hinton and Salakhutdinov 2006.

    Both halves are fully convolutional: an image of 4*kernel pixels a side has one code, a larger one has a map of
    them, one for each place that the last convolution of the encoder is put to.

    Attributes:
        form: ``image``: what comes back is the image itself, no classes.
        latent: Numbers of a code, D.
        smallest: Height and width that an image needs at least; such an image has one code.
        size_multiple: What height and width of an image are a multiple of, or the decoder gives another size.
    """

    form: ClassVar[str] = "image"
    size_multiple: ClassVar[int] = STRIDE
    exceptions: ClassVar[Mapping[str, str]] = {
        "any_size": "height and width are multiples of 4, or an image would not come back at its size",
    }

    def __init__(
        self,
        in_channels: PositiveInt,
        out_channels: PositiveInt,
        base: PositiveInt = 32,
        latent: PositiveInt = 2,
        kernel: PositiveInt = 7,
        init: Literal["glorot", "torch"] = "glorot",
    ) -> None:
        """Makes the layers.

        Args:
            in_channels: C, given by the data.
            out_channels: K, given by the data.
            base: Channels of the first stage; the second has twice as many.
            latent: Numbers of a code, D.
            kernel: Side of the last convolution of the encoder: a quarter of the side of an image with one code.
            init: Weights at the start: ``glorot``: uniform by fan in and fan out, biases 0 (Glorot and Bengio 2010), as
                Keras does, with which the laboratory worked; ``torch``: PyTorch's own.
        """
        super().__init__()
        self.latent = latent
        self.smallest = STRIDE * kernel
        self.encoder = nn.Sequential(
            nn.Conv2d(in_channels, base, 3, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(base, 2 * base, 3, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(2 * base, latent, kernel),
        )
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(latent, 2 * base, kernel),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(2 * base, base, 3, stride=2, padding=1, output_padding=1),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(base, out_channels, 7, stride=2, padding=3, output_padding=1),
        )

        check_word("init", init, Literal["glorot", "torch"])
        if init == "glorot":
            self.apply(_glorot)

    def encode(self, image: Tensor) -> Tensor:
        """Codes of an image.

        Args:
            image: float (B, C, H, W), H and W multiples of 4 and at least 4*kernel.

        Returns:
            float (B, D, H/4 - kernel + 1, W/4 - kernel + 1): one code for 4*kernel pixels a side.

        Raises:
            InputSizeError: H or W is too small, or no multiple of 4.
        """
        height, width = image.shape[-2:]
        if min(height, width) < self.smallest or height % STRIDE or width % STRIDE:
            raise InputSizeError(
                f"ConvAutoencoder was given {height}x{width}: use multiples of {STRIDE} of at least {self.smallest} "
                "pixels; model.kernel is a quarter of that side, datamodule.crop_size and eval_size change images"
            )
        codes: Tensor = self.encoder(image)
        return codes

    def decode(self, codes: Tensor) -> Tensor:
        """Images of codes.

        Args:
            codes: float (B, D, h, w).

        Returns:
            float (B, K, 4*(h + kernel - 1), 4*(w + kernel - 1)), before any activation.
        """
        image: Tensor = self.decoder(codes)
        return image

    def forward(self, image: Tensor) -> Tensor:
        """The image that comes back, (B, C, H, W) -> (B, K, H, W); sizes as for :meth:`encode`."""
        return self.decode(self.encode(image))


def is_autoencoder(model: nn.Module) -> bool:
    """Tells whether a model gives images back through codes: it has ``encode`` and ``decode``."""
    return all(callable(getattr(model, name, None)) for name in ("encode", "decode"))


def _glorot(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
