"""What a job asks of its cluster, beside the ranks that it trains with: too little would fail in every job."""

from collections.abc import Iterable, Mapping
from typing import Any

from segexp.errors import ConfigError
from segexp.sweeps.plan import Config

GPU_OPTIONS = ("gres", "gpus", "gpus-per-node", "gpus-per-task", "gpus-per-socket", "gpus_per_node", "gpus_per_task")
"""Options of sbatch that ask for GPUs in their own way."""


def refuse_too_little(section: Config, configs: Iterable[Config]) -> None:
    """Compares the keys of the engine with ``trainer`` of the jobs, before any of them starts.

    The engine of this machine counts its GPUs itself, see :func:`segexp.sweeps.engines.devices.plan_devices`.

    Args:
        section: The keys ``sweep``.
        configs: Of the jobs.

    Raises:
        ConfigError: A job has more ranks than GPUs or cores, or ranks on several machines.
    """
    engine = section["engine"]
    for config in configs:
        _refuse_machines(config["trainer"])
        if engine != "local":
            _compare(engine, {"cpus": 1, "gpus": 0, **section.get(engine, {})}, config["trainer"])


def _refuse_machines(trainer: Mapping[str, Any]) -> None:
    # Configs of earlier sweeps lack some keys.
    if trainer.get("num_nodes", 1) > 1:
        raise ConfigError(
            f"trainer.num_nodes: found {trainer['num_nodes']}, but a job of a sweep runs on one machine; use 1, or "
            "start single runs by torchrun or srun, see docs/distributed.md"
        )


def _compare(engine: str, asked: Mapping[str, Any], trainer: Mapping[str, Any]) -> None:
    devices, accelerator = trainer.get("devices", 1), trainer["accelerator"]
    cpus, gpus = asked["cpus"], asked["gpus"]
    ranks = 1 if devices == "auto" else devices
    if set(GPU_OPTIONS) & set(asked.get("options") or ()):
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
