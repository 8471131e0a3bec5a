"""Predicts one file after the other and says what became of each; nothing that happens with one ends the work."""

import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from tqdm import tqdm

from segexp.errors import SegexpError
from segexp.training.memory import give_all_back
from segexp.use.model import Model
from segexp.use.prediction.file import FilePrediction, Wanted
from segexp.use.prediction.inputs import Input
from segexp.use.prediction.outputs import is_complete
from segexp.use.prediction.remote.address import hidden
from segexp.use.prediction.sinks import Form
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
        is_placed: Whether anything says where it lies; None: nobody would expect that.
    """

    file: Input
    state: Literal["done", "skipped", "failed"]
    facts: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    trace: str = ""
    is_placed: bool | None = None


class FileWorker:
    """A model, and what is wanted of it."""

    def __init__(
        self, model: Model, wanted: Wanted, output: Path, *, timeout: float = 60.0, bars: bool | None = False
    ) -> None:
        """Keeps all.

        Args:
            model: Predicts.
            wanted: What is written.
            output: Folder of the predictions.
            timeout: Seconds without an answer after which a remote file is given up.
            bars: Progress of large files; None: on a terminal.
        """
        self.model, self.wanted, self.output = model, wanted, output
        self.timeout = timeout
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
            return Outcome(file, "failed", error=hidden(words), trace=hidden(traceback.format_exc()))

    def _predicted(self, file: Input, *, anew: bool) -> Outcome:
        stem = self.output / file.stem
        if not anew and self._is_complete(file, stem):
            return Outcome(file, "skipped")
        start = time.perf_counter()
        with file.opened(self.timeout) as image:
            source = ImageSource(image, self.model, self.wanted.bands)
            work = FilePrediction(self.model, source, stem, self.wanted)
            pixels = source.height * source.width
            with tqdm(
                total=source.height, desc=file.name, unit="row", disable=True if pixels < LONG else self._no_bars,
                leave=False,
            ) as bar:  # fmt: skip
                work.run(bar.update)
        give_all_back(pixels)
        facts = self._facts(work, round(time.perf_counter() - start, 2))
        asked = "polygons" in self.wanted.write or self.wanted.form == "tiff" or source.file.is_tiff
        return Outcome(file, "done", facts, is_placed=source.is_placed if asked else None)

    def _is_complete(self, file: Input, stem: Path) -> bool:
        """In either form: which one it is stands in the header, and settings of this folder are the same."""
        forms = [self.wanted.files(self.model.spec, stem, form) for form in get_args(Form)]
        return any(is_complete(outputs, lambda: file.changed(self.timeout)) for outputs in forms)

    def _facts(self, work: FilePrediction, seconds: float) -> dict[str, Any]:
        source = work.source
        shares = {
            f"share/{name}": round(int(count) / (source.height * source.width), 6)
            for name, count in zip([*self.model.classes, "no data"], work.pixels, strict=True)
        }
        polygons = {} if work.polygons is None else {"polygons": work.polygons}
        return {"width": source.width, "height": source.height, "seconds": seconds, **shares, **polygons}
