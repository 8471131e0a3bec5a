"""A trained model of any kind of task as it is used: raw image in, outputs or what is said of the image out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage

from segexp.config.experiment import RunConfig
from segexp.data.items.forms import VALUE_FORM
from segexp.data.items.item import Item
from segexp.errors import ConfigError
from segexp.inference.pixels import open_image
from segexp.rasters import Limit, Raster
from segexp.report.pictures.displayed import display_image
from segexp.report.pictures.side_by_side import draw_beside
from segexp.runs.checkpoints import Source
from segexp.spec import DataSpec
from segexp.tasks.base import BaseTask
from segexp.tasks.prediction import Prediction
from segexp.windows.rescale import Rescale


class TaskModel:
    """Trained model of a run of any kind; made by :func:`segexp.load_task`.

    All scaling is done here, as it was in the test of the run, and images are resized as its data set did (its key
    ``image_size``); what the numbers mean is known to ``module``, the task.

    Attributes:
        module: The task, with its weights and scaling.
        sources: Where the weights come from.
        config: The part of the run's config that is used again.
        bands: Bands of files that are the channels, from 1; None: as in training.
        limit: What one image may take of the memory.
        rescale: None: there is no scale to choose.
    """

    rescale: Rescale | None = None

    def __init__(
        self,
        module: BaseTask,
        source: Source,
        config: RunConfig,
        bands: Sequence[int] | None = None,
        limit: Limit | None = None,
    ) -> None:
        self.module = module.eval()
        self.sources = (source,)
        self.config = config
        self.bands = None if bands is None else tuple(bands)
        self.limit = limit or Limit()
        self.notes: list[str] = []

    @property
    def spec(self) -> DataSpec:
        """Target, channels and scaling."""
        return self.module.spec

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return self.module.scale.mean.device

    def open(self, image: Any) -> Raster:
        """Opens an image as a raster that fits the model; ``image`` as :meth:`predict`."""
        luminance = self.config.datamodule.get("channels") == "grey"
        return open_image(image, self.spec, luminance=luminance, bands=self.bands, limit=self.limit)

    def outputs(self, image: Any) -> NDArray[np.float32]:
        """Outputs of the model for an image, as the test judges it: float32 (K, ...), logits of a classification.

        Args:
            image: As for :meth:`predict`.
        """
        found: NDArray[np.float32] = self._evaluated(self.open(image).read())[0].cpu().numpy()
        return found

    def __call__(self, image: Any) -> Any:
        """Predicts as :meth:`predict`; of a list of images the list of what is said of them."""
        return [self.predict(each) for each in image] if isinstance(image, list | tuple) else self.predict(image)

    def plot(self, image: Any) -> PillowImage.Image:
        """Draws an image with what is said of it: its values in words, and the task's own picture where there is one.

        Args:
            image: As for :meth:`predict`.
        """
        found = self.predict(image)
        said = ", ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in found.values.items())
        pixels = display_image(self.open(image).read())
        shown = {"image": pixels}
        if found.image is not None and found.image.shape[:2] == pixels.shape[:2]:
            shown["output"] = display_image(found.image)
        return PillowImage.fromarray(draw_beside(shown, said))

    def predict(self, image: Any) -> Prediction:
        """Predicts an image: its class, its value, or whatever the task predicts.

        Args:
            image: Path of a file; Pillow image; array (H, W) or (H, W, C) of uint8 or uint16, raw.

        Raises:
            ConfigError: The task does not say how its outputs are read; see :meth:`outputs`.
            DataError: The image cannot be read, does not fit the model, or would take more memory than there may be.
        """
        self.refuse_silent()
        return self.predict_pixels(self.open(image).read())

    def predict_pixels(self, pixels: NDArray[Any]) -> Prediction:
        """Predicts raw pixels (H, W, C) that fit the model, see :meth:`predict`."""
        return self.module.predictions(self._evaluated(pixels))[0]

    def refuse_silent(self) -> None:
        """Refuses a task that does not say what its outputs mean.

        Raises:
            ConfigError: It has no ``predictions``.
        """
        if type(self.module).predictions is BaseTask.predictions:
            raise ConfigError(
                f"run: {self.sources[0].name} is of kind {self.spec.kind}, and {type(self.module).__name__} does not "
                "say what its outputs mean (predictions); load_task(...).outputs(image) gives them as they are"
            )

    @torch.inference_mode()
    def _evaluated(self, pixels: NDArray[Any]) -> torch.Tensor:
        size = self.config.datamodule.get("image_size")
        seen = Item("", pixels, form=VALUE_FORM).resized(size).image if isinstance(size, int) else pixels
        image = torch.from_numpy(np.ascontiguousarray(seen)).permute(2, 0, 1)[None]
        return self.module.evaluated(image.to(self.device))

    def __repr__(self) -> str:
        return f"TaskModel({self.sources[0].name}; {self.spec.kind})"
