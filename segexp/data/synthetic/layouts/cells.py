"""The layout of segmentation_WBC."""

import numpy as np

from segexp.data.synthetic.layouts.job import LayoutWriter

_CELL_GREYS = np.array((0, 128, 255), np.uint8)


def _cell_size(job: LayoutWriter, index: int) -> tuple[int, int]:
    """Three of four images have the full size; the sides of the others are up to a quarter shorter."""
    full = (job.size, job.size) if isinstance(job.size, int) else job.size
    rng = job.rng(index)
    if rng.random() < 0.75:
        return full
    height, width = (max(32, side - 4 * int(rng.integers(0, side // 16 + 1))) for side in full)
    return height, width


def write_cells(job: LayoutWriter) -> None:
    """Three quarters in Dataset 1, of about the size asked for; the others 2.5 times as large."""
    second = max(1, job.count // 4)
    first = max(1, job.count - second)
    full = (job.size, job.size) if isinstance(job.size, int) else job.size
    large = (min(5000, full[0] * 5 // 2), min(5000, full[1] * 5 // 2))
    # the real label files differ in their headers too
    _write_cell_set(job, "Dataset 1", "image ID,class label", [_cell_size(job, n) for n in range(first)], 0)
    _write_cell_set(job, "Dataset 2", "image ID,class", [large] * second, job.count)


def _write_cell_set(job: LayoutWriter, folder: str, header: str, sizes: list[tuple[int, int]], start: int) -> None:
    lines = [header]
    for number, size in enumerate(sizes, start=1):
        scene = job.draw(start + number - 1, size)
        job.save(f"{folder}/{number:03d}.bmp", scene.image)
        job.save(f"{folder}/{number:03d}.png", _CELL_GREYS[scene.mask])
        lines.append(f"{number},{scene.kind}")
    table = job.root / f"Class Labels of {folder}.csv"
    # CRLF as in the real files
    table.write_bytes(("\r\n".join(lines) + "\r\n").encode("ascii"))
