"""Predicts one file: bands of logits in, all maps that were asked for out, whole or not at all."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segexp.inference.model import Model
from segexp.inference.predict.image.logit_bands import logit_bands
from segexp.inference.predict.image.source import ImageSource
from segexp.inference.predict.image.stretch import Stretch
from segexp.inference.predict.output.geotiff import TiffSink
from segexp.inference.predict.output.maps import OutputLayer, output_layers, paint_overlay, score_rows
from segexp.inference.predict.output.polygons import write_polygons
from segexp.inference.predict.output.settings import OutputSettings
from segexp.inference.predict.output.sinks import Form, PictureSink, Sink, layer_files, partial_path
from segexp.inference.predict.output.world_file import write_world_file
from segexp.inference.predict.postprocessing.objects import clean_objects, mark_weak
from segexp.inference.predict.postprocessing.spool import Spool
from segexp.rasters import release_pages
from segexp.spec import IGNORED

AT_ONCE = 1 << 20
"""Pixels whose maps are made at a time: each step on the way takes four bytes a pixel and more."""
ROWS = 512
"""Rows that are painted at a time after a post-processing."""


class FilePrediction:
    """One file on its way through the model.

    Attributes:
        pixels: Pixels of each class, then of those without data.
        polygons: Number of polygons written; None: none were asked for.
    """

    def __init__(self, model: Model, source: ImageSource, stem: Path, outputs: OutputSettings) -> None:
        """Nothing is read or written yet; ``stem`` is the path of the outputs without ending."""
        self.model, self.source, self.stem, self.outputs = model, source, stem, outputs
        self.pixels = np.zeros(model.spec.num_classes + 1, np.int64)
        self.polygons: int | None = None
        self._sinks: dict[str, Sink] = {}
        self._stretch: Stretch | None = None
        self._spool: Spool | None = None
        self._painted = 0

    def run(self, done: Callable[[int], None]) -> None:
        """Predicts and writes; after an error nothing is left behind.

        Args:
            done: Told the number of rows, band by band.

        Raises:
            DataError: The file is damaged.
            ConfigError: An object is too large for what is asked.
        """
        with self._written():
            top = 0
            for logits in logit_bands(self.model, self.source.raster):
                for rows in torch.split(logits, max(1, AT_ONCE // self.source.width), dim=2):
                    self._rows(top, rows)
                    top += rows.shape[2]
                release_pages()
                done(logits.shape[2])
            if self._spool is not None:
                self._finish_objects(self._spool)

    @contextlib.contextmanager
    def _written(self) -> Iterator[None]:
        """Opens all outputs; renames them at the end, or removes them after an error."""
        try:
            self._open()
            yield
            for sink in self._sinks.values():
                sink.close()
            outlines = self._polygons() if "polygons" in self.outputs.write else None
        except BaseException:
            for sink in self._sinks.values():
                sink.abandon()
            self.outputs.polygon_file(self.stem, whole=False).unlink(missing_ok=True)
            raise
        finally:
            if self._spool is not None:
                self._spool.close()
        self._write_places()
        if outlines is not None:
            outlines.replace(self.outputs.polygon_file(self.stem))
        for name, sink in self._sinks.items():
            sink.commit() if name in self.outputs.write else sink.abandon()

    def _write_places(self) -> None:
        """Pictures have their place beside them; GeoTIFFs have it inside."""
        transform = self.source.transform
        if transform is None:
            return
        pictures = [s for name, s in self._sinks.items() if isinstance(s, PictureSink) and name in self.outputs.write]
        for target in [target for sink in pictures for target in sink.targets]:
            write_world_file(target, transform, self.source.wkt)

    def _open(self) -> None:
        form = self.outputs.form_for(self.source.file)
        # Polygons are made of the mask.
        wanted = {*self.outputs.write, "mask"} if "polygons" in self.outputs.write else self.outputs.write
        for layer in output_layers(self.model.spec, list(wanted), self.outputs.depth):
            self._sinks[layer.name] = self._sink(layer, form)
        if "overlay" in self._sinks:
            self._stretch = Stretch(self.source)

    def _sink(self, layer: OutputLayer, form: Form) -> Sink:
        targets = layer_files(layer, self.stem, form)
        if form == "png":
            return PictureSink(layer, targets, self.source.height, self.source.width)
        classes = {f"class_{number}": name for number, name in enumerate(self.model.classes)}
        return TiffSink(layer, targets, self.source, classes if layer.name == "mask" else {})

    def _rows(self, top: int, logits: Tensor) -> None:
        """Writes what speaks of single pixels; of objects nothing can be said before all rows are there."""
        module, count = self.model.module, logits.shape[2]
        probabilities = module.probabilities(logits)[0]
        missing = self.source.missing(top, count)
        for name in ("probability", "uncertainty"):
            if name in self._sinks:
                self._sinks[name].write(score_rows(self._sinks[name].layer, probabilities, missing))
        classes = module.classify(logits, module.threshold)[0].cpu().numpy()
        if missing is not None:
            classes[missing] = IGNORED
        if self.outputs.postprocess.is_on:
            self._keep(classes, probabilities[0])
        else:
            self._paint(classes)

    def _keep(self, classes: NDArray[np.uint8], probability: Tensor) -> None:
        hysteresis = self.outputs.postprocess.hysteresis
        if hysteresis is not None:
            classes = mark_weak(classes, probability.cpu().numpy(), hysteresis)
        if self._spool is None:
            self._spool = Spool(self.source.width, self.stem.parent)
        self._spool.append(classes)

    def _paint(self, classes: NDArray[np.uint8]) -> None:
        """Writes the next rows of the mask, and of the image with the mask over it."""
        counts = np.bincount(classes.ravel(), minlength=IGNORED + 1)
        self.pixels += np.append(counts[: len(self.pixels) - 1], counts[IGNORED])
        if "mask" in self._sinks:
            self._sinks["mask"].write(classes[None])
        if self._stretch is not None:
            shown = self._stretch(self.source.rows(self._painted, len(classes)))
            self._sinks["overlay"].write(paint_overlay(shown, classes, self.model.spec))
        self._painted += len(classes)

    def _finish_objects(self, spool: Spool) -> None:
        clean_objects(spool, self.outputs.postprocess, self.model.spec.num_classes)
        for _, band in spool.bands():
            for rows in np.array_split(band, range(ROWS, len(band), ROWS)):
                self._paint(rows)

    def _polygons(self) -> Path:
        """Outlines of the mask that was just written, still under its partial name, as they are."""
        target = self.outputs.polygon_file(self.stem, whole=False)
        mask = partial_path(self._sinks["mask"].targets[0])
        # A picture that is not finished has nothing beside it yet.
        ground = self.source.ground if isinstance(self._sinks["mask"], PictureSink) else None
        self.polygons = write_polygons(
            mask, target, self.model.classes, self.outputs.polygons, self.outputs.simplify, ground
        )
        return target
