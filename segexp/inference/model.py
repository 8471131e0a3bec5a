"""A trained model as it is used: raw image in, classes or probabilities out."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage
from torch import Tensor

from segexp.config.experiment import RunConfig
from segexp.inference.pixels import open_image
from segexp.metrics.log_odds import probability
from segexp.rasters import Limit, Raster
from segexp.report.pictures.predicted import draw_prediction
from segexp.runs.checkpoints import Source
from segexp.spec import DataSpec
from segexp.tasks.segmentation import Segmentation
from segexp.windows.rescale import Rescale

EXTREME = 1e6
"""Logit of the probability 1."""
BYTES_PER_LOGIT, BYTES_BESIDE = 4, 10
"""Bytes of a pixel: of each of its logits, and of its class and what that is found by."""
STREAM = "; the command predict goes through large TIFFs in parts"


class Model:
    """Trained model of a run, or several as an ensemble; made by :func:`segexp.load`.

    Large images are seen in windows, with ``scale`` at another size, and all scaling of values is done here, as it was
    in the test of the run.

    Attributes:
        module: Weights, scaling, windows (``module.inference``) and test-time augmentation (``module.tta``).
        sources: Where the weights come from, one of each member.
        config: The part of the (first) run's config that is used again.
        bands: Bands of files that are the channels, from 1; None: as in training.
        limit: What one image may take of the memory.
        chosen: By which ``rule`` the threshold was chosen, and ``chosen_on`` what; empty for more than two classes.
    """

    def __init__(
        self,
        module: Segmentation,
        sources: Sequence[Source],
        config: RunConfig,
        chosen: dict[str, str] | None = None,
        bands: Sequence[int] | None = None,
        limit: Limit | None = None,
    ) -> None:
        self.module = module.eval()
        self.sources = tuple(sources)
        self.config = config
        self.chosen = chosen or {}
        self.bands = None if bands is None else tuple(bands)
        self.limit = limit or Limit()

    @property
    def notes(self) -> list[str]:
        """Decisions made on loading, a line each: the threshold, by which rule and on which images it was chosen."""
        scale = [] if self.rescale is None else [self.rescale.words()]
        if self.threshold is None:
            return scale
        rule, images = self.chosen.get("rule"), self.chosen.get("chosen_on")
        return [f"threshold {self.threshold:.3f}, {rule}, chosen on {images}", *scale]

    @property
    def rescale(self) -> Rescale | None:
        """At which size images are seen; None: as they are."""
        return self.module.rescale

    def at_scale(self, rescale: Rescale) -> "Model":
        """Gives a model of the same network that sees images at another size."""
        module = self.module.seen_by(rescale=rescale)
        return Model(module, self.sources, self.config, self.chosen, self.bands, self.limit)

    def shape_seen(self, raster: Raster) -> tuple[int, int]:
        """Gives height and width, in pixels, at which the network sees an image.

        Raises:
            ConfigError: ``auto`` says nothing sensible of it.
        """
        height, width = raster.height, raster.width
        return (height, width) if self.rescale is None else self.rescale.at(raster.pixel_size).shape_for(height, width)

    @property
    def spec(self) -> DataSpec:
        """Classes, channels and scaling."""
        return self.module.spec

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes 0, 1, ..."""
        return self.module.spec.classes

    @property
    def colours(self) -> tuple[tuple[int, int, int], ...]:
        """(R, G, B) of 0..255 per class."""
        return self.module.spec.colours

    @property
    def in_channels(self) -> int:
        """Channels C of the images."""
        return self.module.spec.in_channels

    @property
    def tta(self) -> str:
        """Test-time augmentation: ``none``, ``flips`` or ``d4``."""
        return self.module.tta

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return self.module.scale.mean.device

    @property
    def threshold(self) -> float | None:
        """Probability at and above which a pixel is of the second of two classes; None: the most probable class."""
        return probability(self.module.threshold) if self.module.spec.is_binary else None

    def __call__(self, image: Any) -> Any:
        """Predicts as :meth:`predict`; of a list of images the list of their masks."""
        return [self.predict(each) for each in image] if isinstance(image, list | tuple) else self.predict(image)

    def plot(self, image: Any, truth: NDArray[np.uint8] | None = None) -> PillowImage.Image:
        """Draws what is predicted of an image; a notebook shows it, ``.save("seen.png")`` keeps it.

        Args:
            image: As for :meth:`predict`.
            truth: uint8 (H, W), class numbers, 255 for pixels that count nowhere; None: not known.

        Returns:
            Image and prediction side by side, with the truth also truth and errors; without it, for two classes, the
            probability.
        """
        raster = self.open(image)
        pixels, logits = raster.read(), self.logits(image)[:1]
        classes: NDArray[np.uint8] = self.module.classify(logits, self.module.threshold)[0].cpu().numpy()
        probability = self.module.probabilities(logits)[0, 0].cpu().numpy() if self.spec.is_binary else None
        return PillowImage.fromarray(draw_prediction(pixels, classes, self.spec, truth, probability))

    def predict(self, image: Any) -> NDArray[np.uint8]:
        """Predicts the class numbers of an image.

        Args:
            image: Path of a file; Pillow image; array (H, W) or (H, W, C) of uint8 or uint16, raw.

        Returns:
            uint8 (H, W).

        Raises:
            DataError: The image cannot be read, does not fit the model, or would take more memory than there may be.
        """
        classes: NDArray[np.uint8] = self.module.classify(self.logits(image), self.module.threshold)[0].cpu().numpy()
        return classes

    def probabilities(self, image: Any) -> NDArray[np.float32]:
        """Predicts the probability of every class, float32 (classes, H, W), sum 1; ``image`` as :meth:`predict`."""
        found = self.every_class(self.module.probabilities(self.logits(image)))
        return np.asarray(found[0].float().cpu().numpy())

    def logits(self, image: Any, *, gradients: bool = False) -> Tensor:
        """Computes logits, float32 (B, K, H, W), K = 1 for two classes, B = 1 but for a tensor of several images.

        Args:
            image: As for :meth:`predict`; or a tensor (C, H, W) or (B, C, H, W) of raw values of any type.
            gradients: Whether the logits can be differentiated: with respect to a tensor that asks for it, and to the
                weights after ``model.module.requires_grad_(True)``. Large images are then seen whole, not in windows.
        """
        with torch.enable_grad() if gradients else torch.inference_mode():
            module, pixels = self._seen(image)
            if gradients:
                module = module.seen_by(inference={"window": None})
            return module.evaluated(pixels)

    def _seen(self, image: Any) -> tuple[Segmentation, Tensor]:
        """The task as it sees an image, and the raw pixels (B, C, H, W)."""
        if isinstance(image, Tensor):
            return self.module, (image[None] if image.ndim == 3 else image).to(self.device)
        raster = self.open(image)
        if isinstance(image, str | Path):  # an array is in memory already
            self.check_memory(raster, BYTES_PER_LOGIT * self.module.spec.out_channels + BYTES_BESIDE)
        module = self.module
        if self.rescale is not None:
            module = module.seen_by(rescale=self.rescale.at(raster.pixel_size))
        return module, self.tensor(raster.read())

    def check_memory(self, raster: Raster, per_pixel: int, advice: str = STREAM) -> None:
        """Refuses an image of which all pixels, and what is made of them, would not fit.

        Args:
            raster: The image, not decoded yet.
            per_pixel: Bytes of what is made of a pixel.
            advice: What else can be done than to raise the limit.

        Raises:
            TooLargeError: Says how to raise the limit.
        """
        each = raster.channels * raster.dtype.itemsize + per_pixel
        height, width = self.shape_seen(raster)
        need = raster.height * raster.width * each
        words = f"predicting its {raster.width}x{raster.height} pixels at once"
        if (height, width) != (raster.height, raster.width):
            need, words = need + height * width * each, f"{words}, seen at {width}x{height},"
        self.limit.check(raster.path, need, words, advice)

    def open(self, image: Any) -> Raster:
        """Opens an image as a raster that fits the model; ``image`` as :meth:`predict`."""
        luminance = self.takes_luminance
        return open_image(image, self.module.spec, luminance=luminance, bands=self.bands, limit=self.limit)

    def tensor(self, pixels: NDArray[Any]) -> Tensor:
        """Turns raw pixels (H, W, C) into a tensor (1, C, H, W) on the device."""
        return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].to(self.device)

    def every_class(self, probabilities: Tensor) -> Tensor:
        """Gives probabilities (B, classes, H, W) of all classes, also where there is one number for two."""
        return torch.cat([1 - probabilities, probabilities], dim=1) if self.module.spec.is_binary else probabilities

    @property
    def takes_luminance(self) -> bool:
        """True if colours are turned into grey, as the training images were."""
        return bool(self.config.datamodule.get("channels") == "grey")

    def __repr__(self) -> str:
        names = ", ".join(source.name for source in self.sources)
        return f"Model({names}; classes {', '.join(self.classes)}; tta {self.tta}; threshold {self.threshold})"


def threshold_logit(probability: float) -> float:
    """Computes the logit of a probability; for 0 and 1 beyond all that a model gives, and finite."""
    if probability <= 0:
        return -EXTREME
    return EXTREME if probability >= 1 else math.log(probability / (1 - probability))
