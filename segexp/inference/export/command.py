"""``export``: writes a file, and calls it done only when it computes what PyTorch does."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from segexp.config.command_schema import ExportConfig
from segexp.data.items.item import Item
from segexp.errors import ConfigError, DataError, SegexpError, one_line
from segexp.inference.export.agreement import Agreement, ExportFailed, compare_with_pytorch, noise_batches, run_pytorch
from segexp.inference.export.facts import describe_differences, export_facts
from segexp.inference.export.format import Run, require_packages
from segexp.inference.export.formats import FORMATS
from segexp.inference.export.graph import Deployed, refuse_exceptions
from segexp.inference.export.images import RunImages, image_and_mask, image_batches
from segexp.inference.export.int8 import Int8, write_int8_file
from segexp.inference.export.output_file import format_megabytes, output_path, write_if_good
from segexp.inference.export.rescaled_run import RescaledRun
from segexp.inference.export.speed import images_per_second
from segexp.inference.load import load
from segexp.report.table import Table
from segexp.runs.console import LOG, start_console
from segexp.runs.files import replace_file
from segexp.runs.text import utf8
from segexp.system.causes import resource_error
from segexp.windows.rescale import Rescale, read_scale


def export(config: ExportConfig, data: Mapping[str, Any] | None) -> str:
    """Exports one model.

    Args:
        config: Checked and resolved, see conf/export.yaml.
        data: Section ``datamodule``: a whole one, keys that differ from the run's, or None.

    Returns:
        The table for the terminal.

    Raises:
        UserError: Run, settings or packages are at fault, or the model cannot be exported.
        ExportFailed: The file did not agree with PyTorch; it is deleted.
    """
    start_console()
    require_packages(config.format, *FORMATS[config.format].packages)
    if config.int8 and config.format != "onnx":
        raise ConfigError(f"int8: needs format=onnx, found format={config.format}")
    if config.int8 and config.images == 0:
        raise ConfigError("int8: its loss is measured on test images, found images=0; use at least 1, or null for all")
    return Export(config, data).run().as_text()


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
    agreement: Agreement
    speeds: dict[str, float]
    int8: Int8 | None = None

    def as_text(self) -> str:
        """Formats a table of the file, and one of the quantised file."""
        cells = (str(self.path), format_megabytes(self.path), f"{self.agreement.largest:.1e}")
        speeds = tuple((f"{name}, images/s", f"{value:.1f}") for name, value in self.speeds.items())
        header = ("file", "size", "largest difference", *(name for name, _ in speeds))
        table = Table("export", header, ((*cells, *(value for _, value in speeds)),)).as_text()
        return "\n\n".join(["", table, *([self.int8.as_text()] if self.int8 is not None else [])])


class Export:
    """One call of the command."""

    def __init__(self, config: ExportConfig, data: Mapping[str, Any] | None) -> None:
        self.config, self.form = config, FORMATS[config.format]
        self.model = load(
            config.run, config.checkpoint, tta="none", threshold=config.threshold, device="cpu",
            inference={"window": None},
        )  # fmt: skip
        self.rescale = read_scale(config.scale, self.model.spec.sizes, self.model.spec.pixel_size)
        self.path = output_path(self.model, config.output, config.checkpoint, self.form.suffix)
        self.images = RunImages(self.model, data)
        self.facts = export_facts(self.model, self.rescale)
        self.dtype = np.dtype(self.facts["dtype"])

    def run(self) -> Exported:
        """Writes, compares, measures, quantises."""
        for line in (
            f"run         {', '.join(self.facts['run'])}",
            *self.model.notes,
            *describe_differences(self.model),
        ):
            LOG.info(line)
        self.tested = self._taken()  # what is wrong with them is told before the export, which may take long
        agreement = self._written()
        # What is known of the file lies beside it before anything else is tried.
        self._note(Exported(self.path, agreement, {}))
        run = self.form.read(self.path)
        int8 = self._quantised(run) if self.config.int8 else None
        done = Exported(self.path, agreement, self._speeds_or_none(run, int8), int8)
        self._note(done)
        return done

    def _quantised(self, run: Run) -> Int8:
        training = self.images.taken("train", self.config.calibration)
        return write_int8_file(self.path, run, training, self.tested, self.dtype, self.model.classes)

    def _speeds_or_none(self, run: Run, int8: Int8 | None) -> dict[str, float]:
        """The file is good whatever becomes of its speed."""
        try:
            return self._speeds(run, int8)
        except Exception as error:
            LOG.warning(f"images per second were not measured ({one_line(error)}); the file {self.path} stands")
            return {}

    def _written(self) -> Agreement:
        graph = Deployed(self.model.module)
        refuse_exceptions(graph, self.config.format)
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

    def _compared(self, run: Run) -> Agreement:
        agreement = compare_with_pytorch(self.model, run, noise_batches(self.model.spec, self.dtype))
        LOG.info(f"noise       {agreement.words()}")
        if self.tested:
            real = compare_with_pytorch(self.model, run, image_batches(self.tested, self.dtype))
            LOG.info(f"test images {real.words()}")
            agreement = agreement + real
            if self.rescale is not None:
                agreement = agreement + self._compared_at_scale(self.rescale, run)
        if not agreement.agrees:
            raise ExportFailed(
                f"{self.path}: not written, it does not compute what PyTorch does: {agreement.words()}. Try another "
                "format, or format=safetensors"
            )
        return agreement

    def _compared_at_scale(self, rescale: Rescale, run: Run) -> Agreement:
        """The file as it is run at the scale that it tells, and PyTorch at that scale."""
        model = self.model.at_scale(rescale)
        batches = image_batches(self.tested, self.dtype)
        found = compare_with_pytorch(model, RescaledRun(run, self.facts), batches)
        LOG.info(f"scale={rescale.asked}   {found.words()}")
        return found

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

    def _speeds(self, run: Run, int8: Int8 | None) -> dict[str, float]:
        if not self.config.rounds:
            return {}
        image = (
            image_and_mask(self.tested[0], self.dtype)[0]
            if self.tested
            else noise_batches(self.model.spec, self.dtype)[0]
        )
        ways = {"PyTorch": lambda batch: run_pytorch(self.model, batch), self.config.format: run}
        ways |= {"int8": int8.run} if int8 is not None else {}
        return images_per_second(ways, image, self.config.rounds)

    def _note(self, done: Exported) -> None:
        """All of it beside the file, for whoever finds it later."""
        content = {
            **self.facts, "agreement": asdict(done.agreement), "images_per_second": done.speeds,
            "int8": done.int8.facts() if done.int8 is not None else None,
        }  # fmt: skip
        text = json.dumps(content, indent=2, ensure_ascii=False)
        replace_file(self.path.with_name(f"{self.path.name}.json"), utf8(text))
