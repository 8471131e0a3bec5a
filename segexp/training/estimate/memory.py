"""What a training will hold in memory, estimated from shapes, settings and sizes before it starts."""

import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from lightning.pytorch.callbacks import Callback, StochasticWeightAveraging, WeightAveraging
from torch import Tensor, nn

from segexp.config.experiment import Experiment
from segexp.data.files import FilesDataModule
from segexp.data.items.item import DerivedItem, Item
from segexp.data.items.stored import StoredItem
from segexp.data.sampling.loader import worker_count
from segexp.data.settings import DataSettings
from segexp.inspection.step_memory import LiveBytes, StepMemory, forward_memory, step_memory
from segexp.losses.base import TOTAL, SegmentationLoss
from segexp.spec import DataSpec
from segexp.system.free_memory import gib, process_memory
from segexp.tasks.base import BaseTask
from segexp.training.building.optimizer import first_step_numbers, optimizer_numbers

NUMBER_BYTES = {"bf16-true": 2, "16-true": 2, "64-true": 8}
"""Bytes of a weight, by ``trainer.precision``; 4 with any other."""
HALF = ("bf16-mixed", "16-mixed")
"""Values of ``trainer.precision`` with which feature maps have half the bytes, and weights a copy of them."""
RESERVE = {"cpu": 0.3, "cuda": 0.1, "mps": 0.1}
"""Share that is held beside what is alive: blocks between others, working memory of convolutions. That of the processor
is measured by benchmarks/memory_estimate.py."""
LIBRARIES = 40 * 2**20
"""Bytes that the first steps take on a processor: compiled kernels, stacks of threads."""
REPORT = 110 * 2**20
"""Bytes that the charts and tables of the test bring along, once they are loaded."""
WORKER = 64 * 2**20
"""Bytes that a loading process has to itself; the rest it shares with the one that started it."""
IN_UPDATE = 2
"""Copies of the largest weight that an optimiser makes while it moves it: the step, and what it is divided by."""
MAPS = 3
"""Maps of all classes that are held of a whole image while it is judged: logits, their blend, probabilities."""


@dataclass(frozen=True)
class Fed:
    """Sizes of the batches that a network is given.

    Attributes:
        batch: Samples of a step, on all ranks together.
        sample: Height and width of a training sample; None: unknown.
        whole: Sizes of the images of validation and test.
        eval_batch: Whole images of a step of validation.
    """

    batch: int
    sample: tuple[int, int] | None
    whole: Collection[tuple[int, int]] = ()
    eval_batch: int = 1


@dataclass(frozen=True)
class HeldData:
    """Bytes of data in memory.

    Attributes:
        read: Images and targets that stay decoded.
        loading: Loading processes, and the batches that they hold ready.
        on_device: Images and targets that lie on the device.
    """

    read: int = 0
    loading: int = 0
    on_device: int = 0


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes that each process of a training will hold at its peak.

    Attributes:
        device: ``cpu``, ``cuda`` or ``mps``: where weights, gradients, state, activations and images lie.
        batch: Samples of a step in each process.
        weights: Weights and statistics of the network, and averages of them.
        gradients: Of the weights that are trained.
        optimizer: What the optimiser keeps.
        activations: Feature maps of a batch, and what is computed with them, at the peak of a step.
        sample: Share of ``activations`` that one sample leaves for the backward pass, which cannot be done without.
        images: Training images that lie on the device.
        data: Images that stay decoded, and loading processes.
        program: Python and its libraries.
        known: Whether the network could be run on shapes alone; False: ``activations`` is unknown and counts as 0.
        decoded: Share of ``data`` that stays decoded in memory.
        first_state: Share of ``optimizer`` that is there after one step.
    """

    device: str
    batch: int
    weights: int
    gradients: int
    optimizer: int
    activations: int
    sample: int
    images: int
    data: int
    program: int
    known: bool = True
    decoded: int = 0
    first_state: int = 0

    @property
    def reserve(self) -> int:
        """Bytes that allocator and libraries hold beside."""
        alive = self.weights + self.gradients + self.optimizer + self.activations
        return int(RESERVE[self.device] * alive) + (LIBRARIES if self.device == "cpu" else 0)

    @property
    def on_device(self) -> int:
        """Bytes where the network computes."""
        alive = self.weights + self.gradients + self.optimizer + self.activations
        return alive + self.reserve + self.images

    @property
    def total(self) -> int:
        """Bytes that are compared with the memory of the machine, or on a GPU with its own."""
        return self.on_device + (self.data + self.program if self.device != "cuda" else 0)

    @property
    def least(self) -> int:
        """Bytes without which not even a second step can be done with a single sample."""
        return sum(self.least_parts().values())

    def least_parts(self, processes: int = 1) -> dict[str, int]:
        """Bytes by name that so many processes which compute in one memory cannot do without.

        The gradients of a step are there until the forward pass of the next is done. Python, libraries and loading
        processes are left out: they share pages, and the system can write to the disk those that lie idle.
        """
        each = {
            "weights": self.weights, "gradients": self.gradients, "optimiser state": self.first_state,
            "one sample": self.sample, "images": self.images,
        }  # fmt: skip
        decoded = self.decoded if self.device != "cuda" else 0
        parts = {name: size * processes for name, size in each.items()} | {"decoded images": decoded}
        return {name: size for name, size in parts.items() if size}

    def with_batch(self, batch: int) -> "MemoryEstimate":
        """The estimate of another batch size, by proportion."""
        return replace(self, batch=batch, activations=self.activations * batch // self.batch)

    def with_activations(self, activations: int) -> "MemoryEstimate":
        """The estimate with other bytes of the batch, such as were measured."""
        return replace(self, activations=activations)

    def largest_batch(self, room: int) -> int:
        """Samples of a step that fit into so many bytes; 0: not even one."""
        one = self.with_batch(1).total
        more = self.with_batch(2).total - one
        return 0 if one > room else 1 + (room - one) // max(1, more)

    def to_dict(self) -> dict[str, Any]:
        """All bytes by name, for JSON."""
        return {**asdict(self), "reserve": self.reserve, "total": self.total, "least": self.least}

    def described(self) -> str:
        """``about 1.2 GiB: weights 118 MiB, gradients ...``."""
        parts = {
            "weights": self.weights, "gradients": self.gradients, "optimiser": self.optimizer,
            f"batch of {self.batch}": self.activations, "reserve": self.reserve,
            **({"images": self.images} if self.images else {}),
        }  # fmt: skip
        if self.device != "cuda":
            parts |= {"data": self.data, "program": self.program}
        unknown = "" if self.known else "; what the network keeps of a batch is unknown"
        shown = ", ".join(f"{name} {gib(size)}" for name, size in parts.items())
        return f"{'about' if self.known else 'at least'} {gib(self.total)}: {shown}{unknown}"


def estimate_memory(
    experiment: Experiment, module: BaseTask, fed: Fed, data: HeldData, callbacks: Iterable[Callback] = ()
) -> MemoryEstimate:
    """Estimates the memory of each process of a training; nothing is computed, and no memory taken.

    Args:
        experiment: With its ranks and its device.
        module: The task with its network, on the processor.
        fed: What it is given.
        data: What is held of the data.
        callbacks: Of the config; those that average weights hold a copy of them.
    """
    device, ranks = experiment.device or "cpu", experiment.ranks
    wide = NUMBER_BYTES.get(experiment.trainer.precision or "", 4)
    half = module.speed.bfloat16 or experiment.trainer.precision in HALF
    divided = ranks if experiment.trainer.strategy == "fsdp" else 1
    kept, trained = _numbers(module)
    weights, gradients = wide * kept // divided, wide * trained // divided
    optimizer = int(optimizer_numbers(experiment.optimizer) * gradients)
    batch = max(1, -(-fed.batch // ranks))
    dtype = torch.bfloat16 if half or wide == 2 else torch.float64 if wide == 8 else torch.float32
    step = _step(module, batch, fed.sample, dtype, reorders=device == "cpu" and not module.speed.channels_last)
    # Mixed precision multiplies with a copy of the weights.
    copies = weights // 2 if half else 0
    buckets = gradients if ranks > 1 and divided == 1 else 0
    alive = max(
        0 if step is None else step.peak + copies,
        gradients + IN_UPDATE * wide * _largest_weight(module),
        gradients + _judged(module, fed, batch, device),
    )
    averaged = sum(isinstance(each, WeightAveraging | StochasticWeightAveraging) for each in callbacks) * weights
    activations = max(0, alive - gradients) + buckets
    # What the process holds now is Python, libraries, the network and those images that are read already.
    program = max(0, (process_memory() or 0) - 4 * kept - data.read) + (0 if "vl_convert" in sys.modules else REPORT)
    return MemoryEstimate(
        device, batch, weights + averaged, gradients, optimizer, activations,
        0 if step is None else step.saved // batch, data.on_device, data.read + data.loading, program,
        known=step is not None, decoded=data.read,
        first_state=int(first_step_numbers(experiment.optimizer) * gradients),
    )  # fmt: skip


def _numbers(module: BaseTask) -> tuple[int, int]:
    """Numbers in all weights and statistics, and in those weights that are trained."""
    parameters = list(module.parameters())
    buffers = sum(buffer.numel() for buffer in module.buffers())
    return sum(p.numel() for p in parameters) + buffers, sum(p.numel() for p in parameters if p.requires_grad)


def _largest_weight(module: nn.Module) -> int:
    return max((p.numel() for p in module.parameters() if p.requires_grad), default=0)


def _step(
    module: BaseTask, batch: int, sample: tuple[int, int] | None, dtype: torch.dtype, *, reorders: bool
) -> StepMemory | None:
    """Forward and backward pass of a batch, and what the loss takes in between; None: not known from shapes."""
    if sample is None:
        return None
    asked = max(batch, 2)
    try:
        found = step_memory(module.model, (asked, module.spec.in_channels, *sample), dtype, reorders=reorders)
    except Exception:  # a model of anybody's, which needs values
        return None
    peak = max(found.peak, found.saved + loss_bytes(module.loss, module.spec, found.outputs, dtype.itemsize))
    return StepMemory(found.saved * batch // asked, peak * batch // asked, found.outputs * batch // asked)


def loss_bytes(loss: nn.Module, spec: DataSpec, outputs: int, number: int = 4) -> int:
    """Counts the bytes that a loss takes forward and backward, by proportion to those of a small batch.

    Args:
        loss: Of the task.
        spec: Classes of the data.
        outputs: Bytes of the logits of the batch.
        number: Bytes of a number in them.
    """
    side = 32
    if spec.target.form != "mask" or not isinstance(loss, SegmentationLoss):
        return 3 * outputs * 4 // number
    logits = torch.zeros(2, spec.out_channels, side, side, requires_grad=True)
    mask = (torch.arange(2 * side * side) % spec.num_classes).byte().view(2, side, side)
    try:
        with torch.random.fork_rng(devices=[]), torch.enable_grad(), LiveBytes() as live:
            total: Tensor = loss.terms(logits, mask)[TOTAL]
            total.backward()  # type: ignore[no-untyped-call] # torch's own
    except Exception:  # a loss of anybody's that wants other logits
        return 3 * outputs * 4 // number
    return int(live.peak * (outputs // number) / logits.numel())


def _judged(module: BaseTask, fed: Fed, batch: int, device: str) -> int:
    """Bytes of the largest image of validation and test, whole or in windows; 0 where a step surely takes more."""
    if not fed.whole:
        return 0
    height, width = max(fed.whole, key=lambda size: size[0] * size[1])
    side = module.inference.window_for(height, width)
    seen = (height, width) if side is None else (min(height, side), min(width, side))
    images = fed.eval_batch if side is None else module.inference.windows_in_a_pass(device)
    if fed.sample is not None and images * seen[0] * seen[1] <= batch * fed.sample[0] * fed.sample[1]:
        return 0
    try:
        passed = forward_memory(module.model, (images, module.spec.in_channels, *seen))
    except Exception:  # see _step
        return 0
    maps = 4 * MAPS * module.spec.out_channels * height * width if module.spec.target.form == "mask" else 0
    return passed + maps


def held_data(datamodule: DataSettings, train: Sequence[Item], every: Sequence[Item]) -> HeldData:
    """Counts the bytes of data that a training holds, from headers and settings.

    Args:
        datamodule: Its settings.
        train: Training images.
        every: All images.
    """
    own = [item for item in every if not isinstance(item, StoredItem | DerivedItem)]
    read = sum(item.decoded_bytes for item in own)
    if isinstance(datamodule, FilesDataModule) and datamodule.cache == "ram" and not own:
        waiting = sum(item.decoded_bytes for item in every if not item.in_memory)
        read = min(waiting, int(datamodule.cache_limit * 2**30))
    options, workers = datamodule.loader, worker_count(datamodule.loader)
    side = datamodule.crop_size
    sample = max((_sample_bytes(item, side) for item in train), default=0)
    ready = workers * options.prefetch_factor * options.batch_size * sample
    lying = sum(item.decoded_bytes for item in train) if options.on_device else 0
    return HeldData(read, workers * WORKER + (0 if options.on_device else ready), lying)


def _sample_bytes(item: Item, side: int | None) -> int:
    height, width = item.shape if side is None else (side, side)
    return item.decoded_bytes * height * width // max(1, item.shape[0] * item.shape[1])
