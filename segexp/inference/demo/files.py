"""Files that a visitor can download: as ``predict`` writes them."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segexp.inference.demo.answer import Answer
from segexp.inference.model import Model
from segexp.inference.predict.output.maps import output_layers, score_rows
from segexp.inference.predict.output.sinks import PictureSink, layer_files


class Downloads:
    """Makes files below a folder, those of each answer in a folder of its own: names may be equal.

    The page serves copies that gradio makes, so that a file may go as soon as the next one is made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mask(self, model: Model, key: str, answer: Answer, classes: NDArray[np.uint8]) -> Path:
        """Writes ``<name>_mask.png``: class numbers with the palette of the classes."""
        return self._write(model, key, answer, "mask", classes[None])

    def probabilities(self, model: Model, key: str, answer: Answer) -> Path:
        """Writes ``<name>_probability.tif``: float32, the second of two classes, else a band for each; nan: no data."""
        layer = output_layers(model.spec, ["probability"], "float32")[0]
        rows = score_rows(layer, answer.probabilities(model), answer.missing)
        return self._write(model, key, answer, "probability", rows)

    def remove(self, key: str) -> None:
        """Removes the files of an answer."""
        shutil.rmtree(self.folder / key, ignore_errors=True)

    def _write(self, model: Model, key: str, answer: Answer, name: str, rows: NDArray[Any]) -> Path:
        layer = output_layers(model.spec, [name], "float32")[0]
        targets = layer_files(layer, self.folder / key / re.sub(r"[^\w.-]+", "_", Path(answer.name).stem), "png")
        sink = PictureSink(layer, targets, *rows.shape[1:])
        sink.write(rows)
        sink.close()
        sink.commit()
        return targets[0]
