"""Counts what a model costs from shapes alone: parameters, multiply-adds and memory."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from segexp.models.sizes import same_size


@dataclass(frozen=True)
class Cost:
    """Figures of one model at one size.

    Attributes:
        parameters: Numbers in all weights.
        trainable: Those that training changes.
        multiply_adds: Multiplications (each with its addition) of one forward pass in evaluation mode.
        activation_bytes: Memory that a training step keeps for the backward pass.
    """

    parameters: int
    trainable: int
    multiply_adds: int
    activation_bytes: int


def cost(model: nn.Module, image: Tensor) -> Cost:
    """Counts all figures of a model.

    Args:
        model: On the device of the image; its mode is changed.
        image: float (B, C, H, W); on the meta device nothing is computed and no memory is taken.

    Raises:
        InputSizeError: The image is too small for the model.
    """
    return Cost(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        trainable=sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad),
        multiply_adds=multiply_adds(model, image),
        activation_bytes=activation_bytes(model, image),
    )


def multiply_adds(model: nn.Module, image: Tensor) -> int:
    """Counts the multiply-adds of convolutions and matrix products, from the shapes that pass through them.

    Norms, activations, pooling and interpolation are left out, as usual: they are a few percent. So are biases.
    Taps that fall into the padding count as well.
    """
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        same_size(model.eval(), image)
    # Torch counts a multiplication and its addition as two operations.
    return int(counter.get_total_flops()) // 2


def activation_bytes(model: nn.Module, image: Tensor) -> int:
    """Counts the bytes that the model's training-mode forward pass leaves for the backward pass.

    The distinct blocks of memory that autograd saves: feature maps, indices of poolings, dropout masks, and the
    image where a trained layer reads it. Weights and buffers are not counted, nor what the loss keeps, gradients,
    or the working memory of single operations. What is overwritten in place is one block, as in memory.
    """
    own = {_block(tensor) for tensor in (*model.parameters(), *model.buffers())}
    saved: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: Tensor) -> Tensor:
        if _block(tensor) not in own:
            # The storage is kept alive: a freed one could give its number to the next.
            saved[_block(tensor)] = tensor.untyped_storage()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        same_size(model.train(), image)
    return sum(storage.nbytes() for storage in saved.values())


def _block(tensor: Tensor) -> int:
    """Number of a tensor's storage; meta tensors have no address to tell them apart."""
    return int(tensor.untyped_storage()._cdata)
