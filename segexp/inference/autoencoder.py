"""A trained autoencoder as it is used: images to codes, and codes to images."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from segexp.config.experiment import RunConfig
from segexp.errors import ConfigError, DataError
from segexp.inference.members import load_member
from segexp.inference.pixels import open_image
from segexp.rasters import DEFAULT_GB, Limit
from segexp.runs.checkpoints import RunPath, Source, find_sources
from segexp.spec import DataSpec
from segexp.tasks.reconstruction import Reconstruction
from segexp.training.hardware import device_type

BYTES = 64
"""Bytes of a pixel and channel in memory while an image is encoded whole: maps of 32 channels at a quarter of it."""


class AutoencoderModel:
    """Autoencoder of a run; made by :func:`load_autoencoder`.

    Attributes:
        task: Weights and scaling.
        source: Where the weights come from.
        config: The part of the run's config that is used again.
        limit: What one image may take of the memory.
    """

    def __init__(self, task: Reconstruction, source: Source, config: RunConfig, limit: Limit) -> None:
        self.task = task.eval()
        self.source = source
        self.config = config
        self.limit = limit

    @property
    def latent(self) -> int:
        """Numbers of a code, D."""
        return self.task.autoencoder.latent

    @property
    def spec(self) -> DataSpec:
        """Channels and scaling."""
        return self.task.spec

    @torch.inference_mode()
    def encode(self, image: Any) -> NDArray[np.float32]:
        """Encodes an image.

        Args:
            image: Path of a file; Pillow image; array (H, W) or (H, W, C) of uint8 or uint16, raw.

        Returns:
            float32 (D, h, w): its code, h = w = 1 for an image of the model's smallest size, else a map of codes.

        Raises:
            DataError: The image cannot be read, or does not fit the model.
            InputSizeError: Its height or width does not fit the model.
        """
        return np.asarray(self.task.encode(self._tensor(image))[0].cpu().numpy())

    @torch.inference_mode()
    def decode(self, code: Any) -> NDArray[np.float32]:
        """Decodes a code.

        Args:
            code: D numbers, or a map of codes (D, h, w).

        Returns:
            float32 (H, W, K), of which 0 is black and 1 white; values may lie a little outside.

        Raises:
            DataError: It has other than D numbers.
        """
        numbers = np.asarray(code, np.float32)
        if len(numbers.shape) not in (1, 3) or numbers.shape[0] != self.latent or not np.isfinite(numbers).all():
            raise DataError(
                f"the code has the shape {numbers.shape}, expected ({self.latent},) or ({self.latent}, h, w), finite"
            )
        codes = torch.from_numpy(numbers.reshape(1, self.latent, *(numbers.shape[1:] or (1, 1))))
        found = self.task.decode(codes.to(self.task.device))[0]
        return np.asarray(found.permute(1, 2, 0).cpu().numpy())

    @torch.inference_mode()
    def reconstruct(self, image: Any) -> NDArray[np.float32]:
        """Reconstruction of an image, float32 (H, W, K), 1 is white; ``image`` as :meth:`encode`."""
        found = self.task.evaluated(self._tensor(image))[0]
        return np.asarray(found.permute(1, 2, 0).cpu().numpy())

    def _tensor(self, image: Any) -> torch.Tensor:
        luminance = self.config.datamodule.get("channels") == "grey"
        raster = open_image(image, self.spec, luminance=luminance, limit=self.limit)
        pixels = raster.height * raster.width * raster.channels
        self.limit.check(raster.path, pixels * BYTES, f"encoding its {raster.width}x{raster.height} pixels at once")
        raw = torch.from_numpy(np.ascontiguousarray(raster.read())).permute(2, 0, 1)[None]
        return raw.to(self.task.device)


def load_autoencoder(
    run: RunPath | Sequence[RunPath],
    checkpoint: str = "best",
    *,
    device: str = "auto",
    image_limit: float = DEFAULT_GB,
    trust: Collection[str] = (),
) -> AutoencoderModel:
    """Loads the autoencoder of a run of ``task=reconstruction``.

    ::

        from segexp import load_autoencoder

        model = load_autoencoder("outputs/mnist_cae/2026-11-24_20-20-50_1a2b")
        code = model.encode("five.png")  # float32 (2, 1, 1)
        image = model.decode([2, -4])  # float32 (28, 28, 1), 1 is white

    Args:
        run: Run folder, checkpoint file, or file of ``export format=safetensors``; one.
        checkpoint: ``best``, ``last``, or a path inside the run folder.
        device: ``auto``, ``cpu``, ``gpu`` (or ``cuda``), ``mps``.
        image_limit: GB of memory that one image may take.
        trust: Packages beside segexp's own whose classes the run may name.

    Raises:
        StoredError: The checkpoint asks for more than data may.
        DataError: There is no such run or checkpoint, or the file is none of segexp's.
        ConfigError: There are several runs, or one is no autoencoder.
    """
    sources = find_sources(run, checkpoint)
    if len(sources) != 1:
        raise ConfigError(f"run: found {len(sources)} runs, expected one: codes of two autoencoders mean two things")
    kind = device_type("gpu" if device == "cuda" else device, "device")
    member = load_member(sources[0], kind, trust)
    task = member.module
    if not isinstance(task, Reconstruction):
        raise ConfigError(
            f"run: {sources[0].name} was trained with {type(task).__name__}, expected an autoencoder "
            "(task=reconstruction); for the others there are evaluate, predict and segexp.load"
        )
    if not task.has_codes:
        raise ConfigError(f"run: the model of {sources[0].name} has no codes (encode and decode)")
    task.requires_grad_(requires_grad=False)
    return AutoencoderModel(task.to(kind), sources[0], member.config, Limit(image_limit))
