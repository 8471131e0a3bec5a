"""The zoo without its packages; with them it is tested in tests/zoo (make zoo)."""

import sys
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from segexp.errors import MissingExtraError
from segexp.models.zoo import Zoo


def test_absent_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "segmentation_models_pytorch", None)
    with pytest.raises(MissingExtraError) as caught:
        Zoo(3, 1)
    assert "pip install 'segexp[zoo]'" in str(caught.value)
    assert "torchvision whose build belongs to this torch" in str(caught.value)


def test_torchvision_of_another_build_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr("segexp.models.zoo.importlib.import_module", refuse)
    with pytest.raises(MissingExtraError, match=r"operator torchvision::nms does not exist.*belongs to this torch"):
        Zoo(3, 1)


class Stub(nn.Module):
    """What the package gives: an encoder with batch norm, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4))
        self.encoder.output_stride = 2  # type: ignore[assignment] # as the package's encoders have it
        self.head = nn.Conv2d(4, 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.head(self.encoder(image))
        return logits


def test_a_frozen_encoder_stays_bit_for_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    package = SimpleNamespace(
        MODEL_ARCHITECTURES_MAPPING={"unet": Stub}, create_model=lambda *_: Stub(),
        encoders=SimpleNamespace(get_encoder_names=lambda: ["resnet18"]),
    )  # fmt: skip
    monkeypatch.setattr("segexp.models.zoo._package", lambda: package)
    free, frozen = Zoo(3, 1).train(), Zoo(3, 1, freeze_encoder=True).train()
    for model, stays in ((free, False), (frozen, True)):
        before = {name: value.clone() for name, value in model.state_dict().items()}
        model(torch.randn(2, 3, 8, 8)).square().sum().backward()
        torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1).step()
        moved = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
        assert stays == (not any(name.startswith("model.encoder.") for name in moved))
        assert "model.head.weight" in moved
    assert frozen.model.head.training
