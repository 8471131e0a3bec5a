"""Limits the memory of one image: a file of a few bytes may declare pixels that fill the machine.

What is held against the limit is what decoding takes, known from the header, before anything is decoded. How much
smaller the file is says nothing: an empty mask is a few kB.
"""

import math
from dataclasses import dataclass
from pathlib import Path

from segexp.errors import TooLargeError

GB = 10**9
DEFAULT_GB = 0.5
"""Beside some 0.45 GB of the process itself: together below 1 GB."""
KEY = "image_limit"


@dataclass(frozen=True)
class Limit:
    """Limit of the memory that one image may take.

    Attributes:
        gigabytes: In GB (1e9 bytes).
        key: What the limit is called where it can be raised.
    """

    gigabytes: float = DEFAULT_GB
    key: str = KEY

    def check(self, path: Path, need: float, purpose: str, advice: str = "") -> None:
        """Refuses what would take more memory.

        Args:
            path: The file.
            need: Bytes.
            purpose: What takes them, in words.
            advice: What else can be done than to raise the limit.

        Raises:
            TooLargeError: Names limit and key.
        """
        if need > self.gigabytes * GB:
            raise TooLargeError(
                f"{path}: {purpose} would take {_shown(need)} of memory, found {self.key}={self.gigabytes:g} (GB); if "
                f"the image is meant and the machine has room, give {self.key}={_enough(need)}{advice}"
            )


class _InForce:
    """The limit of files that are opened without one of their own, as those of data sets are."""

    limit = Limit()


def image_limit() -> Limit:
    """Gives the limit in force in this process."""
    return _InForce.limit


def set_image_limit(gigabytes: float, key: str = "datamodule.image_limit") -> None:
    """Sets the limit of files that are opened from now on; for this process and those forked from it."""
    _InForce.limit = Limit(gigabytes, key)


def _enough(need: float) -> str:
    """The least limit of two digits that is enough."""
    size = need / GB
    step = 10.0 ** (math.floor(math.log10(size)) - 1)
    return f"{math.ceil(size / step * (1 + 1e-9)) * step:.10g}"


def _shown(need: float) -> str:
    return f"{need / GB:.3g} GB" if need >= 0.01 * GB else f"{need / 1e6:.3g} MB"
