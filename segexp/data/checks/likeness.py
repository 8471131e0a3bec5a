"""Images that look alike although their bytes differ: saved anew, resized, brightened, turned or mirrored.

A perceptual fingerprint is compared, not the frequencies that pHash keeps: those of retina photographs or of cells in
the middle agree whatever they show. Here local contrast is evened out first, and what all images of the set share (the
rim of a field of view) is taken off. Measured on real sets, as the correlation of the fingerprints: copies as JPEG of
quality 70, at half size or brighter reach 0.82 and more (salt at half size 0.74); different images at most 0.37
(DRIVE), 0.35 (cells 2), 0.10 (Inria), 0.65 (salt), 0.76 (cells 1, where 0.79 and more are photographs of one cell).
"""

import base64
import math
from collections import Counter
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.data.items.item import Image

SIDE = 64
"""Pixels a side of the fingerprint."""
SPREAD = 3.0
"""Standard deviation in its pixels of what counts as local."""
NOISE = 3.0
"""Grey levels of contrast below which there is nothing to be evened out."""
DETAIL = 0.25
"""Share of the fingerprint that must have contrast: an empty image is like any other."""
ALIKE = 0.78
LIKELY = 0.6
"""Likeness at half the side from which on two images are compared in whole; measured on copies: 0.87 or more there."""
FEWEST = 10
"""Images from which what all share can be told."""
MOST = 3000
"""Images that are compared: the work grows with the square."""
BLOCK = 256
STEPS = 16
"""Of one unit of contrast in a packed fingerprint; 8 units, the most there are in it, fill 8 bits."""

Fingerprint = NDArray[np.float32]


def compute_fingerprint(image: Image) -> Fingerprint | None:
    """Local contrast of an image uint8 or uint16 (H, W, C), float32 (SIDE * SIDE,); None: it shows nothing."""
    small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA).reshape(SIDE, SIDE, -1)
    grey = small.mean(axis=2, dtype=np.float32) * (255.0 / float(np.iinfo(image.dtype).max))
    detail = grey - cv2.GaussianBlur(grey, (0, 0), SPREAD)
    if float((np.abs(detail) > 1.0).mean()) < DETAIL:
        return None
    contrast = np.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), SPREAD))
    return np.asarray((detail / (contrast + NOISE)).ravel(), dtype=np.float32)


def pack_fingerprint(found: Fingerprint | None) -> str:
    """A fingerprint as text for a cache, 8 bits a pixel; empty where there is none."""
    if found is None:
        return ""
    return base64.b64encode(np.rint(found * STEPS).clip(-127, 127).astype(np.int8).tobytes()).decode("ascii")


def unpack_fingerprint(text: str) -> Fingerprint | None:
    """The fingerprint that was packed, to a sixteenth."""
    if not text:
        return None
    return np.asarray(np.frombuffer(base64.b64decode(text), np.int8) / STEPS, dtype=np.float32)


def find_alike(prints: Sequence[Fingerprint | None], parts: Sequence[str]) -> Iterator[tuple[int, int, float]]:
    """Pairs of images of two parts that look alike, with their likeness from -1 to 1.

    Args:
        prints: Fingerprint of each image; of more than ``MOST`` every n-th is compared.
        parts: Part of the split of each image.
    """
    known = [index for index, found in enumerate(prints) if found is not None]
    known = known[:: -(-len(known) // MOST)] if known else []
    if len(known) < 2:
        return
    whole = np.stack([prints[index] for index in known])  # type: ignore[misc] # None is left out above
    vectors, halves = _normalized(whole), _normalized(_halved(whole))
    labels = np.array([parts[index] for index in known])
    # One of two images of two parts is outside the largest part: its own rows need no look.
    rows = np.flatnonzero(labels != Counter(labels.tolist()).most_common(1)[0][0])
    found: dict[tuple[int, int], float] = {}
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        roughly = np.max([turned @ halves.T for turned in _symmetries(halves[block])], axis=0)
        likely = (roughly >= LIKELY) & (labels[block, None] != labels[None, :])
        for row, others in ((row, np.flatnonzero(of_row)) for row, of_row in zip(block, likely, strict=True)):
            for other, likeness in zip(others, _likeness(vectors[row], vectors[others]), strict=True):
                if likeness >= ALIKE:
                    found[min(known[row], known[other]), max(known[row], known[other])] = float(likeness)
    yield from ((one, other, likeness) for (one, other), likeness in sorted(found.items()))


def _likeness(one: Fingerprint, others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Likeness (N,) of one normalized fingerprint with N others, the best of all symmetries."""
    return np.asarray(np.max([turned[0] @ others.T for turned in _symmetries(one[None])], axis=0))


def _halved(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fingerprints at half the side, (N, SIDE * SIDE / 4)."""
    half = SIDE // 2
    return np.asarray(vectors.reshape(-1, half, 2, half, 2).mean(axis=(2, 4))).reshape(-1, half * half)


def _normalized(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    if len(vectors) >= FEWEST:
        vectors = vectors - vectors.mean(axis=0)
    vectors = vectors - vectors.mean(axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6))


def _symmetries(vectors: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """The fingerprints turned by quarters, and mirrored."""
    side = math.isqrt(vectors.shape[1])
    squares = vectors.reshape(-1, side, side)
    for turns in range(4):
        turned = np.rot90(squares, turns, axes=(1, 2))
        yield turned.reshape(len(vectors), -1)
        yield turned[:, :, ::-1].reshape(len(vectors), -1)
