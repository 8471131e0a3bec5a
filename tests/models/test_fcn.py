"""FCN-32s/16s/8s and the laboratory's FCN-8s against their published figures."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segexp.errors import ConfigError
from segexp.models.fcn import Fcn, bilinear_doubling
from segexp.models.fcn8s_vgg16 import Fcn8sVgg16
from segexp.models.sizes import InputSizeError

VGG16 = 14_714_688


def image(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def count(model: nn.Module, trained: bool = False) -> int:
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad or not trained)


@pytest.mark.parametrize("classes", [1, 21])
def test_parameters(classes: int) -> None:
    wide = (512 * 49 + 1) * 4096 + (4096 + 1) * 4096
    expected = VGG16 + wide + (4096 + 1) * classes
    for stride, more in (
        (32, 0),
        (16, (512 + 1) * classes + 16 * classes**2),
        (8, (256 + 1) * classes + 16 * classes**2),
    ):
        expected += more
        with torch.device("meta"):
            assert count(Fcn(3, classes, stride=stride)) == expected  # type: ignore[arg-type]


def test_scores_start_at_zero_and_learn() -> None:
    model = Fcn(3, 2, base=2).eval()
    batch = image(2, 3, 64, 64)
    assert not model(batch).any()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    F.cross_entropy(model(batch), torch.ones(2, 64, 64, dtype=torch.long)).backward()
    optimizer.step()
    after = model(batch)
    assert (after[:, 1] > after[:, 0]).all()


def test_doubling_starts_as_bilinear_interpolation() -> None:
    features = image(2, 3, 5, 6)
    doubled = bilinear_doubling(3)(features)
    wanted = F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(doubled[..., 1:-1, 1:-1], wanted[..., 1:-1, 1:-1])
    assert doubled.shape == wanted.shape
    ramp = torch.tensor([0.25, 0.75, 0.75, 0.25])
    assert torch.equal(bilinear_doubling(2).weight[0, 0], torch.outer(ramp, ramp))


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_last_interpolation_is_the_papers_bilinear_kernel(stride: int) -> None:
    """A transposed convolution with the tent kernel, as in the paper, gives the same away from the border."""
    scores = image(1, 1, 4, 5)
    position = (torch.arange(2 * stride) + 0.5) / stride
    tent = 1 - (position - 1).abs()
    paper = F.conv_transpose2d(scores, torch.outer(tent, tent)[None, None], stride=stride, padding=stride // 2)
    ours = F.interpolate(scores, size=(4 * stride, 5 * stride), mode="bilinear", align_corners=False)
    inner = slice(stride // 2, -(stride // 2))
    torch.testing.assert_close(ours[..., inner, inner], paper[..., inner, inner])


def test_skips_add_scores_of_pool4_and_pool3() -> None:
    """With the deep scores at 0 and one skip at a constant, the logits are that constant, at any size."""
    for stride, number in ((16, 1), (8, 1), (8, 2)):
        model = Fcn(3, 1, base=2, stride=stride).eval()  # type: ignore[arg-type]
        assert len(model.score) == {16: 2, 8: 3}[stride]
        bias = model.score[number].bias
        assert isinstance(bias, Tensor)
        nn.init.constant_(bias, 3.0)
        logits = model(image(1, 3, 101, 75))
        assert logits.shape == (1, 1, 101, 75)
        # A doubled constant fades at the border of the learned kernels; the skip of stride 8 is not doubled.
        inner = logits if number == len(model.score) - 1 else logits[..., 24:-24, 24:-24]
        torch.testing.assert_close(inner, torch.full_like(inner, 3.0))


def test_every_pixel_is_covered_at_odd_sizes() -> None:
    """The last row and column answer to the image, though 63 is one below a multiple of every stride."""
    for stride in (8, 16, 32):
        model = Fcn(1, 1, base=2, stride=stride).eval()  # type: ignore[arg-type]
        for weight in model.score.parameters():
            nn.init.normal_(weight)
        batch = image(1, 1, 63, 63).requires_grad_()
        model(batch)[0, 0, -1, -1].backward()
        assert batch.grad is not None
        assert batch.grad[..., -8:, -8:].abs().sum() > 0


def test_unknown_stride_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"model\.stride: found 4"):
        Fcn(3, 1, base=1, stride=4)  # type: ignore[arg-type]


def test_frozen_encoder_leaves_the_head_to_train() -> None:
    model = Fcn(3, 1, base=2, freeze_encoder=True)
    trained = {name.split(".")[0] for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained == {"fc6", "fc7", "score", "doubling"}


def test_laboratory_parameters() -> None:
    with torch.device("meta"):
        model, frozen, one = Fcn8sVgg16(3, 2), Fcn8sVgg16(3, 2, freeze_encoder=True), Fcn8sVgg16(3, 1)
    assert count(model) == count(model, trained=True) == 136_514_116
    assert count(frozen) == 136_514_116
    assert count(frozen, trained=True) == 121_799_428
    assert count(one) == 136_436_290


def test_laboratory_shapes() -> None:
    with torch.device("meta"):
        model, shapes = Fcn8sVgg16(3, 2), []
        for layer in (model.fc6, model.fc7, model.score, model.to_pool4, model.to_pool3, model.to_image):
            layer.register_forward_hook(lambda _m, _i, output: shapes.append(tuple(output.shape[1:])))
        logits = model(torch.zeros(1, 3, 224, 224))
    assert shapes == [(4096, 7, 7), (4096, 7, 7), (2, 7, 7), (512, 14, 14), (256, 28, 28), (2, 224, 224)]
    assert logits.shape == (1, 2, 224, 224)


def test_laboratory_has_a_relu_on_the_scores() -> None:
    model = Fcn8sVgg16(3, 2, base=2).eval()
    seen = []
    model.to_pool4.register_forward_pre_hook(lambda _m, inputs: seen.append(inputs[0]))
    bias = model.score.bias
    assert bias is not None
    nn.init.constant_(bias, -1e6)
    model(image(1, 3, 64, 64))
    assert not seen[0].any()
    nn.init.constant_(bias, 1e6)
    model(image(1, 3, 64, 64))
    assert (seen[1] > 1e5).all()


@pytest.mark.parametrize("make", [Fcn, Fcn8sVgg16])
def test_small_images_are_refused(make: type[nn.Module]) -> None:
    with pytest.raises(InputSizeError, match=r"32x31.*32x32"):
        make(3, 1, base=1)(torch.zeros(1, 3, 32, 31))
