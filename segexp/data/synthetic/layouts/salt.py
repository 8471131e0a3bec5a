"""The layout of the TGS salt challenge."""

import cv2
import numpy as np

from segexp.data.items.item import Image
from segexp.data.synthetic.layouts.job import LayoutWriter
from segexp.data.synthetic.scenes import Scene


def write_salt(job: LayoutWriter) -> None:
    """Names like the real ones; four of ten images show nothing, and what they showed is painted over."""
    lines = ["id,rle_mask"]
    for index in range(job.count):
        scene = job.draw(index)
        name = job.rng(index).bytes(5).hex()
        empty = index % 5 in (1, 3)
        grey = cv2.cvtColor(_without(scene) if empty else scene.image, cv2.COLOR_RGB2GRAY)
        job.save(f"images/{name}.png", np.repeat(grey[..., None], 3, axis=2))
        # as in the real set: 16 bits where there is salt, 8 where there is none
        salt = (scene.mask > 0) & (scene.fov > 0) & (not empty)
        white, bits = (65535, np.uint16) if salt.any() else (0, np.uint8)
        job.save(f"masks/{name}.png", np.where(salt, white, 0).astype(bits))
        lines.append(f"{name},{_run_lengths(salt)}")
    (job.root / "train.csv").write_text("\n".join(lines) + "\n", encoding="ascii")


def _without(scene: Scene) -> Image:
    """The image with its foreground filled from what surrounds it."""
    hidden = cv2.dilate(scene.mask, np.ones((5, 5), np.uint8))
    return np.asarray(cv2.inpaint(scene.image, hidden, 3, cv2.INPAINT_TELEA))


def _run_lengths(salt: Image) -> str:
    """Starts and lengths of runs, counted from 1 down the columns, as the challenge writes masks."""
    flat = np.concatenate([[0], salt.T.ravel(), [0]]).astype(np.int8)
    changes = np.flatnonzero(np.diff(flat)) + 1
    changes[1::2] -= changes[::2]
    return " ".join(map(str, changes))
