"""Images that are resized to more pixels than their files have."""

from collections.abc import Sequence

ENLARGED = 2
"""Times that ``image_size`` enlarges images from which on that is noted."""


def note_enlarged(sides: Sequence[int], image_size: int) -> list[str]:
    """A line if ``image_size`` at least doubles images: they cost time and show no more.

    Args:
        sides: Shorter sides of the files in ascending order, pixels.
        image_size: Side to which all are resized, pixels.
    """
    if not sides or image_size < ENLARGED * (middle := sides[len(sides) // 2]):
        return []
    return [
        f"images of {middle} pixels a side are enlarged {image_size / middle:.3g} times to "
        f"datamodule.image_size={image_size}, which takes time and shows no more; datamodule.image_size={middle} "
        "leaves them as they are"
    ]
