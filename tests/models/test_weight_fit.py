"""Names of a file are read in the way that fits most of a network; shapes decide, nothing is guessed beyond that."""

from pathlib import Path

import pytest
import torch
from torch import nn

from segexp.errors import DataError, UserError
from segexp.models.encoders.resnet import ResNet
from segexp.models.pspnet import PspNet
from segexp.models.weight_files import read_state_dict
from segexp.models.weight_fit import adapt_channels, few, fit_weights

BASE = 4


@pytest.mark.parametrize(
    "front", ["", "module.", "encoder.", "backbone.", "model.", "model.encoder.", "module.model.backbone."]
)
def test_an_encoder_is_found_whatever_stands_before_its_names(front: str) -> None:
    """torchvision's ResNet has ``conv1.weight``; a network of ours calls its encoder ``encoder`` or ``backbone``."""
    torch.manual_seed(1)
    encoder = ResNet(3, "resnet18", BASE)
    state = {f"{front}{name}": value for name, value in encoder.state_dict().items()} | {"fc.weight": torch.zeros(9, 8)}
    model = PspNet(3, 1, base=BASE, encoder="resnet18")
    fit = fit_weights(model, state)
    assert fit.unexpected == ["fc.weight"]
    assert not fit.other_shape
    assert {name.split(".")[0] for name in fit.missing}.isdisjoint({"encoder"})
    model.load_state_dict(fit.weights, strict=False)
    assert all(torch.equal(value, encoder.state_dict()[name]) for name, value in model.encoder.state_dict().items())


def test_what_does_not_fit_is_counted_and_named() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 1), nn.BatchNorm2d(5), nn.Conv2d(5, 2, 1))
    other = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 1), nn.BatchNorm2d(5), nn.Conv2d(5, 7, 1))
    state = {k: v for k, v in other.state_dict().items() if not k.startswith("2.")} | {"9.bias": torch.zeros(1)}
    fit = fit_weights(model, state)
    assert fit.loaded == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert (fit.total, fit.values) == (10, 3 * 4 * 9 + 4 + 4 * 5 + 5)
    assert fit.missing == ["2.weight", "2.bias", "2.running_mean", "2.running_var"]
    assert fit.other_shape == {"3.weight": ((7, 5, 1, 1), (2, 5, 1, 1)), "3.bias": ((7,), (2,))}
    assert fit.described() == (
        "4 of 10 weights fit; 2 of another shape: 3.weight [7, 5, 1, 1] for [2, 5, 1, 1], 3.bias [7] for [2]; "
        "4 missing: 2.weight, 2.bias, 2.running_mean and 1 more; 1 unexpected: 9.bias"
    )


def test_a_first_convolution_is_adapted_on_request_alone() -> None:
    model, rgb = nn.Conv2d(1, 2, 3), torch.randn(2, 3, 3, 3)
    assert fit_weights(model, {"weight": rgb}).other_shape == {"weight": ((2, 3, 3, 3), (2, 1, 3, 3))}
    fit = fit_weights(model, {"weight": rgb}, adapt=True)
    assert fit.adapted == "weight"
    torch.testing.assert_close(fit.weights["weight"], rgb.sum(dim=1, keepdim=True))
    torch.testing.assert_close(adapt_channels(rgb[:, :2], 4), rgb[:, [0, 1, 0, 1]] / 2)


def test_nothing_fits() -> None:
    fit = fit_weights(nn.Conv2d(1, 2, 3), {"a": torch.zeros(1), "b": torch.zeros(1)})
    assert (fit.loaded, fit.values, fit.unexpected) == ([], 0, ["a", "b"])


def test_names_are_cut_after_three() -> None:
    assert few(list("abc")) == "a, b, c"
    assert few(list("abcde")) == "a, b, c and 2 more"


def test_checkpoints_and_safetensors_are_read(tmp_path: Path) -> None:
    state = nn.Conv2d(1, 2, 3).state_dict()
    inside = {"a.pth": state, "b.pth": {"state_dict": state, "epoch": 3}, "c.pth": {"model": state, "optimizer": {}}}
    of_segexp = {
        "segexp": {},
        "state_dict": {**{f"model.{k}": v for k, v in state.items()}, "loss.weight": torch.ones(1)},
    }
    for name, content in {**inside, "d.ckpt": of_segexp}.items():
        torch.save(content, tmp_path / name)
        found = read_state_dict(tmp_path / name, "init_from", "weights")
        assert found.keys() == state.keys()
        assert torch.equal(found["weight"], state["weight"])
    save = pytest.importorskip("safetensors.torch").save_file
    save(state, tmp_path / "e.safetensors")
    assert torch.equal(read_state_dict(tmp_path / "e.safetensors", "init_from", "weights")["weight"], state["weight"])
    (tmp_path / "f.safetensors").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"init_from: .*f\.safetensors is no state dict"):
        read_state_dict(tmp_path / "f.safetensors", "init_from", "weights")


def test_a_small_file_cannot_stand_for_a_large_tensor(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1).expand(1 << 40)}, tmp_path / "bomb.pth")
    with pytest.raises(DataError, match="more than the file holds"):
        read_state_dict(tmp_path / "bomb.pth", "init_from", "weights")
