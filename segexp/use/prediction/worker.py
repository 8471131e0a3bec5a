"""Predicts one file after the other and says what became of each; nothing that happens with one ends the work."""

import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tqdm import tqdm

from segexp.errors import SegexpError
from segexp.training.memory import give_all_back
from segexp.use.model import Model
from segexp.use.prediction.file import FilePrediction, Wanted
from segexp.use.prediction.inputs import Input
from segexp.use.prediction.outputs import is_complete
from segexp.use.prediction.source import ImageSource

LONG = 4_000_000
"""Pixels of a file from which on its own progress is shown."""


@dataclass(frozen=True)
class Outcome:
    """What became of a file.

    Attributes:
        file: The file.
        state: ``done``, ``skipped``: it was complete, or ``failed``.
        facts: For its row of the summary.
        error: Why it failed.
        trace: Where in the code.
    """

    file: Input
    state: Literal["done", "skipped", "failed"]
    facts: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    trace: str = ""


class FileWorker:
    """A model, and what is wanted of it."""

    def __init__(self, model: Model, wanted: Wanted, output: Path, *, bars: bool | None = False) -> None:
        """Keeps all.

        Args:
            model: Predicts.
            wanted: What is written.
            output: Folder of the predictions.
            bars: Progress of large files; None: on a terminal.
        """
        self.model, self.wanted, self.output = model, wanted, output
        self._no_bars = None if bars is None else not bars

    def __call__(self, file: Input, *, anew: bool) -> Outcome:
        """Predicts a file.

        Args:
            file: The file.
            anew: Also if its predictions are complete.
        """
        try:
            return self._predicted(file, anew=anew)
        except Exception as error:  # any file must not end the others
            words = str(error) if isinstance(error, SegexpError) else f"{type(error).__name__}: {error}"
            return Outcome(file, "failed", error=words, trace=traceback.format_exc())

    def _predicted(self, file: Input, *, anew: bool) -> Outcome:
        stem = self.output / file.stem
        form = self.wanted.form_for(file.path)
        if not anew and is_complete(file, self.wanted.files(self.model.spec, stem, form)):
            return Outcome(file, "skipped")
        start = time.perf_counter()
        source = ImageSource(file.path, self.model, self.wanted.bands)
        work = FilePrediction(self.model, source, stem, self.wanted)
        pixels = source.height * source.width
        with tqdm(
            total=source.height, desc=file.path.name, unit="row", disable=True if pixels < LONG else self._no_bars,
            leave=False,
        ) as bar:  # fmt: skip
            work.run(bar.update)
        give_all_back(pixels)
        return Outcome(file, "done", self._facts(work, round(time.perf_counter() - start, 2)))

    def _facts(self, work: FilePrediction, seconds: float) -> dict[str, Any]:
        source = work.source
        shares = {
            f"share/{name}": round(int(count) / (source.height * source.width), 6)
            for name, count in zip([*self.model.classes, "no data"], work.pixels, strict=True)
        }
        polygons = {} if work.polygons is None else {"polygons": work.polygons}
        return {"width": source.width, "height": source.height, "seconds": seconds, **shares, **polygons}
