"""The layout of DRIVE."""

import cv2
import numpy as np

from segexp.data.items.item import Mask
from segexp.data.synthetic.layouts.job import LayoutWriter
from segexp.data.synthetic.scenes import Scene
from segexp.data.synthetic.scenes.degrade import texture


def second_observer(rng: np.random.Generator, mask: Mask) -> Mask:
    """The same vessels as another person would trace them.

    In places the strokes are a pixel wider, in others they follow only the wider vessels.

    Args:
        rng: Source of randomness.
        mask: uint8 (H, W) of 0 and 1.

    Returns:
        uint8 (H, W) of 0 and 1.
    """
    mood = texture(rng, (mask.shape[0], mask.shape[1]), max(mask.shape) / 4)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    wider = cv2.dilate(mask, cross)
    fewer = cv2.morphologyEx(mask, cv2.MORPH_OPEN, cross)
    return np.where(mood > 0.6, wider, np.where(mood < -0.4, fewer, mask)).astype(np.uint8)


def write_drive(job: LayoutWriter) -> None:
    """Training from 21 on and test from 01 on, as in DRIVE; later when the test part alone reaches 21."""
    tests = max(1, job.count // 2)
    first = max(21, tests + 1)
    for index in range(max(1, job.count - tests)):
        _write_eye(job, index, f"{first + index:02d}", "training")
    for place in range(tests):
        index = job.count + place
        scene = _write_eye(job, index, f"{place + 1:02d}", "test")
        other = second_observer(job.rng(index), scene.mask) * scene.fov
        job.save(f"test/2nd_manual/{place + 1:02d}_manual2.gif", other * np.uint8(255))


def _write_eye(job: LayoutWriter, index: int, number: str, part: str) -> Scene:
    scene = job.draw(index)
    job.save(f"{part}/images/{number}_{part}.tif", scene.image)
    # nothing is traced outside the field of view
    job.save(f"{part}/1st_manual/{number}_manual1.gif", scene.mask * scene.fov * np.uint8(255))
    job.save(f"{part}/mask/{number}_{part}_mask.gif", scene.fov * np.uint8(255))
    return scene
