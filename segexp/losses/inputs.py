"""Checks that the logits and the mask of a loss fit each other."""

import torch
from torch import Tensor

from segexp.errors import DataError, MismatchError
from segexp.spec import IGNORED


def check_inputs(name: str, logits: Tensor, mask: Tensor, *, one_logit: bool = False) -> None:
    """Compares logits and mask; broadcast against each other, wrong shapes would give a number all the same.

    Shapes and types are always compared, which no device has to wait for. Class numbers are, too, where the mask lies
    in the memory of the processor.

    Args:
        name: Of the loss, for the message.
        logits: float (B, K, H, W).
        mask: Integers (B, H, W), class numbers and 255 for ignored.
        one_logit: Whether K has to be 1.

    Raises:
        MismatchError: They do not fit; the message says how to change them.
        DataError: The mask holds another number.
    """
    _check_shapes(name, logits, mask)
    _check_types(name, logits, mask)
    channels = logits.shape[1]
    if one_logit and channels != 1:
        raise MismatchError(
            f"{name}: found logits {tuple(logits.shape)}, expected one channel, the logit of the second of two classes "
            "(of two logits that is logits[:, 1:] - logits[:, :1]); for more classes use CrossEntropy"
        )
    if mask.device.type == "cpu" and mask.numel():
        _check_values(name, mask, max(channels, 2))


def _check_shapes(name: str, logits: Tensor, mask: Tensor) -> None:
    if logits.ndim == 4 and mask.ndim == 3 and logits.shape[0] == mask.shape[0] and logits.shape[2:] == mask.shape[1:]:
        return
    found = f"{name}: found logits {tuple(logits.shape)} and a mask {tuple(mask.shape)}, expected (B, K, H, W) and"
    if logits.ndim != 4:
        ways = " (B, H, W); logits.unsqueeze(1) makes (B, H, W) one channel per pixel"
    elif mask.ndim == 4 and mask.shape[1] == 1:
        ways = " (B, H, W); mask.squeeze(1) takes the channel off"
    elif mask.shape == logits.shape:
        ways = " (B, H, W) of class numbers; of a mask with a channel per class that is mask.argmax(dim=1)"
    elif mask.shape[1:] == logits.shape[2:]:
        ways = f" (B, H, W), a mask for each of {logits.shape[0]} images"
    else:
        ways = " (B, H, W) of the same height and width"
    raise MismatchError(found + ways)


def _check_types(name: str, logits: Tensor, mask: Tensor) -> None:
    if not logits.is_floating_point():
        raise MismatchError(f"{name}: found logits of {logits.dtype}, expected floats before any activation")
    if mask.is_floating_point() or mask.is_complex() or mask.dtype == torch.bool:
        raise MismatchError(
            f"{name}: found a mask of {mask.dtype}, expected class numbers, uint8; mask.byte() turns 0 and 1 into them"
        )


def _check_values(name: str, mask: Tensor, classes: int) -> None:
    # As int8 the ignored 255 is -1, so that the ends of the range tell everything in one fast pass.
    narrow = mask.dtype == torch.uint8
    seen = mask.view(torch.int8) if narrow else mask.masked_fill(mask == IGNORED, 0)
    lowest, highest = (int(edge) for edge in seen.aminmax())
    if lowest < (-1 if narrow else 0) or highest >= classes:
        illegal = [value for value in torch.unique(mask).tolist() if not 0 <= value < classes and value != IGNORED]
        raise DataError(
            f"{name}: the mask holds {illegal[:8]}, expected 0..{classes - 1} and {IGNORED} for ignored pixels"
        )
