"""The layout of the Inria aerial set."""

import numpy as np

from segexp.data.datasets.inria import CITIES, UNLABELLED
from segexp.data.items.item import Image
from segexp.data.synthetic.layouts.job import LayoutWriter
from segexp.rasters.geotiff import write_geotiff

_ZONES = {
    "austin": 14, "chicago": 16, "kitsap": 10, "tyrol-w": 32, "vienna": 33,
    "bellingham": 10, "bloomington": 16, "innsbruck": 32, "sfo": 10, "tyrol-e": 33,
}  # fmt: skip
"""Zone of the map (UTM north) that each city lies in."""
_GROUND = 0.3
"""Metres a pixel of Inria."""


def _inria_tile(place: int) -> int:
    """Tile number at a place: over the five cities 6 1 6 1 6, then 1 6 1 6 1, then 7 2 7 2 7 ...

    The official validation part is tiles 1-5 of each city, so two images suffice for both parts to have one.
    """
    city_round, city = divmod(place, len(CITIES))
    pair, late = divmod(city_round, 2)
    if pair >= 5:
        return 1 + city_round
    return pair + (1 if (city + late) % 2 else 6)


def write_inria(job: LayoutWriter) -> None:
    """Three quarters with labels, one quarter without."""
    tests = max(1, job.count // 4)
    for index in range(max(1, job.count - tests)):
        tile = CITIES[index % len(CITIES)], _inria_tile(index)
        scene = job.draw(index)
        _save_tile(job, "train/images", tile, scene.image)
        _save_tile(job, "train/gt", tile, scene.mask * np.uint8(255))
    for place in range(tests):
        tile = UNLABELLED[place % len(UNLABELLED)], 1 + place // len(UNLABELLED)
        _save_tile(job, "test/images", tile, job.draw(job.count + place).image)


def _save_tile(job: LayoutWriter, folder: str, tile: tuple[str, int], pixels: Image) -> None:
    """Tiles of a city lie side by side on the map, six in a row."""
    city, number = tile
    path = job.root / "AerialImageDataset" / folder / f"{city}{number}.tif"
    path.parent.mkdir(parents=True, exist_ok=True)
    down, across = divmod(number - 1, 6)
    corner = 500_000 + across * pixels.shape[1] * _GROUND, 4_500_000 - down * pixels.shape[0] * _GROUND
    write_geotiff(path, pixels, 32600 + _ZONES[city], corner, _GROUND)
