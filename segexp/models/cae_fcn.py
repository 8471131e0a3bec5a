"""CaeFcn: from an autoencoder to a segmentation, with the encoder that learnt to compress."""

from torch import Tensor, nn

from segexp.models.sizes import require_size
from segexp.models.upsampling import transposed_to
from segexp.types import PositiveInt


class CaeFcn(nn.Module):
    """Fully convolutional network on the encoder of :class:`segexp.models.cae.ConvAutoencoder`, with one skip.

    Both strided convolutions bear the names that they have there (``encoder.0``, ``encoder.2``), so that ``init_from``
    starts from a trained autoencoder; in place of its bottleneck, transposed conv 2*base->base 3x3 stride 2, the sum
    with the first stage (Long et al. 2015, section 4.2), ReLU, transposed conv base->K 7x7 stride 2.
    """

    def __init__(self, in_channels: PositiveInt, out_channels: PositiveInt, base: PositiveInt = 32) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(in_channels, base, 3, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(base, 2 * base, 3, stride=2, padding=1),
            nn.ReLU(inplace=True),
        )
        self.up = nn.ConvTranspose2d(2 * base, base, 3, stride=2, padding=1)
        self.activation = nn.ReLU(inplace=True)
        self.score = nn.ConvTranspose2d(base, out_channels, 7, stride=2, padding=3)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of an image.

        Args:
            image: float (B, C, H, W), H and W of at least 4.

        Returns:
            Logits (B, K, H, W).

        Raises:
            InputSizeError: H or W is below 4.
        """
        require_size("CaeFcn", image, 4)
        height, width = image.shape[-2:]
        first = self.encoder[:2](image)
        up = transposed_to(self.up, self.encoder[2:](first), first.shape[-2], first.shape[-1])
        return transposed_to(self.score, self.activation(up + first), height, width)
