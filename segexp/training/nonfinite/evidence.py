"""What is known of a step whose loss or gradient is not finite, in plain values, and its inputs as arrays."""

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segexp.data.base import ImageDataModule
from segexp.data.sampling.crops import crop_corner
from segexp.data.sampling.samples import RandomCrops
from segexp.losses.base import TOTAL
from segexp.tasks.steps.trace import StepTrace, rough_range, value_range

INPUTS = 64 * 2**20
"""Bytes of inputs that are kept of one step at most."""
Arrays = dict[str, NDArray[Any]]


@dataclass
class SeenBatch:
    """One batch of a step: one of several where gradients are accumulated.

    Attributes:
        number: In its epoch, from 0.
        batch: As the module has it, on its device; None: let go.
        loss: What was minimised.
        terms: Of the loss by name; empty for a LightningModule of the user's own.
        ranges: Of the outputs, see :func:`segexp.tasks.steps.trace.value_range`; None: not known.
        finite: Whether the loss is; None: not known yet, on a GPU.
        index: Numbers of the samples; None: the batch has none.
        late: Whether the loss is finite, on its way from the GPU, and when it has come.
    """

    number: int
    batch: Any
    loss: Tensor
    terms: Mapping[str, Tensor] = field(default_factory=dict)
    ranges: Tensor | None = None
    finite: bool | None = None
    index: Any = None
    late: tuple[Tensor, torch.cuda.Event] | None = None

    @classmethod
    def of(cls, number: int, batch: Any, loss: Tensor, trace: StepTrace | None, *, more: bool) -> "SeenBatch":
        """Keeps what cannot be had later, nothing of the size of the outputs; ``more``: it is one of several."""
        index = batch.get("index") if isinstance(batch, Mapping) else None
        seen = cls(number, batch, loss.detach(), {} if trace is None else trace.terms, index=index)
        if not loss.is_cuda:
            seen.finite = bool(seen.loss.isfinite().all())
            seen.ranges = None if seen.finite or trace is None else value_range(trace.outputs)
            return seen
        # A GPU is not waited for: whether the loss is finite is known later.
        seen.ranges = None if trace is None else rough_range(trace.outputs)
        if more:
            seen.late = (seen.loss.isfinite().all().to("cpu", non_blocking=True), recorded())
        return seen

    @classmethod
    def earlier(cls, number: int, loss: float) -> "SeenBatch":
        """A batch from before a resume, of which only the loss is known."""
        return cls(number, None, torch.tensor(loss), finite=math.isfinite(loss))

    def let_go(self) -> None:
        """Drops the batch, of which the next one is there already, unless its loss is known not to be finite."""
        if self.late is not None:
            (flag, event), self.late = self.late, None
            event.synchronize()
            self.finite = bool(flag)
        if self.finite is not False:
            self.batch = None

    def facts(self, data: Any, epoch: int) -> dict[str, Any]:
        """Plain values of loss, outputs and samples."""
        terms = {name: plain_number(float(value)) for name, value in self.terms.items()}
        return {
            "batch": self.number,
            "loss": terms.get(TOTAL, plain_number(float(self.loss))),
            "terms": terms,
            "outputs": _range(self.ranges),
            "samples": self._samples(data, epoch),
        }

    def _samples(self, data: Any, epoch: int) -> list[dict[str, Any]]:
        if not isinstance(self.index, Tensor) or not isinstance(data, ImageDataModule):
            return []
        numbers = [int(number) for number in self.index]
        found = describe_samples(data.train_samples(), 0 if data.repeats else epoch, numbers)
        if self.ranges is not None and len(self.ranges) == len(found):
            for sample, row in zip(found, self.ranges.cpu(), strict=True):
                sample["outputs"] = _range(row[None])
        return found

    def arrays(self) -> Arrays:
        """Tensors of the batch by name, as many samples as :data:`INPUTS` holds."""
        return {name: _first(value) for name, value in named_tensors(self.batch)}

    def bad_inputs(self, samples: Sequence[Mapping[str, Any]]) -> list[str]:
        """Names of the samples, or of the tensors, that hold nan or infinity."""
        bad = []
        for name, value in named_tensors(self.batch):
            if not value.is_floating_point() or bool(value.isfinite().all()):
                continue
            rows = (~value.flatten(1).isfinite()).any(1) if value.ndim > 1 else ~value.isfinite().reshape(-1)
            known = len(samples) == len(rows)
            bad += [samples[at]["image"] for at in rows.nonzero().flatten().tolist()] if known else [name]
        return list(dict.fromkeys(bad))


def plain_number(value: float) -> float | str:
    """A number as JSON has it; ``nan``, ``inf`` and ``-inf`` as words."""
    return value if math.isfinite(value) else str(value)


def recorded() -> "torch.cuda.Event":
    """Marks the point that a GPU reaches when all that it was given so far is done."""
    event = torch.cuda.Event()  # type: ignore[no-untyped-call] # torch's own
    event.record()
    return event


def _range(ranges: Tensor | None) -> dict[str, Any] | None:
    if ranges is None:
        return None
    count: int | str
    if ranges.shape[1] == 2:  # rough: of the samples whose values are all finite
        finite = ranges.isfinite().all(1)
        ranges, count = ranges[finite], 0 if bool(finite.all()) else "some"
    else:
        count = int(ranges[:, 2].sum())
    low, high = (float(ranges[:, 0].min()), float(ranges[:, 1].max())) if len(ranges) else (math.inf, -math.inf)
    known = low <= high
    return {"min": low if known else None, "max": high if known else None, "not_finite": count}


def named_tensors(batch: Any, name: str = "") -> list[tuple[str, Tensor]]:
    """Tensors of a batch of any form, by their places in it: ``image``, or ``0.image``."""
    if isinstance(batch, Tensor):
        return [(name or "batch", batch)]
    parts: Sequence[tuple[Any, Any]] = []
    if isinstance(batch, Mapping):
        parts = list(batch.items())
    elif isinstance(batch, list | tuple):
        parts = list(enumerate(batch))
    return [found for key, value in parts for found in named_tensors(value, f"{name}.{key}".lstrip("."))]


def _first(value: Tensor) -> NDArray[Any]:
    """The first samples of a tensor; numbers that NumPy does not have as float32."""
    sample = value[0].numel() * value.element_size() if value.ndim else 0
    value = value[: max(1, INPUTS // max(1, sample))] if value.ndim else value
    value = value.float() if value.dtype == torch.bfloat16 else value
    return value.detach().cpu().contiguous().numpy()


def packed(arrays: Arrays) -> bytes:
    """The arrays as an .npz file, which is read with ``allow_pickle=False``."""
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)  # type: ignore[arg-type] # names are free
    return stream.getvalue()


def describe_samples(samples: RandomCrops, epoch: int, numbers: Sequence[int]) -> list[dict[str, Any]]:
    """Says from which image and file each training sample was cut, and where.

    Args:
        samples: Of the data set.
        epoch: From 0.
        numbers: Of the samples in the epoch.

    Returns:
        ``index``, ``image``, ``files``, and ``place``: ``top``, ``left``, ``height`` and ``width`` in pixels of the
        image; of crops that are turned or zoomed ``y`` and ``x`` of the pixel about which they are; None: all of it.
    """
    return [_sample(samples, epoch, number) for number in numbers]


def _sample(samples: RandomCrops, epoch: int, number: int) -> dict[str, Any]:
    rng = samples.generator(epoch, number)
    item, place = samples.places.draw(number, rng)
    found: dict[str, Any] = {"index": number, "image": item.name, "files": list(map(str, item.files)), "place": None}
    size, turned = samples.size, bool(samples.augment.rotate or samples.augment.scale)
    if place is not None and turned:
        found["place"] = {"y": place.y, "x": place.x}
    elif size is not None and not turned and min(item.shape) >= size:
        top, left = crop_corner(item, size, rng, place)
        found["place"] = {"top": top, "left": left, "height": size, "width": size}
    return found
