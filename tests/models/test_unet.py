"""UNet against the figures of its papers and laboratories."""

from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from segexp.errors import ConfigError
from segexp.models.auxiliary import Supervised
from segexp.models.norms import group_count
from segexp.models.sizes import InputSizeError, same_size
from segexp.models.unet import UNet
from segexp.models.upsampling import Upsampling


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("channels", "base", "depth", "parameters"),
    [
        ((3, 1), 8, 3, 29_465),
        ((1, 1), 16, 5, 1_940_817),
        ((3, 1), 16, 5, 1_941_105),
        ((1, 2), 64, 5, 31_030_658),
        ((3, 1), 64, 5, 31_031_745),
    ],
)
def test_parameters(channels: tuple[int, int], base: int, depth: int, parameters: int) -> None:
    with torch.device("meta"):
        assert count(UNet(*channels, base=base, depth=depth)) == parameters


def test_batch_norm_adds_two_per_channel() -> None:
    assert count(UNet(3, 1, base=8, depth=3, norm="batch")) == 29_785


def test_paper_has_23_convolutions() -> None:
    with torch.device("meta"):
        model = UNet(1, 2)
    assert sum(isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) for layer in model.modules()) == 23


def stage_shapes(model: UNet, *size: int) -> list[tuple[int, ...]]:
    shapes: list[tuple[int, ...]] = []
    for stage in [*model.encoder, *model.decoder]:
        stage.register_forward_hook(lambda _module, _inputs, output: shapes.append(tuple(output.shape[1:])))
    with torch.no_grad():
        model(torch.zeros(1, *size, device=model.head.weight.device))
    return shapes


def test_cunet_sizes_on_the_laboratory_patch() -> None:
    shapes = stage_shapes(UNet(3, 1, base=8, depth=3), 3, 250, 250)
    assert shapes == [(8, 250, 250), (16, 125, 125), (32, 62, 62), (16, 125, 125), (8, 250, 250)]


def test_salt_sizes() -> None:
    shapes = stage_shapes(UNet(1, 1, base=16, depth=5), 1, 128, 128)
    assert shapes[4] == (256, 8, 8)
    assert shapes[-1] == (16, 128, 128)


def test_unpadded_paper_sizes() -> None:
    with torch.device("meta"):
        model = UNet(1, 2, padded=False)
        assert model(torch.zeros(1, 1, 572, 572)).shape == (1, 2, 388, 388)
    shapes = stage_shapes(model, 1, 572, 572)
    assert [shape[1] for shape in shapes] == [568, 280, 136, 64, 28, 52, 100, 196, 388]
    assert model.context(388, 388) == (92, 92, 92, 92)
    assert model.context(388, 390) == (92, 106, 92, 92)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (2, 5), (30, 17), (41, 64)])
def test_unpadded_gives_the_size_of_any_image(depth: int, size: tuple[int, int]) -> None:
    model = UNet(1, 2, base=2, depth=depth, padded=False)
    assert same_size(model, torch.randn(1, 1, *size)).shape == (1, 2, *size)


def test_context_is_all_that_an_unpadded_pixel_sees() -> None:
    """Logits of a crop with its true surroundings as context equal those of the whole image."""
    model = UNet(1, 1, base=2, depth=3, padded=False).eval()
    left, right, top, bottom = model.context(20, 24)
    image = torch.randn(1, 1, 20 + top + bottom + 8, 24 + left + right + 8)
    whole = model(image)
    part = model(image[..., 4:-4, 4:-4])
    torch.testing.assert_close(part, whole[..., 4:-4, 4:-4])


def test_unpadded_refuses_other_sizes_and_names_the_next() -> None:
    model = UNet(1, 2, base=2, depth=5, padded=False)
    with pytest.raises(InputSizeError, match=r"570x572: 570 .* is 572"):
        model(torch.zeros(1, 1, 570, 572))
    with pytest.raises(InputSizeError, match="188"):
        model(torch.zeros(1, 1, 20, 20))


@pytest.mark.parametrize(("norm", "smallest"), [("none", 4), ("group", 4), ("batch", 8), ("instance", 8)])
def test_smallest_image(norm: str, smallest: int) -> None:
    model = UNet(1, 1, base=4, depth=3, norm=norm)  # type: ignore[arg-type]
    assert model(torch.randn(1, 1, smallest, smallest)).shape[-1] == smallest
    with pytest.raises(InputSizeError, match=f"at least {smallest}x{smallest}"):
        model(torch.randn(1, 1, smallest, smallest - 1))


@pytest.mark.parametrize("upsample", get_args(Upsampling))
@pytest.mark.parametrize("padded", [True, False])
def test_every_upsampling_trains(upsample: str, padded: bool) -> None:
    model = UNet(2, 3, base=4, depth=3, upsample=upsample, padded=padded)  # type: ignore[arg-type]
    logits = same_size(model, torch.randn(2, 2, 21, 30))
    assert logits.shape == (2, 3, 21, 30)
    logits.square().mean().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_unknown_names_list_the_valid_ones() -> None:
    with pytest.raises(ConfigError, match=r"none \| batch \| group \| instance"):
        UNet(1, 1, norm="layer")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"transposed \| nearest \| bilinear \| bicubic \| unpool \| bed_of_nails"):
        UNet(1, 1, upsample="cubic")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"plain \| separable \| grouped"):
        UNet(1, 1, conv="depthwise")  # type: ignore[arg-type]


@pytest.mark.parametrize(("channels", "groups"), [(1, 1), (6, 1), (8, 2), (20, 5), (64, 16), (128, 32), (1024, 32)])
def test_group_count(channels: int, groups: int) -> None:
    assert group_count(channels) == groups


@pytest.mark.parametrize("padded", [True, False])
def test_unpooling_takes_the_places_of_the_encoder(padded: bool) -> None:
    """Unpadded too, where the decoder sees the middle of what the encoder pooled."""
    model = UNet(1, 1, base=2, depth=3, upsample="unpool", padded=padded).eval()
    skips: list[Tensor] = []
    unpooled: list[Tensor] = []
    for stage in list(model.encoder)[:-1]:
        stage.register_forward_hook(lambda _module, _inputs, output: skips.append(output))
    for upsample in model.upsample:
        upsample.register_forward_hook(lambda _module, _inputs, output: unpooled.append(output))
    model(torch.rand(1, 1, 76, 60))
    for skip, placed in zip(reversed(skips), unpooled, strict=True):
        ones = nn.functional.max_pool2d(skip, 2, return_indices=True)
        maxima = nn.functional.max_unpool2d(torch.ones_like(ones[0]), ones[1], 2, output_size=skip.shape)
        top, left = ((whole - part) // 2 for whole, part in zip(skip.shape[2:], placed.shape[2:], strict=True))
        middle = maxima[..., top : top + placed.shape[2], left : left + placed.shape[3]]
        assert torch.equal(placed != 0, middle == 1)


def test_kinds_of_convolution_change_the_parameters_as_computed() -> None:
    """Of the 9 C K weights of a 3x3 convolution, grouped keeps a fourth; separable needs 9 C + C K."""
    steps = [(8, 8), (8, 16), (16, 16), (16, 32), (32, 32), (32, 16), (16, 16), (16, 8), (8, 8)]  # all but the first
    assert count(UNet(3, 1, base=8, depth=3)) == 29_465
    grouped = sum(9 * before * after * 3 // 4 for before, after in steps)
    assert count(UNet(3, 1, base=8, depth=3, conv="grouped")) == 29_465 - grouped
    separable = sum(8 * before * after - 9 * before for before, after in steps)
    assert count(UNet(3, 1, base=8, depth=3, conv="separable")) == 29_465 - separable


@pytest.mark.parametrize("conv", ["plain", "separable", "grouped"])
def test_the_first_convolution_is_plain(conv: str) -> None:
    model = UNet(4, 1, base=8, depth=2, conv=conv)  # type: ignore[arg-type]
    assert model.encoder[0][0].weight.shape == (8, 4, 3, 3)


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("conv", ["separable", "grouped"])
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_every_option_together_trains(padded: bool, conv: str, norm: str) -> None:
    model = UNet(2, 3, base=4, depth=4, padded=padded, conv=conv, norm=norm, dropout=0.2, auxiliary_weights=[0.5, 0.25])  # type: ignore[arg-type]
    outputs = same_size(model, torch.randn(2, 2, 29, 38))
    assert isinstance(outputs, Supervised)
    assert {logits.shape for logits in (outputs.logits, *outputs.auxiliary)} == {(2, 3, 29, 38)}
    sum(logits.square().mean() for logits in (outputs.logits, *outputs.auxiliary)).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_deep_supervision_is_of_training_alone() -> None:
    model = UNet(3, 2, base=4, depth=4, auxiliary_weights=[0.5, 0.25])
    image = torch.randn(1, 3, 33, 40)
    outputs = model(image)
    assert outputs.weights == (0.5, 0.25)
    torch.testing.assert_close(model.eval()(image), outputs.logits)
    plain = UNet(3, 2, base=4, depth=4)
    assert count(model) - count(plain) == (8 * 2 + 2) + (16 * 2 + 2)
    assert isinstance(plain(image), Tensor)
    plain.load_state_dict({key: value for key, value in model.state_dict().items() if "supervision" not in key})


def test_auxiliary_logits_are_those_of_their_stage() -> None:
    """From the finest down: a head that copies one channel shows that stage's map, enlarged."""
    model = UNet(1, 1, base=2, depth=4, auxiliary_weights=[1, 1])
    assert model.supervision is not None
    maps: list[Tensor] = []
    for stage in model.decoder:
        stage.register_forward_hook(lambda _module, _inputs, output: maps.append(output))
    for head in model.supervision.heads:
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        head.weight.data[0, 0] = 1
    outputs = model(torch.randn(1, 1, 32, 40))
    for logits, stage_map in zip(outputs.auxiliary, (maps[1], maps[0]), strict=True):
        wanted = nn.functional.interpolate(stage_map[:, :1], size=(32, 40), mode="bilinear", align_corners=False)
        torch.testing.assert_close(logits, wanted)


def test_unpadded_auxiliary_logits_lie_over_the_main_ones() -> None:
    """Layers that copy what comes from below, given x + y: every logit is that of the bottom at its place."""
    model = UNet(1, 1, base=1, depth=5, upsample="bilinear", padded=False, auxiliary_weights=[1, 1, 1])
    assert model.supervision is not None
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
            nn.init.zeros_(layer.weight)
            layer.weight.data[0, 0, layer.kernel_size[0] // 2, layer.kernel_size[1] // 2] = 1
    for stage in model.decoder:
        stage[0].weight.data = stage[0].weight.roll(stage[0].in_channels // 2, dims=1)  # after the skip's channels
    rows, columns = torch.meshgrid(torch.arange(268.0), torch.arange(284.0), indexing="ij")
    outputs = model((rows + columns)[None, None])
    # Max-pooling by 16 takes the last pixel of each window: 7.5 more in x and in y than the middle.
    wanted = (rows + columns + 15)[92:-92, 92:-92]
    for logits in (outputs.logits, *outputs.auxiliary):
        torch.testing.assert_close(logits[0, 0, 16:-16, 16:-16], wanted[16:-16, 16:-16])


@pytest.mark.parametrize(("depth", "weights"), [(4, [0.5]), (4, [0.5, 0.25, 0.125]), (2, [1.0]), (1, [1.0])])
def test_one_weight_for_each_stage(depth: int, weights: list[float]) -> None:
    with pytest.raises(ConfigError, match=f"found {len(weights)} weights, expected {max(depth - 2, 0)}"):
        UNet(1, 1, base=1, depth=depth, auxiliary_weights=weights)


def test_no_weights_are_no_supervision() -> None:
    image = torch.zeros(1, 1, 8, 8)
    for depth, weights in ((4, None), (4, []), (2, [])):
        assert isinstance(UNet(1, 1, base=1, depth=depth, auxiliary_weights=weights).train()(image), Tensor)


def test_default_has_the_weights_of_older_files() -> None:
    """Names and shapes as before separable convolutions, dropout and supervision came."""
    shapes = {key: tuple(value.shape) for key, value in UNet(3, 1, base=8, depth=2, norm="batch").state_dict().items()}
    assert shapes["encoder.0.0.weight"] == (8, 3, 3, 3)
    assert shapes["encoder.1.3.weight"] == (16, 16, 3, 3)
    assert shapes["encoder.1.4.running_mean"] == (16,)
    assert shapes["upsample.0.conv.weight"] == (16, 8, 2, 2)
    assert shapes["decoder.0.0.weight"] == (8, 16, 3, 3)
    assert len(shapes) == 3 * 2 * 7 + 4


IN_EVERY_CHANGE = ("bilinear", "unpool")
"""The others are exported by the contract tests as well."""


@pytest.mark.parametrize(
    "upsample",
    [pytest.param(u, marks=[] if u in IN_EVERY_CHANGE else [pytest.mark.slow]) for u in get_args(Upsampling)],
)
def test_onnx_file_serves_any_size(upsample: Upsampling) -> None:
    """Exported at one even size, it agrees at two others, one of them odd."""
    pytest.importorskip("onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    model, free = UNet(3, 2, base=4, depth=3, upsample=upsample).eval(), torch.export.Dim.DYNAMIC
    sizes = ({0: free, 2: free, 3: free},)
    exported = torch.export.export(model, (torch.randn(2, 3, 40, 52),), dynamic_shapes=sizes)
    program = torch.onnx.export(exported, verbose=False)
    assert program is not None
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    for size in ((33, 47), (64, 24)):
        image = torch.randn(1, 3, *size)
        with torch.no_grad():
            wanted = model(image)
        torch.testing.assert_close(exported.module()(image), wanted, rtol=1e-4, atol=1e-5)
        found = session.run(None, {session.get_inputs()[0].name: image.numpy()})[0]
        torch.testing.assert_close(torch.from_numpy(found), wanted, rtol=1e-4, atol=1e-4)
