"""Keeps freed memory inside the process: on a CPU a third to a half of a training step is page faults without it."""

import ctypes
import platform
import sys
from typing import Literal

# mallopt(3), malloc.h of glibc
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
LARGEST_INT = 2**31 - 1
TOP_PAD_BYTES = 256 * 2**20
LARGE = 1 << 22
"""Pixels of an image from which on its memory is given back."""
_STATE = {"on": False}


def tune_allocator(setting: bool | Literal["auto"]) -> bool:
    """Tells glibc to serve large blocks from the heap and never give them back.

    By default glibc maps each large block anew and unmaps it when it is freed, so every activation of every step
    is paged in again. Call before torch takes its first large block.

    Args:
        setting: ``auto``: yes with glibc on Linux.

    Returns:
        Whether the setting is in force. It holds for the life of the process: once on, a later ``False`` (the next job
        of a sweep) cannot turn it off, and what is returned says so.
    """
    if _STATE["on"]:
        return True
    if setting is False or sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    done = [
        libc.mallopt(M_MMAP_MAX, 0),
        libc.mallopt(M_TRIM_THRESHOLD, LARGEST_INT),
        libc.mallopt(M_TOP_PAD, TOP_PAD_BYTES),
    ]
    _STATE["on"] = all(code == 1 for code in done)
    return _STATE["on"]


def return_memory(pixels: int) -> None:
    """Returns the free memory of the process to the system after work on an image; it is taken again as it is needed.

    Pieces of freed memory between what is in use do not fit the next large block: without this a process that sees
    large images grows with every other size of block. It takes about a millisecond per 10 MB.

    Args:
        pixels: Of the image; of one with fewer than ``LARGE`` everything stays.
    """
    if _STATE["on"] and pixels > LARGE:
        ctypes.CDLL(None).malloc_trim(0)
