# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # From a run to GeoTIFF and polygons
#
# A model trained on tiles with a place on the ground maps a larger scene: the mask has the scene's coordinate system,
# and every roof becomes a polygon with its area in square metres. Tiles and scene are drawn; it takes some seconds on
# a processor, and a GPU is used where there is one. It needs rasterio: `pip install 'segexp[geo]'`.

# %%
# Where segexp comes from if it is not installed, as on Colab and Kaggle: a name of the package index or a wheel's path.
SEGEXP = "segexp[geo]"

import importlib
import importlib.util
import subprocess
import sys

if any(importlib.util.find_spec(name) is None for name in ("segexp", "rasterio")):
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", SEGEXP], check=True)
    importlib.invalidate_caches()

# %%
import csv
import json
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin

from segexp import train
from segexp.cli.app import run as terminal

# %% [markdown]
# ## Tiles
#
# Light roofs on dark ground, half a metre a pixel, in UTM zone 33 north.

# %%
PIXEL, WEST, NORTH = 0.5, 390_000.0, 5_820_000.0
drawn = np.random.default_rng(0)


def draw(height: int, width: int, roofs: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draws an image (3, H, W) and the mask of its roofs (1, H, W), 0 and 255."""
    mask = np.zeros((1, height, width), np.uint8)
    for _ in range(roofs):
        (row, column), (tall, wide) = drawn.integers(2, (height - 22, width - 22)), drawn.integers(10, 20, 2)
        mask[0, row : row + tall, column : column + wide] = 255
    image = drawn.normal(80, 15, (3, height, width)) + (mask > 0) * np.array([70, 40, 30])[:, None, None]
    return image.clip(0, 255).astype(np.uint8), mask


def write(path: Path, bands: NDArray[np.uint8], east: float) -> None:
    """Writes bands (C, H, W) as a GeoTIFF whose west border lies `east` metres from that of the first tile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = bands.shape
    place = from_origin(WEST + east, NORTH, PIXEL, PIXEL)
    with rasterio.open(
        path, "w", "GTiff", width, height, count, crs="EPSG:32633", transform=place, dtype="uint8"
    ) as file:
        file.write(bands)


for number in range(12):
    image, mask = draw(64, 64, 3)
    write(Path(f"tiles/images/t{number:02}.tif"), image, 32.0 * number)
    write(Path(f"tiles/masks/t{number:02}.tif"), mask, 32.0 * number)
scene, truth = draw(160, 224, 12)
write(Path("scene.tif"), scene, 1000.0)

# %% [markdown]
# ## Train
#
# The size of a pixel is read from the tiles.

# %%
run = train(
    "datamodule=folder",
    "datamodule.root=tiles",
    "datamodule.mask_values={0: ground, 255: roof}",
    "datamodule.crop_size=null",
    "datamodule.crops_per_image=2",
    "datamodule.loader.batch_size=4",
    "datamodule.loader.num_workers=0",
    "model=unet",
    "model.base=4",
    "model.depth=2",
    "optimizer.lr=0.02",
    "trainer.max_epochs=12",
    "metric=none",
    "bootstrap=0",
)
assert run.figures["test/miou"] > 0.85

# %% [markdown]
# ## Predict
#
# `terminal` runs a command as a terminal does and gives its exit code: `python -m segexp predict run=outputs/...
# input=scene.tif output=mapped 'write=[mask,probability,polygons]'`

# %%
code = terminal(
    [
        "predict",
        f"run={run.path}",
        "input=scene.tif",
        "output=mapped",
        "write=[mask,probability,polygons]",
        "postprocess.min_size=20",
        "overwrite=true",
    ]
)
assert code == 0

# %% [markdown]
# ## The GeoTIFF
#
# Mask and probability lie where the scene lies, pixel for pixel.

# %%
with rasterio.open("scene.tif") as source, rasterio.open("mapped/scene_mask.tif") as result:
    assert result.crs == source.crs
    assert result.transform == source.transform
    found = result.read(1)
assert found.shape == (160, 224)
assert set(np.unique(found)) == {0, 1}
roofs = truth[0] > 0
overlap = (roofs & (found == 1)).sum() / (roofs | (found == 1)).sum()
print(f"IoU of the roofs in a scene that was never seen: {overlap:.3f}")
assert overlap > 0.8

# %% [markdown]
# Probabilities are stored as value / 254, 255 is no data. The mask is what lies above the threshold of the run, but
# for objects below 20 pixels.

# %%
with rasterio.open("mapped/scene_probability.tif") as result:
    probability = result.read(1) / 254
assert (found[probability < run.model.threshold - 0.01] == 0).all()

# %% [markdown]
# ## The polygons
#
# One feature for each object, in the coordinates of the scene, for QGIS or geopandas. Areas add up to those of the
# mask: a pixel is 0.25 square metres.

# %%
features = json.loads(Path("mapped/scene_polygons.geojson").read_text(encoding="utf-8"))["features"]
for feature in features[:3]:
    print(feature["properties"])
assert {feature["properties"]["class"] for feature in features} == {"roof"}
assert sum(feature["properties"]["area_px"] for feature in features) == (found == 1).sum()
assert np.isclose(sum(feature["properties"]["area_m2"] for feature in features), (found == 1).sum() * PIXEL**2)

# %% [markdown]
# ## What was done
#
# `summary.csv` has a line for each file, `predict.json` the run, its weights and all settings.

# %%
with Path("mapped/summary.csv").open(newline="", encoding="utf-8") as stream:
    (line,) = csv.DictReader(stream)
print(line)
assert int(line["polygons"]) == len(features)
