"""Files to predict, and what predicts them in the tests."""

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from rasterio.transform import from_origin
from torch import nn

from segexp.inference.load import NoLoss
from segexp.inference.model import Model
from segexp.spec import DataSpec, MaskTarget
from segexp.tasks.segmentation import Segmentation
from segexp.windows.settings import Inference

TRANSFORM = from_origin(600_000, 5_200_000, 0.3, 0.3)


def noise(height: int, width: int, channels: int = 3, most: int = 256) -> NDArray[Any]:
    kind = np.uint8 if most == 256 else np.uint16
    return np.random.default_rng(height * width).integers(0, most, (height, width, channels)).astype(kind)


def geotiff(path: Path, pixels: NDArray[Any], **profile: Any) -> Path:
    """A tiled and compressed one in UTM."""
    height, width, count = pixels.shape
    given: dict[str, Any] = {
        "driver": "GTiff", "height": height, "width": width, "count": count, "dtype": pixels.dtype,
        "crs": "EPSG:32633", "transform": TRANSFORM, "tiled": True, "blockxsize": 32, "blockysize": 16,
        "compress": "deflate", **profile,
    }  # fmt: skip
    with rasterio.open(path, "w", **given) as dataset:
        dataset.write(pixels.transpose(2, 0, 1))
    return path


def identity(inference: Inference, scaling: str = "fixed") -> Model:
    """Gives the one channel of an image back as its logit."""
    spec = DataSpec(MaskTarget(("a", "b"), ((0, 0, 0), (255, 0, 0))), 1, (0.0,), (1.0,), scaling)  # type: ignore[arg-type]
    module = Segmentation(nn.Identity(), NoLoss(), spec, torch.optim.SGD)
    module.inference = inference
    return Model(module, [], {"datamodule": {}})
