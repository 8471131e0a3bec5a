"""The layout that most people have: images/ and masks/, two pictures of each patient, and a table."""

import numpy as np

from segexp.data.synthetic.layouts.job import LayoutWriter
from segexp.data.synthetic.scenes import find_scene


def write_folder(job: LayoutWriter) -> None:
    """PNG of 0 and 255 for two classes, else of the colours of the classes; images.csv says who is who."""
    colours = np.array(find_scene(job.scene).colours, np.uint8)
    lines = ["image,patient,type"]
    for index in range(job.count):
        patient, picture = divmod(index, 2)
        name = f"p{patient + 1:02d}_{picture + 1}"
        scene = job.draw(index)
        job.save(f"images/{name}.png", scene.image)
        job.save(f"masks/{name}.png", scene.mask * np.uint8(255) if len(colours) == 2 else colours[scene.mask])
        lines.append(f"{name}.png,patient {patient + 1},{scene.kind}")
    (job.root / "images.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
