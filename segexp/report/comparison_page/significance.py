"""Whether differences on the same images could be chance: sign flips of each image, corrected for their number."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

FLIPS = 9_999
"""Draws of signs; all of them where there are fewer."""
CHUNK = 2**22
"""Signs drawn at once: 32 MiB."""
SAME = 1e-12
"""Means that are nearer than this are equal: flipped sums differ by rounding."""

Array = NDArray[np.float64]


def sign_flip_p_values(differences: Sequence[Mapping[str, float]], seed: int) -> list[float | None]:
    """Two-sided p-values of mean differences: were the two alike, each image's difference could as well be negated.

    A paired permutation test (Fisher 1935; Good 2005, section 3.3): exact up to 13 images, else from drawn signs, where
    the difference as it is counts among the draws.

    Args:
        differences: Difference of each image, by pair.
        seed: The same seed gives the same signs.

    Returns:
        By pair; None where there is no image.
    """
    return [_p_value(np.array([*each.values()], dtype=np.float64), seed) if each else None for each in differences]


def _p_value(values: Array, seed: int) -> float:
    reached, all_signs = abs(values.mean()) - SAME, 2 ** min(len(values), 40)
    exact = all_signs <= FLIPS
    count = sum(
        int((np.abs(signs @ values) / len(values) >= reached).sum()) for signs in _signs(len(values), exact, seed)
    )
    return count / all_signs if exact else (count + 1) / (FLIPS + 1)


def _signs(images: int, exact: bool, seed: int) -> Iterator[Array]:
    """Rows of +1 and -1 (S', N), all of them or drawn."""
    if exact:
        bits = (np.arange(2**images)[:, None] >> np.arange(images)) & 1
        yield (1 - 2 * bits).astype(np.float64)
        return
    generator = np.random.default_rng((seed, images))
    rows = max(1, CHUNK // images)
    for start in range(0, FLIPS, rows):
        yield (1 - 2 * generator.integers(2, size=(min(rows, FLIPS - start), images))).astype(np.float64)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """p-values corrected for their number (Holm 1979): at most one false alarm in twenty tables, at .05.

    Args:
        p_values: Of tests that are read together; None: no test.
    """
    known = sorted((value, place) for place, value in enumerate(p_values) if value is not None)
    corrected: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (value, place) in enumerate(known):
        highest = max(highest, min(1.0, value * (len(known) - rank)))
        corrected[place] = highest
    return corrected


def smallest_p_value(images: int) -> float:
    """The smallest two-sided p-value that sign flips of so many images can give: all differences have one sign."""
    return 1.0 if images < 1 else max(2.0 / 2.0 ** min(images, 40), 1.0 / (FLIPS + 1))
