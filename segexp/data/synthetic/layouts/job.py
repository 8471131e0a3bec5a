"""What a writer is given: which scene, how many images, and where they go."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from segexp.data.items.item import Image
from segexp.data.synthetic.scenes import Scene, draw_scene

Size = int | tuple[int, int]


@dataclass(frozen=True)
class LayoutWriter:
    """What to draw and where.

    Attributes:
        scene: What is drawn.
        root: The temporary folder that becomes ``out``.
        count: Images in all.
        size: Side of a square or (H, W).
        seed: Of the drawing.
    """

    scene: str
    root: Path
    count: int
    size: Size
    seed: int

    def draw(self, index: int, size: Size | None = None) -> Scene:
        """Image number ``index``, of another size if need be."""
        return draw_scene(self.scene, self.seed, index, self.size if size is None else size)

    def rng(self, index: int) -> np.random.Generator:
        """For what belongs to an image and is not part of it: its size, the second observer."""
        return np.random.default_rng((self.seed, index, 1))

    def save(self, name: str, array: Image) -> None:
        """Write an image; Pillow writes TIFF as plain strips, and GIF, which OpenCV below 4.11 cannot."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # without it a GIF of 0 and 255 gets a palette of two entries, and a raw reader sees 0 and 1
        PillowImage.fromarray(array).save(path, optimize=False)
