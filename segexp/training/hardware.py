"""What a training computes on: the kind of device, asked of PyTorch, and the ranks that train together."""

from dataclasses import replace

import torch

from segexp.config.experiment import Device, Experiment
from segexp.config.schema import TrainerConfig
from segexp.errors import ConfigError
from segexp.training.distributed.plan import count_ranks, own_device


def with_hardware(experiment: Experiment) -> Experiment:
    """Puts device and ranks into an experiment.

    Raises:
        ConfigError: There is no such device, or there are fewer than asked for.
    """
    device = device_type(experiment.trainer.accelerator)
    number = own_device(experiment.trainer)
    check_precision(experiment.trainer)
    if device == "cuda" and isinstance(number, list) and len(number) == 1:
        torch.cuda.set_device(number[0])
    return replace(experiment, device=device, ranks=count_ranks(experiment.trainer))


def check_precision(section: TrainerConfig) -> None:
    """Checks that Lightning computes in the numbers that are asked for.

    Raises:
        ConfigError: It would take others on this machine.
    """
    if section.precision == "16-mixed" and device_type(section.accelerator) == "cpu":
        raise ConfigError(
            "trainer.precision: found 16-mixed, but there is no GPU, and on a processor Lightning would make "
            "bf16-mixed of it; use bf16-mixed"
        )


def device_type(accelerator: str, key: str = "trainer.accelerator") -> Device:
    """Gives the kind of device for an accelerator, ``auto``, ``cpu``, ``gpu`` or ``mps``.

    Args:
        accelerator: As asked for; ``cuda`` has become ``gpu`` already.
        key: That it was asked for with.

    Raises:
        ConfigError: PyTorch sees none of that kind.
    """
    if accelerator in ("auto", "gpu") and torch.cuda.is_available():
        return "cuda"
    if accelerator in ("auto", "mps") and torch.backends.mps.is_available():
        return "mps"
    if accelerator in ("gpu", "mps"):
        also = ", which cuda is too" if accelerator == "gpu" else ""
        raise ConfigError(
            f"{key}: found {accelerator}{also}, but PyTorch sees none; use auto, which takes one by itself, or cpu"
        )
    return "cpu"
