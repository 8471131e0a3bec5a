"""One export of any kind of task: writes the file, compares it with PyTorch, measures its speed, notes all of it."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from segexp.config.command_schema import ExportConfig
from segexp.data.items.item import Item
from segexp.errors import DataError, SegexpError, one_line
from segexp.inference.export.agreement import AnyAgreement, ExportFailed
from segexp.inference.export.format import ExportedCall
from segexp.inference.export.formats import FORMATS
from segexp.inference.export.graph import Deployed, refuse_exceptions
from segexp.inference.export.images import RunImages, image_and_mask, image_batches
from segexp.inference.export.int8 import Int8
from segexp.inference.export.output_file import format_megabytes, output_path, write_if_good
from segexp.inference.export.speed import images_per_second
from segexp.inference.export.task_graph import DeployedTask
from segexp.inference.model import Model
from segexp.inference.task_model import TaskModel
from segexp.report.table import Table
from segexp.runs.console import LOG
from segexp.runs.files import replace_file
from segexp.runs.text import utf8
from segexp.system.causes import resource_error

AnyModel = TypeVar("AnyModel", Model, TaskModel)
Agreed = TypeVar("Agreed", bound=AnyAgreement)


@dataclass(frozen=True)
class Exported:
    """Report of one export: the file, how well it agrees with PyTorch, and how fast it is.

    Attributes:
        path: The file.
        agreement: With PyTorch.
        speeds: Images per second; empty: not measured.
        int8: Of the quantised file beside it, if one was asked for.
    """

    path: Path
    agreement: AnyAgreement
    speeds: dict[str, float]
    int8: Int8 | None = None

    def as_text(self) -> str:
        """Formats a table of the file, and one of the quantised file."""
        cells = (str(self.path), format_megabytes(self.path), f"{self.agreement.largest:.1e}")
        speeds = tuple((f"{name}, images/s", f"{value:.1f}") for name, value in self.speeds.items())
        header = ("file", "size", "largest difference", *(name for name, _ in speeds))
        table = Table("export", header, ((*cells, *(value for _, value in speeds)),)).as_text()
        return "\n\n".join(["", table, *([self.int8.as_text()] if self.int8 is not None else [])])


class Export(ABC, Generic[AnyModel, Agreed]):
    """One call of the command.

    Attributes:
        config: Checked and resolved, see conf/export.yaml.
        model: What is exported: it sees images whole and in one view.
        path: The file.
        images: Of the run.
        facts: Metadata of the file.
        tested: Test images that are compared.
        dtype: Type of the pixels.
    """

    model: AnyModel

    def __init__(self, config: ExportConfig, data: Mapping[str, Any] | None, model: AnyModel) -> None:
        self.config, self.form, self.model = config, FORMATS[config.format], model
        self.path = output_path(model, config.output, config.checkpoint, self.form.suffix)
        self.images = RunImages(model, data)
        self.tested: list[Item] = []

    def run(self) -> Exported:
        """Writes, compares, measures, quantises."""
        for line in (f"run         {', '.join(self.facts['run'])}", *self.model.notes, *self.differences()):
            LOG.info(line)
        self.tested = self._taken()  # what is wrong with them is told before the export, which may take long
        agreement = self._written()
        # What is known of the file lies beside it before anything else is tried.
        self._note(Exported(self.path, agreement, {}))
        run = self.form.read(self.path)
        int8 = self.quantised(run) if self.config.int8 else None
        done = Exported(self.path, agreement, self._speeds_or_none(run, int8), int8)
        self._note(done)
        return done

    @property
    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """Metadata of the file."""

    @abstractmethod
    def differences(self) -> list[str]:
        """Lines on each thing that the run does and the exported file does not."""

    @abstractmethod
    def graph(self) -> Deployed | DeployedTask:
        """The model as a graph."""

    @abstractmethod
    def noise(self) -> list[NDArray[Any]]:
        """Drawn raw batches (B, C, H, W)."""

    @abstractmethod
    def compare(self, run: ExportedCall, batches: Iterable[NDArray[Any]]) -> Agreed:
        """Compares the file with PyTorch on raw batches."""

    @abstractmethod
    def run_pytorch(self, images: NDArray[Any]) -> object:
        """Computes in PyTorch what the exported file computes."""

    def compared_beside(self, run: ExportedCall) -> Agreed | None:
        """More that is compared on the test images; None: nothing."""
        return None

    def quantised(self, run: ExportedCall) -> Int8 | None:
        """The quantised file beside the file."""
        return None

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels that the file takes."""
        found: np.dtype[Any] = np.dtype(self.facts["dtype"])
        return found

    def _speeds_or_none(self, run: ExportedCall, int8: Int8 | None) -> dict[str, float]:
        """The file is good whatever becomes of its speed."""
        try:
            return self._speeds(run, int8)
        except Exception as error:
            LOG.warning(f"images per second were not measured ({one_line(error)}); the file {self.path} stands")
            return {}

    def _written(self) -> Agreed:
        graph = self.graph()
        refuse_exceptions(graph.networks(), self.config.format)
        with write_if_good(self.path) as part:
            try:
                self.form.write(self.model, graph, part, self.facts)
                agreement = self._compared(self.form.read(part))
            except SegexpError:
                raise
            except Exception as error:  # exporters and runtimes raise nearly anything
                if (refused := resource_error(error, str(self.path), self.path)) is not None:
                    raise refused from error
                first = (str(error).strip() or type(error).__name__).splitlines()[0]
                raise ExportFailed(
                    f"format={self.config.format}: {self.model!r} could not be exported: {first}. Try another format"
                ) from error
        return agreement

    def _compared(self, run: ExportedCall) -> Agreed:
        agreement = self.compare(run, self.noise())
        LOG.info(f"noise       {agreement.words()}")
        if self.tested:
            real = self.compare(run, image_batches(self.tested, self.dtype))
            LOG.info(f"test images {real.words()}")
            agreement = agreement + real
            if (beside := self.compared_beside(run)) is not None:
                agreement = agreement + beside
        if not agreement.agrees:
            raise ExportFailed(
                f"{self.path}: not written, it does not compute what PyTorch does: {agreement.words()}. Try another "
                "format, or format=safetensors"
            )
        return agreement

    def _taken(self) -> list[Item]:
        """Test images, none where they are not there."""
        if self.config.images == 0:
            return []
        try:
            return self.images.taken("test", self.config.images)
        except DataError as error:
            if self.config.int8:
                raise
            first = str(error).splitlines()[0]
            LOG.warning(f"no test images to compare ({first}); say where they are, datamodule.root=<folder>")
            return []

    def _speeds(self, run: ExportedCall, int8: Int8 | None) -> dict[str, float]:
        if not self.config.rounds:
            return {}
        image = image_and_mask(self.tested[0], self.dtype)[0] if self.tested else self.noise()[0]
        ways: dict[str, Callable[[NDArray[Any]], object]] = {"PyTorch": self.run_pytorch, self.config.format: run}
        ways |= {"int8": int8.run} if int8 is not None else {}
        return images_per_second(ways, image, self.config.rounds)

    def _note(self, done: Exported) -> None:
        """All of it beside the file, for whoever finds it later."""
        content = {
            **self.facts, "agreement": done.agreement.facts(), "images_per_second": done.speeds,
            "int8": done.int8.facts() if done.int8 is not None else None,
        }  # fmt: skip
        text = json.dumps(content, indent=2, ensure_ascii=False)
        replace_file(self.path.with_name(f"{self.path.name}.json"), utf8(text))
