"""The zoo without its packages; with them it is tested in tests/zoo (make zoo)."""

import sys

import pytest

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
