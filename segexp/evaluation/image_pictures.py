"""Pictures of a reconstruction: images beside what comes back of them, and what lies in the plane of their codes."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import torch

from segexp.data.items.item import Item
from segexp.evaluation.latents import Latents, decode_codes
from segexp.evaluation.pictures import Picture
from segexp.metrics.figures import Array
from segexp.rasters.handles import release_image_memory
from segexp.report.pictures.side_by_side import draw_beside, draw_grid, unit_pixels
from segexp.tasks.reconstruction import Reconstruction

GRID_PIXELS, MOST_STEPS, LEAST_STEPS = 700, 15, 3
"""Width of the grid over the plane, and decoded images a side."""
GRID_SHARE = (2, 98)
"""Percentiles of the codes between which the grid lies: far outliers would make it coarse."""
SHEET, SHEET_SIDE = 12, 84
"""Images of the sheet of inputs and reconstructions, and pixels that each of them is enlarged to."""


def reconstruct(task: Reconstruction, item: Item) -> Array:
    """Encodes and decodes an image: its reconstruction, float32 (H, W, K), 1 is white."""
    image = torch.from_numpy(np.ascontiguousarray(item.image)).permute(2, 0, 1)[None].to(task.device)
    task.eval()
    with torch.inference_mode():
        return np.asarray(task.evaluated(image)[0].permute(1, 2, 0).cpu().numpy())


def image_picture(task: Reconstruction, item: Item) -> Picture:
    """Image, reconstruction and their absolute difference side by side; another target stands before it."""
    release_image_memory(math.prod(item.shape))
    decoded = item.decoded()
    back, wanted = reconstruct(task, decoded), task.wanted(decoded)
    mse = float(((back - wanted) ** 2).mean())
    figures = {"mse": round(mse, 5), "psnr": round(-10 * math.log10(mse), 2) if mse else None}
    parts = {"image": decoded.image} | ({} if task.of_itself else {"target": unit_pixels(wanted)})
    parts |= {"reconstruction": unit_pixels(back), "difference": unit_pixels(np.abs(back - wanted))}
    return Picture(item.name, figures, draw_beside(parts, f"{item.name}   mse {mse:.4f}"))


def image_pictures(task: Reconstruction, items: Iterable[Item]) -> list[Picture]:
    """Pictures of images; one at a time is decoded."""
    return [image_picture(task, item) for item in items]


def sheet_picture(task: Reconstruction, items: Sequence[Item]) -> Picture:
    """The first images in a row, below each what comes back of it."""
    some = [item.decoded() for item in items[:SHEET]]
    some = [item for item in some if item.shape == some[0].shape]
    pairs = np.stack([[unit_pixels(task.wanted(item)), unit_pixels(reconstruct(task, item))] for item in some])
    factor = max(1, SHEET_SIDE // max(some[0].shape))
    pairs = pairs.repeat(factor, axis=2).repeat(factor, axis=3)
    lines = [f"{len(some)} test images, below each what comes back of it"]
    return Picture("reconstructions", {}, draw_grid(pairs.swapaxes(0, 1), lines))


def grid_picture(latents: Latents) -> Picture:
    """Picture of the images that are decoded from a grid over the plane of the codes."""
    plane, shape = latents.plane, latents.code_shape
    places = plane.project(latents.codes)
    low, high = np.percentile(places, GRID_SHARE, axis=0)
    side = max(latents.datamodule.items("test")[0].shape)
    steps = max(LEAST_STEPS, min(MOST_STEPS, GRID_PIXELS // side))
    rows = steps if plane.axes[1].any() else 1
    across, up = np.linspace(low[0], high[0], steps), np.linspace(high[1], low[1], rows)
    grid = np.stack(np.meshgrid(across, up), axis=-1)
    images = unit_pixels(decode_codes(latents.task, plane.lift(grid.reshape(-1, 2)), shape))
    lines = ["decoded from a grid over the plane of the codes"]
    lines.append(f"right: {low[0]:.2f} to {high[0]:.2f}, {plane.names[0]}")
    if rows > 1:
        lines.append(f"up: {low[1]:.2f} to {high[1]:.2f}, {plane.names[1]}")
    return Picture("latents-grid", {}, draw_grid(images.reshape(rows, steps, *images.shape[1:]), lines))


def point_picture(task: Reconstruction, latent: Sequence[float]) -> Picture:
    """The image that is decoded from one code."""
    (image,) = decode_codes(task, np.array([latent]))
    point = f"({', '.join(f'{number:g}' for number in latent)})"
    return Picture("latents-point", {}, draw_beside({"decoded image": unit_pixels(image)}, f"from the code {point}"))
