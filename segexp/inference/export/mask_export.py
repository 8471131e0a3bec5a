"""Export of a segmentation, or of several as an ensemble."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from segexp.config.command_schema import ExportConfig
from segexp.inference.export.agreement import Agreement, compare_with_pytorch, noise_batches, run_pytorch
from segexp.inference.export.export_base import Export
from segexp.inference.export.facts import describe_differences, export_facts
from segexp.inference.export.format import ExportedCall
from segexp.inference.export.graph import Deployed
from segexp.inference.export.images import image_batches
from segexp.inference.export.int8 import Int8, write_int8_file
from segexp.inference.export.rescaled_run import RescaledRun
from segexp.inference.model import Model
from segexp.runs.console import LOG
from segexp.windows.rescale import read_scale


class MaskExport(Export[Model, Agreement]):
    """Probabilities and classes of pixels, at the scale that the file tells too; int8 beside it."""

    def __init__(self, config: ExportConfig, data: Mapping[str, Any] | None, model: Model) -> None:
        self.rescale = read_scale(config.scale, model.spec.sizes, model.spec.pixel_size)
        super().__init__(config, data, model)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Metadata of the file."""
        return export_facts(self.model, self.rescale)

    def differences(self) -> list[str]:
        """Lines on each thing that the run does and the exported file does not."""
        return describe_differences(self.model)

    def graph(self) -> Deployed:
        """The model as a graph."""
        return Deployed(self.model.module)

    def noise(self) -> list[NDArray[Any]]:
        """Drawn raw batches (B, C, H, W) of two sizes."""
        return noise_batches(self.model.spec, self.dtype)

    def compare(self, run: ExportedCall, batches: Iterable[NDArray[Any]]) -> Agreement:
        """Compares the file with PyTorch on raw batches."""
        return compare_with_pytorch(self.model, run, batches)

    def run_pytorch(self, images: NDArray[Any]) -> object:
        """Probabilities and classes, in PyTorch."""
        return run_pytorch(self.model, images)

    def compared_beside(self, run: ExportedCall) -> Agreement | None:
        """The file as it is run at the scale that it tells, and PyTorch at that scale."""
        if self.rescale is None:
            return None
        batches = image_batches(self.tested, self.dtype)
        found = compare_with_pytorch(self.model.at_scale(self.rescale), RescaledRun(run, self.facts), batches)
        LOG.info(f"scale={self.rescale.asked}   {found.words()}")
        return found

    def quantised(self, run: ExportedCall) -> Int8:
        """The quantised file beside the file."""
        training = self.images.taken("train", self.config.calibration)
        return write_int8_file(self.path, run, training, self.tested, self.dtype, self.model.classes)
