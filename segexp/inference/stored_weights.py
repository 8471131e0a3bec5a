"""Looks at the weights of a checkpoint before the network is built: what does not fit takes no memory."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from segexp.config.schema import ObjectConfig
from segexp.config.stored.check import needed
from segexp.errors import DataError
from segexp.models.weight_files import TASK_PREFIX, refuse_expanded
from segexp.spec import DataSpec
from segexp.training.building.model import build_model


def network_weights(state: Any, source: Path) -> dict[str, Tensor]:
    """Selects the weights of the network alone, by their names in it.

    Args:
        state: ``state_dict`` of a checkpoint.
        source: Its file, for messages.

    Raises:
        DataError: They are no tensors, or have values that the file does not hold: a few bytes can stand for billions.
    """
    if not isinstance(state, Mapping) or not all(isinstance(name, str) for name in state):
        raise DataError(f"{source}: is no checkpoint of segexp (its weights are a {type(state).__name__})")
    found = {name.removeprefix(TASK_PREFIX): value for name, value in state.items() if name.startswith(TASK_PREFIX)}
    for name, value in found.items():
        if not isinstance(value, Tensor):
            raise DataError(f"{source}: is no checkpoint of segexp (its weight {name} is a {type(value).__name__})")
        refuse_expanded(name, value, source)
    return found


def refuse_mismatch(section: ObjectConfig, spec: DataSpec, weights: Mapping[str, Tensor], source: Path) -> None:
    """Refuses weights that do not fit the shapes of their network; those of other packages pass unseen.

    Args:
        section: The block ``model``.
        spec: Channels and classes.
        weights: Of the network.
        source: Their file, for messages.

    Raises:
        DataError: Names what does not fit.
    """
    if needed({"model": section}):
        # It may do more when it is built than to make weights.
        return
    with warnings.catch_warnings(action="ignore"):
        try:
            with torch.device("meta"):
                model = build_model(section, spec, published=False)
        except Exception:  # the reason is told where it is built in earnest
            return
        load_network_weights(model, section, weights, source)


def load_network_weights(model: nn.Module, section: ObjectConfig, weights: Mapping[str, Tensor], source: Path) -> None:
    """Puts weights into their network.

    Raises:
        DataError: They are another one's.
    """
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise DataError(
            f"{source}: its weights do not fit {section['_target_']} as it is now; was its code changed? "
            f"{str(error).splitlines()[-1].strip()}"
        ) from error
