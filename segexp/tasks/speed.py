"""Which of the faster settings hold on this machine; what is chosen is recorded in run.json."""

from dataclasses import dataclass
from pathlib import Path

import torch

from segexp.config.schema import SpeedConfig


@dataclass(frozen=True)
class Speed:
    """Settings in force.

    Attributes:
        channels_last: Activations and weights lie in NHWC order.
        bfloat16: Training runs under bfloat16 autocast; validation, test and losses stay in float32.
        compile: The model is compiled.
        allocator: Freed memory stays in the process.
    """

    channels_last: bool = False
    bfloat16: bool = False
    compile: bool = False
    allocator: bool = False


def resolve_speed(section: SpeedConfig, device: str, *, allocator: bool, precision: str | None = None) -> Speed:
    """Replaces every ``auto`` by what the machine does well.

    Args:
        section: The block ``speed``.
        device: ``cpu``, ``cuda`` or ``mps``.
        allocator: Whether the allocator setting is in force.
        precision: That of ``trainer``, which Lightning puts in force; None: this block decides.
    """
    channels_last = section.channels_last in (True, "auto")
    fast = native_bfloat16(device) if section.precision == "auto" else section.precision == "bfloat16"
    bfloat16 = fast and precision is None
    return Speed(channels_last, bfloat16, section.compile, allocator)


def native_bfloat16(device: str) -> bool:
    """Returns whether the processor multiplies bfloat16 itself; emulated bfloat16 is slower than float32."""
    if device == "cuda":
        return torch.cuda.get_device_capability()[0] >= 8
    if device != "cpu":
        return False
    flags = Path("/proc/cpuinfo")
    if not flags.is_file():
        return False
    text = flags.read_text(encoding="utf-8", errors="replace")
    return "avx512_bf16" in text or "amx_bf16" in text
