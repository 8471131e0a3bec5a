"""Time and error of AUC, AP and threshold of a validation: every logit kept, beside the bins of 0.1.

Usage: ``python -m benchmarks.scores``. Processor time of one epoch: an update per image, then AUC, average precision
and threshold; one thread, the middle of some rounds in which both take turns. 0.1 counted bins, which is wrong for
logits close together or far out. Where the ratio is above 1 the exact figures take longer: it is the sort.
"""

import statistics
import time
from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor

from benchmarks.binned import Binned
from segexp.metrics.scores import ScoreHistogram
from segexp.system.allocator import tune_allocator

Data = list[tuple[Tensor, Tensor]]

CASES = {
    "20 x 584x565, a fifth ignored": (20, 584, 565),
    "100 x 256x256": (100, 256, 256),
    "4 x 2048x2048": (4, 2048, 2048),
    "16 x 64x64": (16, 64, 64),
}
LOGITS = {"trained": (14.0, 1.2, 0.15), "first epoch": (1.5, 0.4, 0.0), "random": (3.0, 0.0, 2.0)}
"""Parts of the logits: the blurred truth, smooth errors, noise of each pixel."""

ROUNDS = 9


def main() -> None:
    """Prints a line per case."""
    tune_allocator("auto")  # as in training
    torch.set_num_threads(1)
    print(f"{'images':32}{'logits':13}{'0.1, ms':>10}{'now, ms':>10}{'ratio':>7}{'AUC by bins':>14}{'exact':>10}")
    for name, shape in CASES.items():
        for kind, parts in LOGITS.items():
            data = _data(shape, *parts, ignored="ignored" in name)
            (before, coarse), (now, exact) = _timed((_binned, _exact), data)
            print(f"{name:32}{kind:13}{before:10.1f}{now:10.1f}{now / before:7.2f}{coarse:14.6f}{exact:10.6f}")


def _data(shape: tuple[int, int, int], signal: float, smooth: float, noise: float, *, ignored: bool) -> Data:
    """Blobs on an eighth of the ground; outside a round field of view nothing counts where some is ignored."""
    images, height, width = shape
    rng = np.random.default_rng(0)
    rows, columns = np.ogrid[:height, :width]
    outside = (rows - height / 2) ** 2 + (columns - width / 2) ** 2 > (min(height, width) / 2) ** 2
    found = []
    for _ in range(images):
        field, wrong = (_blurred(rng.standard_normal((height, width)), sigma) for sigma in (6, 4))
        truth = (field > np.quantile(field, 0.875)).astype(np.uint8)
        logits = signal * (_blurred(truth, 2.5) - 0.5) + smooth * wrong / wrong.std()
        logits += noise * rng.standard_normal((height, width))
        truth[outside & ignored] = 255
        found.append((torch.from_numpy(logits.astype(np.float32))[None, None], torch.from_numpy(truth)[None]))
    return found


def _blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(image.astype(np.float32), (0, 0), sigma)


def _timed(measures: tuple[Callable[[Data], float], ...], data: Data) -> list[tuple[float, float]]:
    """Milliseconds and what was measured, of each."""
    found = [measure(data) for measure in measures]
    times: list[list[float]] = [[] for _ in measures]
    for _ in range(ROUNDS):
        for measure, taken in zip(measures, times, strict=True):
            start = time.process_time()
            measure(data)
            taken.append(time.process_time() - start)
    return [(1e3 * statistics.median(taken), value) for taken, value in zip(times, found, strict=True)]


def _exact(data: Data) -> float:
    metric = ScoreHistogram()
    for logits, truth in data:
        metric.update(logits, truth)
    curve = metric.compute()
    curve.average_precision()
    curve.best_threshold()
    return float(curve.auc() or 0)


def _binned(data: Data) -> float:
    metric = Binned()
    for logits, truth in data:
        metric.update(logits, truth)
    return metric.figures()[0]


if __name__ == "__main__":
    main()
