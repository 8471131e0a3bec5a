"""How many processes (ranks) a training has, and which of them this one is. Asks the system, not torch."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from segexp.config.experiment import Experiment
from segexp.config.schema import TrainerConfig
from segexp.config.signatures.plain_lightning import comes_from, has_own_data
from segexp.config.signatures.task_figures import BASE
from segexp.errors import ConfigError
from segexp.system.gpus import visible_gpus

BOARD = "SEGEXP_RANKS"
"""Environment variable with the folder of messages between ranks that segexp has started."""


@dataclass(frozen=True)
class RankInfo:
    """Number of this process (rank) among those that train together.

    Attributes:
        rank: Among all, from 0.
        local: On its machine, from 0.
        count: How many there are.
        here: How many there are on each machine.
    """

    rank: int = 0
    local: int = 0
    count: int = 1
    here: int = 1

    @property
    def nodes(self) -> int:
        """Number of machines."""
        return self.count // self.here


def started() -> RankInfo | None:
    """The place that segexp, torchrun or srun gave this process; None: it is the only one."""
    if BOARD in os.environ or "TORCHELASTIC_RUN_ID" in os.environ:
        return _place("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")
    # Set for every task of srun, but not in the script of sbatch, which runs once.
    if int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1:
        place = _place("SLURM_PROCID", "SLURM_LOCALID", "SLURM_STEP_NUM_TASKS", "SLURM_STEP_NUM_NODES")
        return RankInfo(place.rank, place.local, place.count, place.count // place.here)
    return None


def _place(*names: str) -> RankInfo:
    return RankInfo(*(int(os.environ[name]) for name in names))


def count_ranks(section: TrainerConfig) -> int:
    """Counts the ranks that train with this ``trainer`` section, those of other machines included.

    Raises:
        ConfigError: More GPUs are asked for than there are, or the ranks that were started are not those asked for.
    """
    place = started()
    if place is None:
        return _asked(section)
    if place.count > 1:
        _check_started(section, place)
    return place.count


def _asked(section: TrainerConfig) -> int:
    devices, accelerator = section.devices, section.accelerator
    # Asking the driver takes up to a second: not where one device is enough.
    gpus = visible_gpus() if accelerator in ("auto", "gpu") and devices != 1 else ()
    if section.num_nodes > 1:
        raise ConfigError(
            f"trainer.num_nodes: found {section.num_nodes}, but this process was started alone; start the same "
            "command on every machine by torchrun or srun, see docs/distributed.md"
        )
    if isinstance(devices, list):
        _check_numbers(devices, gpus)
    number = max(1, len(gpus)) if devices == "auto" else _number(devices)
    if gpus and number > len(gpus):
        raise ConfigError(
            f"trainer.devices: found {number}, but there are {len(gpus)} GPUs ({', '.join(gpus)}); use at most "
            f"{len(gpus)}, or trainer.accelerator=cpu"
        )
    if number > 1 and accelerator == "mps":
        raise ConfigError(f"trainer.devices: found {number}, but accelerator=mps has one device; use 1")
    return number


def _number(devices: int | str | list[int]) -> int:
    """How many ranks a machine has by this key, where it does not leave that to the machine."""
    return len(devices) if isinstance(devices, list) else int(devices)


def _check_numbers(devices: list[int], gpus: Sequence[str]) -> None:
    """Compares numbers of GPUs with those that there are."""
    wrong = [number for number in devices if number >= len(gpus)]
    if not gpus:
        raise ConfigError(
            f"trainer.devices: found {devices}, numbers of GPUs, but there is none; on the processor give how many "
            "processes, trainer.devices=1"
        )
    if wrong or not devices or len(set(devices)) < len(devices):
        raise ConfigError(
            f"trainer.devices: found {devices}, expected different numbers from 0 to {len(gpus) - 1}, one for each GPU"
        )


def own_device(section: TrainerConfig) -> int | list[int]:
    """Gives ``devices`` of a Lightning Trainer of this process alone: one device, or the GPU of that number.

    A rank that segexp has started sees its own GPUs only, see :func:`chosen_gpus`.
    """
    return section.devices if isinstance(section.devices, list) and started() is None else 1


def chosen_gpus(section: TrainerConfig) -> str | None:
    """Gives CUDA_VISIBLE_DEVICES of the ranks that this process starts; None: as it is."""
    if not isinstance(section.devices, list):
        return None
    gpus = visible_gpus()
    return ",".join(gpus[number] for number in section.devices)


def _check_started(section: TrainerConfig, place: RankInfo) -> None:
    devices, nodes = section.devices, section.num_nodes
    found = f"{place.count} processes were started, {place.here} on each machine"
    if section.strategy == "auto" and devices == 1:
        raise ConfigError(f"trainer.strategy: {found}, but one is asked for; use trainer=ddp")
    if devices != "auto" and (_number(devices), nodes) != (place.here, place.nodes):
        raise ConfigError(
            f"trainer.devices: {found}, but devices={devices} and num_nodes={nodes} are asked for; use "
            f"trainer.devices={place.here} trainer.num_nodes={place.nodes}, or trainer.devices=auto"
        )


def check_plain_ranks(experiment: Experiment) -> None:
    """Checks that a training with a LightningModule or LightningDataModule of the user's own may have its ranks.

    Raises:
        ConfigError: It needs one process, or the weights would be divided.
    """
    section = experiment.trainer
    if not experiment.plain_lightning or count_ranks(section) == 1:
        return
    if comes_from(experiment.task_class, BASE) and has_own_data(experiment.datamodule):
        raise ConfigError(
            f"trainer.devices: found {section.devices}, but on a LightningDataModule of your own a task of segexp's "
            "trains in one process, since nothing tells it which images are whose; use trainer.devices=1"
        )
    if section.strategy == "fsdp":
        raise ConfigError(
            "trainer.strategy: found fsdp, which divides the weights of segexp's tasks alone; for a LightningModule of "
            "your own use ddp"
        )


def to_start(section: TrainerConfig) -> int:
    """Counts the ranks that this process has to start; 0: it does the work itself.

    Raises:
        ConfigError: As :func:`count_ranks`.
    """
    ranks = count_ranks(section)
    return ranks if ranks > 1 and started() is None else 0
