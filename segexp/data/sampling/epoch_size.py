"""How many training samples an epoch will have, as far as files and settings tell before the data are set up."""

from collections.abc import Mapping, Sequence

from segexp.data.checks.survey import Survey
from segexp.data.items.item import Item
from segexp.data.sampling.crop_locations import starts
from segexp.data.settings import DataSettings


def epoch_size(settings: DataSettings, items: Sequence[Item], surveys: Mapping[str, Survey]) -> int | None:
    """Samples an epoch.

    Args:
        settings: Keys of the data set.
        items: Training images.
        surveys: What is known of their pixels, by name; images that are not among them are taken to have some that
            count.

    Returns:
        The number; None: a grid leaves out windows in which nothing counts, and not all masks are known.
    """
    kept = [item for item in items if item.name not in surveys or surveys[item.name].counted]
    if settings.sampling == "random":
        return settings.crops_total or settings.crops_per_image * len(kept)
    size = settings.crop_size
    if size is None or any(item.name not in surveys or surveys[item.name].ignored for item in kept):
        return None
    step = settings.stride or size
    return sum(len(starts(item.shape[0], size, step)) * len(starts(item.shape[1], size, step)) for item in kept)
