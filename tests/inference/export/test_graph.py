from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from segexp.data.items.item import Item
from segexp.errors import MismatchError
from segexp.image_statistics import image_statistics
from segexp.inference.export.agreement import Agreement
from segexp.inference.export.graph import Deployed, refuse_exceptions, traceable_statistics
from segexp.inference.export.images import image_and_mask
from segexp.inference.export.onnx_file import OnnxFormat
from segexp.inference.export.torchscript_file import TorchScriptFormat
from segexp.inference.load import NoLoss
from segexp.inference.model import Model
from segexp.models.unet import UNet
from segexp.spec import DataSpec, MaskTarget
from segexp.tasks.segmentation import Segmentation

COLOURS = ((0, 0, 0), (255, 255, 255))


def module(spec: DataSpec, **keys: Any) -> Segmentation:
    torch.manual_seed(0)
    network = UNet(spec.in_channels, spec.out_channels, base=2, depth=2, **keys)
    return Segmentation(network, NoLoss(), spec, torch.optim.SGD).eval()


def test_statistics_are_those_of_training() -> None:
    image = torch.randint(0, 256, (2, 3, 50, 70), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    image[:, :, :20] = 3  # a dark surround counts nowhere
    expected = image_statistics(image)
    found = traceable_statistics(image.float())
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one[..., 0, 0], other)
    large = torch.full((1, 1, 3000, 3000), 60000.0)
    assert traceable_statistics(large)[0].item() == pytest.approx(60000, rel=1e-6)


@pytest.mark.parametrize("scaling", ["fixed", "image"])
def test_sixteen_bits_and_other_channels(scaling: Any, tmp_path: Any) -> None:
    spec = DataSpec(MaskTarget(("a", "b"), COLOURS), 4, (20000.0,) * 4, (9000.0,) * 4, scaling=scaling, dtype="uint16")
    made = module(spec)
    made.threshold = 0.01
    OnnxFormat().write(Model(made, [], {}), Deployed(made), tmp_path / "m.onnx", {"classes": ["a", "b"]})
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].type == "tensor(uint16)"
    images = np.random.default_rng(0).integers(0, 65536, (1, 4, 31, 45), dtype=np.uint16)
    probabilities, mask = OnnxFormat().read(tmp_path / "m.onnx")(images)
    with torch.inference_mode():
        logits = made(torch.from_numpy(images))
    np.testing.assert_allclose(probabilities, logits.sigmoid(), atol=1e-5)
    np.testing.assert_array_equal(mask, made.classify(logits, 0.01))
    assert 0 < mask.mean() < 1


@pytest.mark.filterwarnings("ignore:max_unpooling2d_forward_out")
def test_torchscript_is_free_of_the_size_where_the_model_asks_for_it(tmp_path: Any) -> None:
    """A trace would fix the padding and the statistics of the image."""
    spec = DataSpec(MaskTarget(("a", "b", "c"), (*COLOURS, (9, 9, 9))), scaling="image")
    made = module(spec, upsample="unpool")
    TorchScriptFormat().write(Model(made, [], {}), Deployed(made), tmp_path / "m.torchscript", {"classes": ["a", "b"]})
    run = TorchScriptFormat().read(tmp_path / "m.torchscript")
    for size in ((1, 3, 31, 45), (3, 3, 66, 40)):
        images = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
        with torch.inference_mode():
            logits = made(torch.from_numpy(images))
        probabilities, mask = run(images)
        np.testing.assert_allclose(probabilities, logits.softmax(dim=1), atol=1e-5)
        np.testing.assert_array_equal(mask, made.classify(logits, 0.0))


def test_a_model_that_cannot_be_exported_says_why() -> None:
    graph = Deployed(module(DataSpec(MaskTarget(("a", "b"), COLOURS)), padded=False))
    for form in ("onnx", "torch_export", "torchscript"):
        with pytest.raises(MismatchError, match=rf"format={form}: UNet cannot be exported \(the border it asks for"):
            refuse_exceptions(graph.networks(), form)
    refuse_exceptions(graph.networks(), "safetensors")
    refuse_exceptions(Deployed(module(DataSpec(MaskTarget(("a", "b"), COLOURS)))).networks(), "onnx")


def test_training_in_bfloat16_and_channels_last_is_not_in_the_graph() -> None:
    made = module(DataSpec(MaskTarget(("a", "b"), COLOURS)))
    made.model.to(torch.bfloat16, memory_format=torch.channels_last)  # type: ignore[call-overload]
    graph = Deployed(made)
    assert {parameter.dtype for parameter in graph.parameters()} == {torch.float32}
    assert all(parameter.is_contiguous() for parameter in graph.parameters())
    assert next(made.model.parameters()).dtype == torch.bfloat16


def test_pixels_are_not_brought_to_another_type_in_silence() -> None:
    item = Item("a", np.full((1030, 20, 3), 7, np.uint16), np.zeros((1030, 20), np.uint8))
    with pytest.raises(MismatchError, match="a: uint16 pixels, but the exported file takes uint8"):
        image_and_mask(item, np.dtype(np.uint8))
    image, mask = image_and_mask(item, np.dtype(np.uint16))
    assert (image.shape, mask.shape) == ((1, 3, 1024, 20), (1, 1024, 20))


def probabilities(*values: float) -> np.ndarray:
    return np.array(values, np.float32).reshape(1, 1, 1, -1)


def agreement(expected: np.ndarray, found: np.ndarray, classes: list[int], border: list[float]) -> Agreement:
    made = Agreement()
    ours = (expected >= 0.5).astype(np.uint8)[:, 0]
    made.add((expected, ours), (found, np.array(classes, np.uint8).reshape(1, 1, -1)), np.array(border)[None, None])
    return made


def test_what_counts_as_agreement() -> None:
    exact = probabilities(0.2, 0.5, 0.9)
    same = agreement(exact, exact, [0, 1, 1], [0.3, 0.0, 0.4])
    assert same.agrees
    assert (same.images, same.pixels, same.largest) == (1, 3, 0)
    undecided = agreement(exact, exact, [0, 0, 1], [0.3, 0.0, 0.4])
    assert undecided.agrees
    assert undecided.undecided == 1
    assert "and 1 within 1e-05 of the border" in undecided.words()
    other = agreement(exact, exact, [0, 1, 0], [0.3, 0.0, 0.4])
    assert not other.agrees
    assert other.other_class == 1
    far = agreement(exact, exact + np.float32(2e-4), [0, 1, 1], [0.3, 0.0, 0.4])
    assert not far.agrees
    nan = agreement(exact, probabilities(0.2, np.nan, 0.9), [0, 1, 1], [0.3, 0.0, 0.4])
    assert not nan.agrees
    for both in (same + nan, nan + same, undecided + nan):
        assert not both.agrees
    assert (same + other).pixels == 6
