"""A fully convolutional classifier beside the sliding window that it replaces, on one image in one run.

    python benchmarks/fully_convolutional.py [--size 256] [--window 64] [--repeat 3]

Both have the same weights and score the same windows, every 8 pixels. The convolutions are unpadded, so that a window
holds the same values whether it is cut out or not; the last column says how far the scores are apart.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from segexp.models.dense import to_fully_convolutional

STEP = 8
"""Pixels between windows: three poolings by 2."""

LEAST = 36
"""Smallest window that three stages of unpadded convolutions leave anything of."""


def main() -> None:
    """Measures both ways alternately and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=256, help="side of the image, pixels")
    parser.add_argument("--window", type=int, default=64, help="side of the classifier's windows, pixels")
    parser.add_argument("--batch", type=int, default=32, help="windows the sliding classifier takes at once")
    parser.add_argument("--repeat", type=int, default=3, help="measurements of each; the median is shown")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    if not LEAST <= options.window <= options.size:
        parser.error(f"--window: found {options.window}, expected {LEAST} to --size={options.size}")
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    classifier = make_classifier(options.window)
    dense = to_fully_convolutional(classifier, (options.window, options.window))
    image = torch.randn(1, 3, options.size, options.size)
    ways: dict[str, Callable[[], Tensor]] = {
        "sliding window": lambda: slide(classifier, image, options.window, options.batch),
        "fully convolutional": lambda: dense(image)[0],
    }
    with torch.inference_mode():
        scores = {name: way() for name, way in ways.items()}  # also the warm-up
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(options.repeat):
            for name, way in ways.items():
                seconds[name].append(measured(way))
    report(options, scores, {name: statistics.median(values) for name, values in seconds.items()})


def make_classifier(window: int) -> nn.Sequential:
    """A small VGG: 16-32-64 channels, unpadded, three poolings, two fully connected layers, 10 classes."""
    layers: list[nn.Module] = []
    channels, side = 3, window
    for width in (16, 32, 64):
        layers += [nn.Conv2d(channels, width, 3), nn.ReLU(), nn.Conv2d(width, width, 3), nn.ReLU(), nn.MaxPool2d(2)]
        channels, side = width, (side - 4) // 2
    layers += [nn.Flatten(), nn.Linear(channels * side * side, 256), nn.ReLU(), nn.Linear(256, 10)]
    return nn.Sequential(*layers).eval()


def slide(classifier: nn.Module, image: Tensor, window: int, batch: int) -> Tensor:
    """The classifier on every window of (1, C, H, W), in batches: (K, rows, columns)."""
    cut = image[0].unfold(1, window, STEP).unfold(2, window, STEP)  # (C, rows, columns, window, window)
    rows, columns = cut.shape[1:3]
    windows = cut.permute(1, 2, 0, 3, 4).flatten(0, 1)
    scores = torch.cat([classifier(windows[first : first + batch]) for first in range(0, len(windows), batch)])
    return scores.T.reshape(-1, rows, columns)


def measured(way: Callable[[], Tensor]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    way()
    return time.perf_counter() - start


def report(options: argparse.Namespace, scores: dict[str, Tensor], seconds: dict[str, float]) -> None:
    """The table: seconds, windows per second, ratio to the slow way, largest difference of a score."""
    slow = "sliding window"
    rows, columns = scores[slow].shape[1:]
    print(
        f"image {options.size}x{options.size}, {rows}x{columns} windows of {options.window}x{options.window} every "
        f"{STEP} pixels, {options.threads} of {os.cpu_count()} threads, median of {options.repeat}"
    )
    print(f"{'way':<22}{'seconds':>10}{'windows/s':>12}{'times faster':>14}{'largest difference':>20}")
    for name, taken in seconds.items():
        # Poolings drop a last odd row, so the dense map may reach one window further than whole windows do.
        same = scores[name][:, :rows, :columns]
        difference = float((same - scores[slow]).abs().max() / scores[slow].abs().max())
        speed = rows * columns / taken
        print(f"{name:<22}{taken:>10.4f}{speed:>12.0f}{seconds[slow] / taken:>14.1f}{difference:>20.1e}")
    print("difference: of a score, in units of the largest score")


if __name__ == "__main__":
    main()
