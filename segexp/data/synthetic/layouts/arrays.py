"""Arrays of ``numpy.save``, as a teaching laboratory hands them out."""

import numpy as np

from segexp.data.synthetic.layouts.job import LayoutWriter
from segexp.data.synthetic.scenes import find_scene


def write_arrays(job: LayoutWriter) -> None:
    """An eighth of the images has no labels; masks are one-hot. All of it is held in memory."""
    tests = max(1, job.count // 8)
    labelled = max(1, job.count - tests)
    scenes = [job.draw(index) for index in range(labelled)]
    one_hot = np.eye(len(find_scene(job.scene).classes), dtype=np.uint8)
    np.save(job.root / "images_training.npy", np.stack([scene.image for scene in scenes]))
    np.save(job.root / "seg_training.npy", one_hot[np.stack([scene.mask * scene.fov for scene in scenes])])
    testing = [job.draw(job.count + place).image for place in range(tests)]
    np.save(job.root / "images_testing.npy", np.stack(testing))
