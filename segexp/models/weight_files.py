"""Reads files of weights, torch's and safetensors, as data: no pickle runs, nothing takes more memory than the file."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from segexp.errors import DataError, MissingExtraError, UserError
from segexp.runs.archive import check_archive
from segexp.runs.checkpoint_format import refuse_newer
from segexp.runs.pickled.torch_file import why_unreadable

State = dict[str, Tensor]
"""Weights and running statistics by name, as ``state_dict()`` gives them."""

TASK_PREFIX = "model."
"""Begins the names of the network's weights in a checkpoint of segexp, which holds those of the loss too."""

_INSIDE = ("state_dict", "model_state_dict", "model")
"""Keys under which checkpoints keep the weights beside other things."""


def read_state_dict(path: str | Path, key: str, expected: str) -> State:
    """Reads the weights of a network from disk.

    Taken are a state dict of torch, a checkpoint that holds one (of segexp: the network's weights without the loss's),
    and ``.safetensors``.

    Args:
        path: The file.
        key: Of the config, for messages.
        expected: What should be there, for messages.

    Raises:
        UserError: There is no such file, or it is none of weights, cut short, or holds something else.
        DataError: It is a checkpoint of a later version of segexp.
        MissingExtraError: safetensors is not installed.
    """
    place = Path(path).expanduser()
    if not place.is_file():
        raise UserError(f"{key}: no file {place}: give the path of {expected}")
    try:
        content = _content(place, key)
    except (UserError, MemoryError):
        raise
    except Exception as error:  # bytes that are no weights lead torch.load anywhere
        said = why_unreadable(place, error)
        raise UserError(
            f"{key}: {place} is no state dict of torch, or is cut short ({said}): get {expected} anew"
        ) from error
    if isinstance(content, Mapping) and isinstance(record := content.get("segexp"), Mapping):
        refuse_newer(record, f"{key}: {place}")
    return checked_state(_weights_in(content), f"{key}: {place}", expected)


def _content(place: Path, key: str) -> Any:
    if place.suffix == ".safetensors":
        if importlib.util.find_spec("safetensors") is None:
            raise MissingExtraError(f"{key}: {place} needs safetensors: pip install 'segexp[export]'")
        from safetensors.torch import load_file

        return load_file(place)
    check_archive(place)
    return torch.load(place, map_location="cpu", weights_only=True)


def _weights_in(content: Any) -> Any:
    """The state dict in what a file holds."""
    if not isinstance(content, Mapping):
        return content
    inside = next((content[name] for name in _INSIDE if isinstance(content.get(name), Mapping)), content)
    if "segexp" not in content or inside is content:
        return inside
    named = {str(name): value for name, value in inside.items()}
    return {name.removeprefix(TASK_PREFIX): value for name, value in named.items() if name.startswith(TASK_PREFIX)}


def checked_state(state: object, source: str, expected: str) -> State:
    """Checks that something is a state dict, and that its tensors are as large as they say.

    Args:
        state: What a file holds.
        source: Key and file, for messages.
        expected: What should be there, for messages.

    Raises:
        UserError: It is none.
        DataError: A tensor says that it has more values than the file holds.
    """
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(f"{source} holds no plain dict of names and tensors, expected {expected}")
    for name, value in state.items():
        refuse_expanded(str(name), value, source)
    return {str(name): value for name, value in state.items()}


def refuse_expanded(name: str, value: Tensor, source: str | Path) -> None:
    """Refuses a tensor with values that the file does not hold: a few bytes can stand for billions.

    Raises:
        DataError: It is sparse, or a view that repeats values.
    """
    if value.layout != torch.strided or value.numel() * value.element_size() > value.untyped_storage().nbytes():
        raise DataError(f"{source}: the weight {name} says it is {tuple(value.shape)}, more than the file holds")


def first_line(error: BaseException) -> str:
    """The first line of what an error says, at most 200 characters; the name of its class where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
