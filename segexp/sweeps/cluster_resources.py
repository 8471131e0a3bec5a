"""What a job asks of its cluster, beside the ranks that it trains with: too little would fail in every job."""

from collections.abc import Iterable

from segexp.config.schema import RayConfig, SlurmConfig, SweepConfig, TrainerConfig
from segexp.errors import ConfigError

GPU_OPTIONS = ("gres", "gpus", "gpus-per-node", "gpus-per-task", "gpus-per-socket", "gpus_per_node", "gpus_per_task")
"""Options of sbatch that ask for GPUs in their own way."""


def refuse_too_little(section: SweepConfig, trainers: Iterable[TrainerConfig]) -> None:
    """Compares the keys of the engine with ``trainer`` of the jobs, before any of them starts.

    The engine of this machine counts its GPUs itself, see :func:`segexp.sweeps.engines.devices.plan_devices`.

    Args:
        section: The keys ``sweep``.
        trainers: The keys ``trainer`` of the jobs.

    Raises:
        ConfigError: A job has more ranks than GPUs or cores, or ranks on several machines.
    """
    for trainer in trainers:
        _refuse_machines(trainer)
        if section.engine == "slurm":
            _compare("slurm", section.slurm, trainer)
        elif section.engine == "ray":
            _compare("ray", section.ray, trainer)


def _refuse_machines(trainer: TrainerConfig) -> None:
    if trainer.num_nodes > 1:
        raise ConfigError(
            f"trainer.num_nodes: found {trainer.num_nodes}, but a job of a sweep runs on one machine; use 1, or "
            "start single runs by torchrun or srun, see docs/distributed.md"
        )


def _compare(engine: str, asked: SlurmConfig | RayConfig, trainer: TrainerConfig) -> None:
    devices, accelerator = trainer.devices, trainer.accelerator
    if isinstance(devices, list):
        raise ConfigError(f"trainer.devices: found {devices}, but {engine} gives each job its GPUs; use a number")
    cpus, gpus = asked.cpus, asked.gpus
    ranks = 1 if devices == "auto" else devices
    if isinstance(asked, SlurmConfig) and set(GPU_OPTIONS) & set(asked.options or ()):
        return
    if accelerator == "gpu" or (accelerator == "auto" and gpus > 0):
        # Part of a GPU (Ray) is enough for one rank.
        if gpus < ranks if ranks > 1 else gpus == 0:
            raise ConfigError(
                f"sweep.{engine}.gpus: found {gpus:g}, but trainer.devices={devices} with trainer.accelerator="
                f"{accelerator} needs {ranks}, one for each rank; use sweep.{engine}.gpus={ranks}, or "
                + (f"trainer.devices={int(gpus)}" if gpus >= 1 else "trainer.accelerator=cpu")
            )
    elif cpus < ranks:
        raise ConfigError(
            f"sweep.{engine}.cpus: found {cpus}, but trainer.devices={devices} makes {ranks} ranks on the processor, a "
            f"core for each; use sweep.{engine}.cpus={ranks}, or trainer.devices={cpus}, or for GPUs "
            f"sweep.{engine}.gpus={ranks}"
        )
