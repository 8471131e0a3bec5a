"""Which encoders and models a file of weights fits; networks are built without values."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from segexp.inspection.rows import InputSetting, build_on_meta
from segexp.models.encoders.resnet import ResNet
from segexp.models.encoders.vgg import Vgg16
from segexp.models.encoders.xception import Xception
from segexp.models.weight_files import read_state_dict
from segexp.models.weight_fit import fit_weights

_ENCODERS: Mapping[str, Callable[[], nn.Module]] = {
    "vgg16": lambda: Vgg16(3),
    "vgg16_bn": lambda: Vgg16(3, norm="batch"),
    "resnet18": lambda: ResNet(3, "resnet18"),
    "resnet34": lambda: ResNet(3, "resnet34"),
    "resnet50": lambda: ResNet(3, "resnet50"),
    "resnet101": lambda: ResNet(3, "resnet101"),
    "xception": lambda: Xception(3),
}
_SETTING = InputSetting(256, 256, 3, 1)
"""RGB and one logit, for models that are asked for by name."""


def find_fits(path: Path, models: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Compares a file with encoders, of which those that it fits whole are told, and with models, told anyway.

    Args:
        path: File of weights.
        models: Blocks ``model`` by name.

    Raises:
        UserError: The file is none of weights.
        ConfigError: A model refuses a value.
    """
    state = read_state_dict(path, "file", "a state dict, a checkpoint or a .safetensors")
    found: dict[str, dict[str, Any]] = {}
    for name, make in _ENCODERS.items():
        with torch.device("meta"):
            fit = fit_weights(make(), state)
        if not fit.missing and not fit.other_shape:
            found[name] = {"loaded": len(fit.loaded), "of": fit.total, "said": fit.described()}
    for name, section in models.items():
        fit = fit_weights(build_on_meta(section, _SETTING), state)
        found[f"model={name}"] = {"loaded": len(fit.loaded), "of": fit.total, "said": fit.described()}
    return found
