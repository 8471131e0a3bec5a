"""Time and error of AUC, AP and threshold of a validation: every logit kept, beside counting 65,536 bins.

Usage: ``python -m benchmarks.scores``. Processor time of the middle of some repetitions, one thread, random logits.
Until 0.1 bins were counted: faster, and wrong for logits close together or far out.
"""

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from segexp.allocator import tune_allocator
from segexp.metrics.scores import ScoreHistogram

Data = list[tuple[Tensor, Tensor]]

CASES = {
    "20 x 584x565, some ignored": (20, 584, 565),
    "100 x 256x256": (100, 256, 256),
    "4 x 2048x2048": (4, 2048, 2048),
}
REPEATS = 9
BINS, PER_UNIT = 1 << 16, 2048


def main() -> None:
    """Prints a line per case."""
    tune_allocator("auto")  # as in training
    torch.set_num_threads(1)
    print(f"{'images':44}{'bins, ms':>10}{'exact, ms':>11}{'ratio':>7}{'AUC by bins':>14}{'exact':>10}")
    for name, shape in CASES.items():
        for scale in (4.0, 1e-3):
            data = _data(*shape, scale=scale)
            (before, coarse), (now, exact) = _timed(_binned, data), _timed(_exact, data)
            words = f"{name}, logits x {scale:g}" if scale != 4 else name
            print(f"{words:44}{before:10.1f}{now:11.1f}{now / before:7.2f}{coarse:14.6f}{exact:10.6f}")


def _data(images: int, height: int, width: int, *, scale: float) -> Data:
    """Discs on ground, logits one standard deviation apart; outside a round field of view nothing counts."""
    generator = torch.Generator().manual_seed(0)
    rows, columns = torch.arange(height).view(-1, 1), torch.arange(width)
    discs = ((rows % 40 - 20) ** 2 + (columns % 40 - 20) ** 2 < 64).byte()
    outside = (rows - height / 2) ** 2 + (columns - width / 2) ** 2 > (min(height, width) / 2) ** 2
    truth = discs.masked_fill(outside, 255)[None]
    noise = [torch.randn(1, 1, height, width, generator=generator) for _ in range(images)]
    return [(scale * (one + discs), truth) for one in noise]


def _timed(measure: Callable[[Data], float], data: Data) -> tuple[float, float]:
    """Milliseconds and what was measured."""
    found, times = measure(data), []
    for _ in range(REPEATS):
        start = time.process_time()
        measure(data)
        times.append(time.process_time() - start)
    return 1e3 * statistics.median(times), found


def _exact(data: Data) -> float:
    metric = ScoreHistogram()
    for logits, truth in data:
        metric.update(logits, truth)
    curve = metric.compute()
    curve.best_threshold()
    return float(curve.auc() or 0)


def _binned(data: Data) -> float:
    """As it was: one count of every pixel, whatever lies closer than 1/2048 or beyond 16 is tied."""
    counts = torch.zeros(2 * BINS + 1, dtype=torch.int64)
    for logits, truth in data:
        flat, labels = logits.reshape(-1), truth.reshape(-1)
        places = (flat * PER_UNIT).floor_().clamp_(-BINS // 2, BINS // 2 - 1).int().add_(BINS // 2)
        places.add_(labels.int() * BINS).masked_fill_(labels == 255, 2 * BINS)
        counts += torch.bincount(places, minlength=2 * BINS + 1)
    negatives, positives = counts[:-1].view(2, BINS).flip(1).cumsum(dim=1).double()
    zero = torch.zeros(1, dtype=torch.float64)
    rates = [torch.cat((zero, side / side[-1])) for side in (positives, negatives)]
    return float(torch.trapezoid(*rates))


if __name__ == "__main__":
    main()
