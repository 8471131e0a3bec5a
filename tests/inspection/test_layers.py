"""The table of layers: every layer and pooling in the order of the image, with shapes, weights and memory."""

import json
import re

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segexp.cli.app import run
from segexp.inspection.layers import LayerRow, layer_rows, layer_sizes


class Two(nn.Module):
    """A layer, a pooling as a function, and the same layer again inside a block."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.block = nn.Sequential(nn.AvgPool2d(1), nn.ConvTranspose2d(4, 2, 2, stride=2), nn.Identity())

    def forward(self, image: Tensor) -> Tensor:
        return self.block(F.max_pool2d(self.first(image), 2))


def test_layers_and_functions_in_the_order_of_the_image() -> None:
    with torch.device("meta"):
        model, image = Two(), torch.empty(1, 3, 8, 6)
    assert layer_rows(model, image) == [
        LayerRow("first", "Conv2d", (4, 8, 6), 112),
        LayerRow("", "max-pool", (4, 4, 3), 0),
        LayerRow("block.0", "AvgPool2d", (4, 4, 3), 0),
        LayerRow("block.1", "ConvTranspose2d", (2, 8, 6), 34),
    ]
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_sizes_count_outputs_twice() -> None:
    rows = [LayerRow("a", "Conv2d", (4, 512, 512), 0), LayerRow("b", "ReLU", (4, 512, 512), 0)]
    sizes = layer_sizes(rows, (1, 512, 512), 2**18)
    assert sizes == {"input": 1.0, "forward and backward": 16.0, "parameters": 1.0, "total": 18.0}


def test_the_laboratorys_table_of_the_compact_unet(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "model=cunet", "layers=true", "size=250"]) == 0
    text = capsys.readouterr().out
    outputs = re.findall(r"max-pool|Conv2d +8x250x250|1x250x250", text)
    assert outputs == ["Conv2d   8x250x250"] * 2 + ["max-pool"] * 2 + ["Conv2d   8x250x250"] * 2 + ["1x250x250"]
    assert "parameters in all: 29,465" in text
    assert "input 0.72, forward and backward 57.15, parameters 0.11, total 57.98" in text


def test_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "model=segnet_shallow", "layers=true", "size=[32,48]", "format=json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert sum(row["parameters"] for row in table["layers"]) == 2369
    assert table["layers"][-1]["shape"] == [1, 32, 48]
    assert set(table["mebibytes"]) == {"input", "forward and backward", "parameters", "total"}


def test_one_model_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "layers=true"]) == 2
    assert "layers: found true without a model" in capsys.readouterr().err
