"""Export of a task that is no segmentation: its one output, as the task gives it to others."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from segexp.errors import ConfigError
from segexp.inference.export.export_base import Export
from segexp.inference.export.facts import describe_differences, task_facts
from segexp.inference.export.format import ExportedCall
from segexp.inference.export.task_agreement import TaskAgreement, compare_task, noise_of_side, run_task
from segexp.inference.export.task_graph import DeployedTask
from segexp.inference.task_model import TaskModel


class TaskExport(Export[TaskModel, TaskAgreement]):
    """The output of a task, traced at the size of the images that it was tested on."""

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Metadata of the file."""
        return task_facts(self.model, self.side)

    @cached_property
    def side(self) -> tuple[int, int]:
        """Height and width of the images that the run saw: as its data set resized or cropped them, or of one of them.

        Raises:
            ConfigError: Nothing tells.
        """
        keys = self.model.config.datamodule
        asked = [keys.get(key) for key in ("image_size", "eval_size", "crop_size", "size")]
        for side in asked:
            if isinstance(side, int):
                return side, side
        if not (items := self.tested or self._taken()):
            raise ConfigError(
                "images: none are at hand, and the run does not say of which size its images are; say where they lie, "
                "datamodule.root=<folder>, with images=1"
            )
        return items[0].shape

    def differences(self) -> list[str]:
        """Lines on each thing that the run does and the exported file does not."""
        return describe_differences(self.model)

    def graph(self) -> DeployedTask:
        """The model as a graph."""
        return DeployedTask(self.model.module, self.side)

    def noise(self) -> list[NDArray[Any]]:
        """Drawn raw batches (B, C, H, W) of the size that is traced."""
        return noise_of_side(self.model.spec.in_channels, self.side, self.dtype)

    def compare(self, run: ExportedCall, batches: Iterable[NDArray[Any]]) -> TaskAgreement:
        """Compares the file with PyTorch on raw batches."""
        return compare_task(self.model, run, batches)

    def run_pytorch(self, images: NDArray[Any]) -> object:
        """The output, in PyTorch."""
        return run_task(self.model, images)
