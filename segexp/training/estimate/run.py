"""What a run will take: memory and disk, compared with what there is, for check, run.json and its first lines."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import Callback

from segexp.config.experiment import Experiment
from segexp.data.items.item import Item
from segexp.data.settings import DataSettings, Items
from segexp.data.splits.rules import PHASES
from segexp.system.free_memory import gib
from segexp.tasks.base import BaseTask
from segexp.training.estimate.disk import DiskEstimate, estimate_disk
from segexp.training.estimate.limits import Room, measure_room, refuse_oversize, smaller, warn_of_size
from segexp.training.estimate.memory import Fed, MemoryEstimate, estimate_memory, held_data


@dataclass(frozen=True)
class RunEstimate:
    """Memory and disk that a run will take, beside what there is.

    Attributes:
        memory: Of each process.
        disk: Of the run folder.
        room: Memory in which the network computes.
        processes: How many share that.
        keys: Keys that change the size of a step, with their values.
        allowed: Whether the run is to start even if it cannot fit.
    """

    memory: MemoryEstimate
    disk: DiskEstimate
    room: Room
    processes: int
    keys: Mapping[str, int | None]
    allowed: bool = False

    def refuse(self) -> None:
        """Refuses a training of which not a single sample can fit.

        Raises:
            ConfigError: It cannot, and nobody asked for it all the same.
        """
        refuse_oversize(self.memory, self.room, self.processes, allowed=self.allowed)

    def warnings(self) -> Iterator[str]:
        """Yields a line for what will take more than is free now."""
        yield from warn_of_size(self.memory, self.room, self.keys, self.processes)
        yield from self.disk.warnings()

    def lines(self) -> Iterator[str]:
        """Yields the lines of memory and disk."""
        several = f", in each of {self.processes} processes" if self.processes > 1 else ""
        yield f"memory      {self.memory.described()}{several}; {gib(self.room.free)} may be had now"
        yield f"disk        {self.disk.described()}"

    def words(self, room: int | None = None) -> list[str]:
        """Words for the command line with which a step would fit.

        Args:
            room: Bytes for one process; None: three quarters of what is free now, or else of the estimate.
        """
        if room is None:
            room = self.memory.total * 3 // 4
            room = room if self.room.free is None else min(room, self.room.free // self.processes * 3 // 4)
        return list(smaller(self.memory, room, self.keys))

    def to_dict(self) -> dict[str, Any]:
        """Bytes by name, for JSON."""
        room = {"limit": self.room.limit, "free": self.room.free}
        return {"memory": {**self.memory.to_dict(), **room, "processes": self.processes}, "disk": self.disk.to_dict()}


def estimate_run(
    experiment: Experiment,
    module: BaseTask,
    datamodule: DataSettings,
    items: Items,
    folder: Path,
    callbacks: Sequence[Callback] = (),
) -> RunEstimate:
    """Estimates a run.

    Args:
        experiment: With its ranks and its device.
        module: The task with its network, on the processor.
        datamodule: Whose settings say what is fed.
        items: Images of each part, of which headers are enough.
        folder: Where the run folder is made.
        callbacks: Of the config.
    """
    train, others = items["train"], [item for phase in ("val", "test") for item in items[phase]]
    side = datamodule.eval_size
    whole = {item.shape if side is None else (side, side) for item in others}
    fed = Fed(datamodule.loader.batch_size, _sample(datamodule, train), whole, datamodule.loader.eval_batch_size)
    data = held_data(datamodule, train, [item for phase in PHASES for item in items[phase]])
    memory = estimate_memory(experiment, module, fed, data, callbacks)
    device = experiment.device or "cpu"
    return RunEstimate(
        memory,
        estimate_disk(experiment, memory, folder, whole, callbacks),
        measure_room(device),
        1 if device == "cuda" else -(-experiment.ranks // experiment.trainer.num_nodes),
        {
            "datamodule.loader.batch_size": datamodule.loader.batch_size,
            "datamodule.crop_size": datamodule.crop_size,
        },
        experiment.trainer.allow_oversize,
    )


def _sample(datamodule: DataSettings, train: Sequence[Item]) -> tuple[int, int] | None:
    """Height and width of the largest training sample; None: there are no images."""
    if datamodule.crop_size is not None:
        return datamodule.crop_size, datamodule.crop_size
    return max((item.shape for item in train), key=lambda size: size[0] * size[1], default=None)
