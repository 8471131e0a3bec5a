"""The exported graph: raw pixels in, probabilities and classes out, with all scaling and padding inside."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from segexp.errors import MismatchError
from segexp.image_statistics import DARK
from segexp.models.auxiliary import Supervised
from segexp.models.contracts import exceptions_of
from segexp.models.sizes import same_size
from segexp.spec import DataSpec
from segexp.tasks.ensemble import EnsembleModule
from segexp.tasks.normalize import Normalize
from segexp.tasks.segmentation import SMALLEST, Segmentation

TRACED = (2, 64, 80)
"""Images, height and width of the batch that a model is traced with; every other one is taken afterwards."""

OUTPUTS = ("probabilities", "mask")

NEEDS: Mapping[str, tuple[str, ...]] = {
    "onnx": ("onnx", "torch_export"),
    "torch_export": ("torch_export",),
    "torchscript": ("torch_export",),
}
"""Contracts that a model must keep for a format; ONNX and TorchScript files are made of an exported program."""


class TraceableNormalize(nn.Module):
    """Scaling of raw images as :class:`segexp.tasks.normalize.Normalize`, for images of any size in a graph."""

    factor: Tensor
    offset: Tensor

    def __init__(self, scale: Normalize) -> None:
        """Takes the numbers."""
        super().__init__()
        self.per_image = scale.per_image
        self.register_buffer("factor", (1 / scale.std)[..., None, None], persistent=False)
        self.register_buffer("offset", (-scale.mean / scale.std)[..., None, None], persistent=False)

    def forward(self, image: Tensor, stats: Tensor | None = None) -> Tensor:
        """Scales whole raw images, float32 (B, C, H, W); ``stats`` is not for them."""
        factor, offset = self.factor, self.offset
        if self.per_image:
            mean, std = traceable_statistics(image)
            factor, offset = 1 / std, -mean / std
        return image * factor + offset


class DeployedMember(nn.Module):
    """One network with its scaling, in float32 and PyTorch's plain memory order."""

    def __init__(self, module: Segmentation) -> None:
        """Copies the network; that of ``module`` stays as it is."""
        super().__init__()
        self.model = plain_copy(module.model)
        self.scale = TraceableNormalize(module.scale)

    def forward(self, image: Tensor) -> Tensor:
        """Computes logits (B, K, H, W) of a raw image, float32 (B, C, H, W)."""
        outputs = same_size(self.model, self.scale(image))
        return outputs.logits if isinstance(outputs, Supervised) else outputs


def plain_copy(network: nn.Module) -> nn.Module:
    """Copies a network into float32 and PyTorch's plain memory order."""
    copied = copy.deepcopy(network).float()
    found: nn.Module = copied.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload] # stubs know only the one form
    return found


class Deployed(nn.Module):
    """A model, or an ensemble as the mean of its probabilities; no windows, one view.

    Attributes:
        output_names: What it gives, in this order.
        axes: Names of the axes of its input that may have any length.
        spec: Classes and channels.
        threshold: Logit at and above which a pixel is of the second of two classes.
    """

    output_names: ClassVar[tuple[str, ...]] = OUTPUTS
    axes: ClassVar[Mapping[int, Any]] = {0: "batch", 2: "height", 3: "width"}

    def __init__(self, module: Segmentation) -> None:
        """Takes networks, scaling and threshold from a module that was made for use."""
        super().__init__()
        members = module.members if isinstance(module, EnsembleModule) else [module]
        self.members = nn.ModuleList(DeployedMember(member) for member in members)
        self.spec, self.threshold = module.spec, module.threshold
        self.eval()

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Computes probabilities and classes of raw images.

        Args:
            image: Raw pixels as they are in a file, integers (B, C, H, W).

        Returns:
            float32 (B, K, H, W), K = 1 (the second class) for two classes; uint8 (B, H, W).
        """
        raw = image.to(torch.float32)
        logits = [member(raw) for member in self.members]
        joint = logits[0] if len(logits) == 1 else self._joint(torch.stack(logits))
        if self.spec.is_binary:
            score = self._scores(joint)
            return score.sigmoid(), (score[:, 0] >= self.threshold).to(torch.uint8)
        return joint.softmax(dim=1), joint.argmax(dim=1).to(torch.uint8)

    def networks(self) -> list[nn.Module]:
        """The networks of the members."""
        return [member.model for member in self.members if isinstance(member, DeployedMember)]

    def example(self) -> Tensor:
        """Gives a batch to trace with."""
        return example_batch(self.spec)

    def program(self) -> torch.export.ExportedProgram:
        """Exports the graph with ``torch.export``, for any number of images of any size."""
        free = torch.export.Dim.DYNAMIC
        with torch.no_grad():
            return torch.export.export(
                self, (self.example(),), dynamic_shapes={"image": {0: free, 2: free, 3: free}}, strict=False
            )

    def _scores(self, logits: Tensor) -> Tensor:
        """Scores of two classes (..., 1, H, W): the one logit, or the difference of two."""
        return logits if logits.shape[-3] == 1 else logits[..., 1:, :, :] - logits[..., :1, :, :]

    def _joint(self, logits: Tensor) -> Tensor:
        """Log-odds or logarithms of the mean probability, as EnsembleModule has them."""
        if self.spec.is_binary:
            return torch.logit(self._scores(logits).sigmoid().mean(dim=0), eps=SMALLEST)
        return logits.softmax(dim=2).mean(dim=0).clamp(min=SMALLEST).log()


def traceable_statistics(image: Tensor) -> tuple[Tensor, Tensor]:
    """Computes mean and deviation of raw images as :func:`segexp.image_statistics.image_statistics`, without blocks.

    The number of blocks would be fixed in a graph.

    Sums go along rows first and then over them: one long sum in float32 would lose digits on a large image.

    Args:
        image: Raw pixels, float32 (B, C, H, W).

    Returns:
        float32 (B, C, 1, 1) each.
    """
    bright = image.amax(dim=1, keepdim=True)
    counted = (bright >= DARK * bright.amax(dim=(2, 3), keepdim=True)).to(torch.float32)
    number = _sum(counted)
    mean = _sum(image * counted) / number
    return mean, (_sum((image - mean).square() * counted) / number).sqrt().clamp(min=1.0)


def _sum(values: Tensor) -> Tensor:
    return values.sum(dim=3, keepdim=True).sum(dim=2, keepdim=True)


def example_batch(spec: DataSpec) -> Tensor:
    """Makes a batch of zeros to trace with, (2, C, 64, 80)."""
    number, height, width = TRACED
    return torch.zeros((number, spec.in_channels, height, width), dtype=pixel_type(spec))


def pixel_type(spec: DataSpec) -> torch.dtype:
    """Gives the pixel type that the exported model takes: that of the training images, uint8 where unknown."""
    found: torch.dtype = getattr(torch, spec.dtype or "uint8")
    return found


def refuse_exceptions(networks: Sequence[nn.Module], form: str) -> None:
    """Refuses networks of which one says itself that it cannot be exported.

    Raises:
        MismatchError: With the model's own reason.
    """
    for network in networks:
        declared = exceptions_of(network)
        for contract in NEEDS.get(form, ()):
            if contract in declared:
                raise MismatchError(
                    f"format={form}: {type(network).__name__} cannot be exported ({declared[contract]}); "
                    "format=safetensors writes its weights"
                )
