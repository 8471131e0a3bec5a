"""SegNetShallow: one convolution, max-pooling, index unpooling, one convolution."""

from torch import Tensor, nn

from segexp.models.sizes import InputSizeError
from segexp.models.upsampling import MaxUnpool
from segexp.types import PositiveInt


class SegNetShallow(nn.Module):
    """The smallest SegNet: what index unpooling alone can do (after Badrinarayanan et al. 2017, section 3).

    conv C->base 3x3, ReLU, max-pool 2x2 with indices, max-unpool with these indices, conv base->K 3x3:
    3,523 parameters for 3 channels and 3 classes. An odd last row or column lies outside every pooling
    window; the unpooled map is 0 there, so only its neighbours speak for it.
    """

    def __init__(self, in_channels: PositiveInt, out_channels: PositiveInt, base: PositiveInt = 64) -> None:
        super().__init__()
        self.encoder = nn.Conv2d(in_channels, base, kernel_size=3, padding=1)
        # In place: nothing else reads the convolution's output, and at full size it is the largest tensor.
        self.activation = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(2, return_indices=True)
        self.unpool = MaxUnpool()
        self.decoder = nn.Conv2d(base, out_channels, kernel_size=3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of an image.

        Args:
            image: float (B, C, H, W), H and W of at least 2.

        Returns:
            Logits (B, K, H, W), in the dtype of the convolutions (bfloat16 under autocast).

        Raises:
            InputSizeError: H or W is below 2.
        """
        height, width = image.shape[-2:]
        if min(height, width) < 2:
            raise InputSizeError(f"SegNetShallow pools 2x2 and was given {height}x{width}: use at least 2x2 pixels")
        features = self.activation(self.encoder(image))
        pooled, indices = self.pool(features)
        logits: Tensor = self.decoder(self.unpool(pooled, indices, height, width))
        return logits
