"""ImageNet weights for an encoder (Deng et al. 2009): torchvision's published files, from its server or from disk."""

from pathlib import Path

import torch
from torch import nn

from segexp.errors import ConfigError, UserError
from segexp.models.encoders.base import Encoder
from segexp.models.encoders.published import PUBLISHED_FILES, SERVER
from segexp.models.weight_files import State, checked_state, first_line, read_state_dict
from segexp.models.weight_fit import adapt_channels, few

FILES = {encoder: file.name for encoder, file in PUBLISHED_FILES.items()}
"""Each name ends in the first digits of the file's SHA-256, which torch checks."""

HEADS = ("classifier.", "fc.")
"""Keys of the classifier for the 1000 classes of ImageNet: apart on purpose, a segmentation has no use for them."""

KEY = "model.pretrained"


def load_pretrained(encoder: Encoder, name: str, pretrained: bool | str, base: int, *, freeze: bool = False) -> State:
    """Give an encoder the weights of the network ``name`` that was trained on ImageNet.

    They expect images scaled to the mean and deviation of ImageNet: ``datamodule.normalize=imagenet``.

    Args:
        encoder: With torchvision's keys.
        name: A key of ``FILES``.
        pretrained: False: nothing is done, no network touched. True: the published file, from torch's hub folder or,
            the first time, from the server. Text: path of such a file.
        base: Channels of the encoder's first stage.
        freeze: Whether the encoder is taken out of training, with these weights or its own.

    Returns:
        What the file holds of the classifier on top (``HEADS``), which has no place here.

    Raises:
        ConfigError: The encoder is not as wide as the published network.
        UserError: The file cannot be got or read, or does not fit.
    """
    head = {} if pretrained is False else _load(encoder, name, pretrained, base)
    if freeze:
        encoder.freeze()
    return head


def _load(encoder: Encoder, name: str, pretrained: bool | str, base: int) -> State:
    if base != 64:
        raise ConfigError(
            f"model.pretrained: the published weights are for base=64, found base={base}; set one of them"
        )
    if isinstance(pretrained, str):
        state, source = read_state_dict(str(pretrained), KEY, f"{FILES[name]} (from {SERVER})"), pretrained
    else:
        state, source = _download(name)
    trunk, head = split_head(state)
    load_encoder_weights(encoder, trunk, f"{source} for {name}")
    return head


def split_head(state: State) -> tuple[State, State]:
    """Splits a state dict into the weights of the encoder and those of the classifier on top (``HEADS``)."""
    head = {key: value for key, value in state.items() if key.startswith(HEADS)}
    return {key: value for key, value in state.items() if key not in head}, head


def load_head(layer: nn.Linear, head: State) -> bool:
    """Loads the weights of a published last layer ``fc`` (K, F) where they are of as many classes and features.

    Args:
        layer: The last layer of a classifier; left as it is where there is nothing that fits.
        head: What :func:`load_pretrained` returns.

    Returns:
        Whether they were loaded.
    """
    found = {key.removeprefix("fc."): value for key, value in head.items() if key.startswith("fc.")}
    wanted = layer.state_dict()
    if {key: value.shape for key, value in found.items()} != {key: value.shape for key, value in wanted.items()}:
        return False
    layer.load_state_dict(found)
    return True


def load_encoder_weights(encoder: nn.Module, state: State, source: str) -> None:
    """Load a state dict whose first convolution may have other input channels; every other difference is refused.

    ``num_batches_tracked`` may be missing: files older than that counter lack it, and nothing depends on it.

    Raises:
        UserError: A key is missing, unknown or of another shape; the text names it and ``source``.
    """
    wanted = encoder.state_dict()
    _check_keys(wanted, state, source)
    first = next(key for key, value in wanted.items() if value.ndim == 4)
    loaded = {**{key: value for key, value in wanted.items() if key.endswith("num_batches_tracked")}, **state}
    loaded[first] = adapt_channels(loaded[first], wanted[first].shape[1])
    for key, value in loaded.items():
        if value.shape != wanted[key].shape:
            raise UserError(
                f"pretrained weights {source}: {key} is of shape {tuple(value.shape)}, expected "
                f"{tuple(wanted[key].shape)}: this is the file of another network"
            )
    encoder.load_state_dict(loaded)


def _check_keys(wanted: State, state: State, source: str) -> None:
    missing = [key for key in wanted if key not in state and not key.endswith("num_batches_tracked")]
    unknown = [key for key in state if key not in wanted]
    if missing or unknown:
        parts = [f"{word} {few(keys)}" for word, keys in (("missing", missing), ("unexpected", unknown)) if keys]
        raise UserError(f"pretrained weights {source}: {'; '.join(parts)}: this is the file of another network")


def _download(name: str) -> tuple[State, str]:
    file = FILES[name]
    place = Path(torch.hub.get_dir()) / "checkpoints" / file
    found = place.exists()
    try:
        state = torch.hub.load_state_dict_from_url(
            SERVER + file, map_location="cpu", progress=False, check_hash=True, weights_only=True
        )
    except Exception as error:  # bytes that are no weights lead torch.load anywhere
        if found:  # torch checks the hash of what it downloads, not of what lies in its folder already
            what = f"{place} is broken: delete it"
        elif isinstance(error, OSError):  # no network, or a full or locked disk
            what = f"{SERVER}{file} could not be stored as {place}"
        else:
            what = f"{SERVER}{file} arrived broken"
        raise UserError(
            f"model.pretrained=true: {what} ({first_line(error)}); put {SERVER}{file} there by hand, or anywhere and "
            f"set model.pretrained=<path>"
        ) from error
    return checked_state(state, f"{KEY}: {place}", file), str(place)
