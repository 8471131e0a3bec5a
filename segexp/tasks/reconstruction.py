"""Reconstruction: an image comes back through a model, as through the few numbers of an autoencoder's bottleneck."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from segexp.data.base import ImageDataModule
from segexp.data.items.item import Image, Item
from segexp.data.sampling.samples import Batch
from segexp.errors import ConfigError, MismatchError
from segexp.losses.base import SegmentationLoss
from segexp.metrics.figures import Array, Family
from segexp.metrics.table import HostTable
from segexp.spec import DataSpec, FigureSpec, ImageTarget
from segexp.tasks.base import MakeOptimizer
from segexp.tasks.dense import DenseTask
from segexp.tasks.prediction import Prediction
from segexp.tasks.predictor_result import PredictorResult
from segexp.types import PositiveInt


@runtime_checkable
class Autoencoder(Protocol):
    """A model whose outputs are made of codes alone, as :class:`segexp.models.cae.ConvAutoencoder`.

    Attributes:
        latent: Numbers of a code, D.
    """

    latent: int

    def encode(self, image: Tensor) -> Tensor:
        """Scaled images (B, C, H, W) to codes (B, D, h, w)."""

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (B, D, h, w) to images (B, K, H, W)."""


class Reconstruction(DenseTask):
    """Another image for each image: the image itself, or the one that the data set pairs with it.

    Outputs are in the unit of 0..1, of which 1 is white (255, or 65535 for 16 bits), however inputs are scaled. The
    image itself is learnt, whatever masks or labels the data set has, unless its target is an image.

    Logged beside losses: ``val/mse``, the mean squared error over all values of all validation images, and
    ``val/psnr``, the peak signal-to-noise ratio 10 log10(1 / mse) in dB.
    """

    figure_specs: ClassVar = {
        "mse": FigureSpec("min", "MSE", meaning="mean squared error over all values, which lie in 0..1"),
        "psnr": FigureSpec("max", "PSNR", "dB", "peak signal-to-noise ratio, 10 log10(1 / MSE)"),
    }

    unfit_loss = SegmentationLoss
    output_name = "reconstruction"

    def __init__(
        self,
        model: nn.Module,
        loss: nn.Module,
        spec: DataSpec,
        optimizer: MakeOptimizer,
        *,
        latent: list[float] | None = None,
        neighbours: PositiveInt = 5,
        **parts: Any,
    ) -> None:
        """Ties the parts together.

        Args:
            model: Float image (B, C, H, W) to an image (B, K, H, W); see :class:`Autoencoder` for codes.
            loss: Of two images, such as ``torch.nn.MSELoss``.
            spec: Channels and scaling.
            optimizer: Makes the optimiser from the parameters.
            latent: A code whose image is drawn after the test; None: none.
            neighbours: Training codes that say of which class a test image is, where the data has classes or groups.
            **parts: As for :class:`DenseTask`.

        Raises:
            MismatchError: The loss compares classes.
            ConfigError: ``latent`` has another length than the codes, or the model has none.
        """
        if isinstance(loss, SegmentationLoss):
            raise MismatchError(
                f"loss: {type(loss).__name__} compares classes, task=reconstruction compares images: use loss=mse"
            )
        super().__init__(model, loss, self.adapted(spec), optimizer, **parts)
        self.latent = None if latent is None else self._checked(latent)
        self.neighbours = neighbours
        self._errors = HostTable()

    @classmethod
    def adapted(cls, spec: DataSpec, **keys: Any) -> DataSpec:
        """The image itself as the target, unless the data set has another image for it."""
        if isinstance(spec.target, ImageTarget):
            return spec
        return replace(spec, target=ImageTarget(spec.in_channels, itself=True))

    def _checked(self, latent: list[float]) -> tuple[float, ...]:
        codes = self.autoencoder.latent
        if len(latent) != codes:
            raise ConfigError(f"task.latent: found {len(latent)} numbers, expected {codes}, one for each of a code")
        return tuple(latent)

    @property
    def of_itself(self) -> bool:
        """True if an image is to come back as it is, and not as another one."""
        return isinstance(self.spec.target, ImageTarget) and self.spec.target.itself

    @property
    def has_codes(self) -> bool:
        """True if the model is an autoencoder."""
        return isinstance(self.model, Autoencoder)

    @property
    def autoencoder(self) -> Autoencoder:
        """The model.

        Raises:
            ConfigError: It is none with codes.
        """
        if not isinstance(self.model, Autoencoder):
            raise ConfigError(f"model: {type(self.model).__name__} has no codes (encode and decode); use model=cae")
        return self.model

    def encode(self, image: Tensor) -> Tensor:
        """Codes float32 (B, D, h, w) of raw images (B, C, H, W)."""
        return self.autoencoder.encode(self.scale(image)).float()

    def decode(self, codes: Tensor) -> Tensor:
        """Images float32 (B, K, H, W), 1 is white, of codes (B, D, h, w)."""
        return self.autoencoder.decode(codes).float()

    # ---- training, validation and test

    def target_of(self, batch: Batch) -> Tensor:
        """The image that should come back, float32 (B, K, H, W), 1 is white."""
        return in_unit(batch["image"] if self.of_itself else batch["target"])

    def loss_terms(self, outputs: Tensor, target: Tensor) -> dict[str, Tensor]:
        """The loss in float32, also where the model works in bfloat16."""
        return super().loss_terms(outputs.float(), target)

    def start_counting(self, phase: Literal["val", "test"]) -> None:
        """Forgets all errors."""
        self._errors.reset()

    def count(self, phase: Literal["val", "test"], outputs: Tensor, batch: Batch) -> None:
        """Keeps the number of values of each image and the sum of their squared errors."""
        squares = (outputs - self.target_of(batch)).square().flatten(1).double()
        sums = torch.stack([torch.full((len(squares),), squares.shape[1]), squares.sum(1).cpu()], dim=1)
        self._errors.update(sums, batch["index"])

    def figures(self) -> dict[str, float | None]:
        """Figures of all validation images."""
        found = self._counted().of_dataset()
        return {name: float(value[0]) for name, value in found.items()}

    def predictor_results(self) -> Sequence[PredictorResult]:
        """The model."""
        codes = f"through a code of {self.autoencoder.latent} numbers" if self.has_codes else "image to image"
        return [PredictorResult("model", codes, {"errors": self._counted()})]

    def predictions(self, outputs: Tensor) -> list[Prediction]:
        """The image that comes back, of outputs (B, K, H, W), in 8 bits; of other channels than 1 and 3 the first."""
        levels = (outputs.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
        return [Prediction(image=image if image.shape[2] == 3 else image[..., 0]) for image in levels]

    def _counted(self) -> Family:
        return error_family(self._errors.table().numpy())

    def trivial_results(self, datamodule: ImageDataModule) -> Sequence[PredictorResult]:
        """The mean training image, for every image; of images of several sizes their mean colour."""
        mean = _mean_image([self.wanted(item) for item in datamodule.origin.items("train")])
        what = "mean training image" if mean.shape[:2] != (1, 1) else "mean colour of the training images"
        errors = [(self.wanted(item) - mean) ** 2 for item in datamodule.items("test")]
        sums = np.array([(each.size, each.sum(dtype=np.float64)) for each in errors])
        return [PredictorResult(what, "the same for every image", {"errors": error_family(sums)})]

    def wanted(self, item: Item) -> Array:
        """The image that should come back, float32 (H, W, K), 1 is white."""
        image: Image = item.image if self.of_itself else item.target
        unit: Array = in_unit(torch.from_numpy(np.ascontiguousarray(image))).numpy()
        return unit


_WHITE = {torch.uint8: 255.0, torch.uint16: 65535.0}


def in_unit(image: Tensor) -> Tensor:
    """Raw pixels as float32, 1 is white: 255 of uint8, 65535 of uint16; other types as they are."""
    return image.to(torch.float32) / _WHITE.get(image.dtype, 1.0)


def error_family(sums: Array) -> Family:
    """Figures of the number of values and the sum of squared errors of each image, (N, 2)."""
    return Family(sums, _errors, ())


def _errors(sums: Array) -> dict[str, Array]:
    mse = sums[:, 1] / sums[:, 0]
    with np.errstate(divide="ignore"):  # of two equal images it is infinite
        return {"mse": mse, "psnr": -10 * np.log10(mse)}


def _mean_image(images: Sequence[Array]) -> Array:
    """Mean (H, W, K) of images of one size, else the mean of all their pixels (1, 1, K)."""
    if len({image.shape for image in images}) == 1:
        total = np.zeros(images[0].shape)
        for image in images:
            total += image
        return total / len(images)
    pixels = sum(image.shape[0] * image.shape[1] for image in images)
    colour: Array = np.sum([image.sum(axis=(0, 1), dtype=np.float64) for image in images], axis=0) / pixels
    return colour[None, None]
