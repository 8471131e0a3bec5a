"""The transposed convolution of exported programs against torch's own."""

import pytest
import torch
from torch import Tensor, nn

from segexp.models.upsampling import transposed_by_cutting, transposed_to

GEOMETRIES = [(2, 2, 0), (4, 2, 1), (3, 2, 1), (16, 8, 4), (64, 32, 16), (8, 8, 0)]  # kernel, stride, padding


@pytest.mark.parametrize(("kernel", "stride", "padding"), GEOMETRIES)
@pytest.mark.parametrize("bias", [True, False])
def test_cutting_equals_output_padding(kernel: int, stride: int, padding: int, bias: bool) -> None:
    conv = nn.ConvTranspose2d(3, 4, kernel, stride, padding, bias=bias)
    features = torch.randn(2, 3, 5, 6)
    least = [(side - 1) * stride - 2 * padding + kernel for side in (5, 6)]
    for more in {0, 1, stride - 1}:
        size = (least[0] + more, least[1] + stride - 1 - more)
        wanted, found = conv(features, output_size=size), transposed_by_cutting(conv, features, *size)
        assert found.shape == (2, 4, *size)
        torch.testing.assert_close(found, wanted)
        assert torch.equal(transposed_to(conv, features, *size), wanted)


def test_groups_dilation_and_uneven_geometry() -> None:
    conv = nn.ConvTranspose2d(4, 6, (3, 5), stride=(2, 3), padding=(1, 2), groups=2, dilation=(2, 1))
    features = torch.randn(1, 4, 6, 7)
    height, width = conv(features).shape[-2:]
    for size in ((height, width), (height + 1, width + 2)):
        torch.testing.assert_close(transposed_by_cutting(conv, features, *size), conv(features, output_size=size))


class _Eightfold(nn.Module):
    """As the end of an FCN: eightfold pooling, 16x16 transposed convolution back."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(2, 3, 16, 8, 4)

    def forward(self, image: Tensor) -> Tensor:
        return transposed_to(self.conv, nn.functional.max_pool2d(image, 8), image.shape[-2], image.shape[-1])


def test_export_of_any_size() -> None:
    model, free = _Eightfold().eval(), torch.export.Dim.DYNAMIC
    example = (torch.randn(2, 2, 48, 64),)
    exported = torch.export.export(model, example, dynamic_shapes=({0: free, 2: free, 3: free},)).module()
    for size in ((48, 64), (33, 87), (63, 40)):
        image = torch.randn(1, 2, *size)
        torch.testing.assert_close(exported(image), model(image), rtol=1e-4, atol=1e-5)
