"""Counts the memory of a training step and of a forward pass from shapes alone: nothing is computed, none is taken."""

import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from segexp.models.auxiliary import Supervised
from segexp.models.sizes import same_size

_CONVOLUTIONS = (torch.ops.aten.convolution.default, torch.ops.aten.convolution_backward.default)


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch's own __init_subclass__
    """Counts the bytes of all tensors that come to be in this context and are still alive, on any device.

    Attributes:
        now: Bytes that are alive.
        peak: The most at any moment.
    """

    def __init__(self, *, reorders: bool = False) -> None:
        """Starts at 0.

        Args:
            reorders: Whether convolutions copy what they read into another order, as on a processor where it does not
                lie in channels-last order; the copies are alive while they compute.
        """
        super().__init__()  # type: ignore[no-untyped-call] # torch's own
        self.now = 0
        self.peak = 0
        self._reorders = reorders
        self._known: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Runs an operation, and counts what it makes; views and what is overwritten in place are counted once."""
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                self._count(tensor.untyped_storage())
        if self._reorders and func in _CONVOLUTIONS:
            read = sum(each.numel() * each.element_size() for each in tree_leaves(args) if isinstance(each, Tensor))
            self.peak = max(self.peak, self.now + read)
        return made

    def _count(self, storage: torch.UntypedStorage) -> None:
        # Meta tensors have no address to tell them apart.
        number, size = int(storage._cdata), storage.nbytes()
        if number in self._known:
            return
        self.now += size
        self.peak = max(self.peak, self.now)
        self._known[number] = weakref.ref(storage, lambda _: self._forget(number, size))

    def _forget(self, number: int, size: int) -> None:
        if self._known.pop(number, None) is not None:
            self.now -= size


@dataclass(frozen=True)
class StepMemory:
    """Bytes of one training step beside weights and buffers, of which the optimiser knows nothing yet.

    Attributes:
        saved: What the forward pass leaves for the backward pass, the batch included; grows with the batch.
        peak: The most that is alive at once in forward and backward pass, with those gradients that are there by then.
        outputs: Of the logits, auxiliary ones too.
    """

    saved: int
    peak: int
    outputs: int


def step_memory(
    model: nn.Module,
    shape: tuple[int, int, int, int],
    dtype: torch.dtype = torch.float32,
    *,
    reorders: bool = False,
) -> StepMemory:
    """Counts the bytes of a forward and a backward pass in training mode, without the loss.

    Args:
        model: On any device; neither its weights nor its statistics are touched.
        shape: Of the batch, (B, C, H, W); B is at least 2, or norms over the whole image may refuse it.
        dtype: Numbers of the feature maps.
        reorders: See :class:`LiveBytes`.

    Raises:
        Exception: Whatever a model raises that needs values, not shapes alone.
    """
    with _on_meta(model, dtype, trains=True) as call, LiveBytes(reorders=reorders) as live:
        image = torch.empty(shape, device="meta", dtype=dtype)
        made = call(image)
        logits = [made.logits, *made.auxiliary] if isinstance(made, Supervised) else [made]
        saved = live.now
        torch.autograd.backward(logits, [torch.empty_like(each) for each in logits])
        return StepMemory(saved, live.peak, sum(each.numel() * each.element_size() for each in logits))


def forward_memory(model: nn.Module, shape: tuple[int, int, int, int]) -> int:
    """Counts the most bytes that are alive at once in a forward pass in evaluation mode, beside the weights.

    Args:
        model: On any device; nothing of it is touched.
        shape: Of the images, (B, C, H, W).

    Raises:
        Exception: Whatever a model raises that needs values, not shapes alone.
    """
    with torch.no_grad(), _on_meta(model, torch.float32, trains=False) as call, LiveBytes() as live:
        call(torch.empty(shape, device="meta"))
        return int(live.peak)


class _SameSize(nn.Module):
    """A model with the border that it needs, as a module, whose weights can be replaced for a call."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> Tensor | Supervised:
        return same_size(self.model, image)


@contextmanager
def _on_meta(model: nn.Module, dtype: torch.dtype, *, trains: bool) -> Iterator[Callable[[Tensor], Any]]:
    """Gives a call of the model with weights that have shapes and no values; its modes are as before afterwards."""
    modes = [(part, part.training) for part in model.modules()]
    whole = _SameSize(model)
    weights = {
        name: torch.empty_like(weight, device="meta", dtype=dtype).requires_grad_(weight.requires_grad and trains)
        for name, weight in whole.named_parameters()
    }
    buffers = {name: torch.empty_like(buffer, device="meta") for name, buffer in whole.named_buffers()}
    # Nothing is drawn on the meta device, but a model may draw by itself.
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings(action="ignore"), _uncompiled(model):
        try:
            model.train(trains)
            yield lambda image: functional_call(whole, {**weights, **buffers}, (image,))
        finally:
            for part, training in modes:
                part.training = training


@contextmanager
def _uncompiled(model: nn.Module) -> Iterator[None]:
    """Lets a compiled model run as it is written."""
    if getattr(model, "_compiled_call_impl", None) is None:
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield
