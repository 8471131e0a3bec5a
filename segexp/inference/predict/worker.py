"""Predicts one file after the other and reports the result of each; nothing that happens with one ends the work."""

import errno
import time
import traceback
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from tqdm import tqdm

from segexp.errors import SegexpError
from segexp.inference.model import Model
from segexp.inference.predict.identity import FileIdentity, digest_content, foreign_predictions
from segexp.inference.predict.image.memory import check_file_memory
from segexp.inference.predict.image.source import ImageSource
from segexp.inference.predict.inputs import Input
from segexp.inference.predict.output.prediction import FilePrediction
from segexp.inference.predict.output.settings import OutputSettings
from segexp.inference.predict.output_folder import is_complete
from segexp.inference.predict.remote.address import hide_secrets
from segexp.inference.predict.remote.image import ANY
from segexp.inference.predict.remote.watch import RemoteLimits
from segexp.rasters.handles import release_image_memory
from segexp.runs.text import readable
from segexp.system.causes import cause_of, describe_cause

LONG = 4_000_000
"""Pixels of a file from which on its own progress is shown."""


@dataclass(frozen=True)
class FileResult:
    """Result of predicting a file.

    Attributes:
        file: The file.
        state: ``done``, ``skipped``: it was complete, or ``failed``.
        facts: For its row of the summary.
        error: Why it failed.
        trace: Where in the code.
        is_placed: Whether anything says where it lies; None: nobody would expect that.
        pixel_size: Side of its pixels in metres; None: unknown.
    """

    file: Input
    state: Literal["done", "skipped", "failed"]
    facts: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    trace: str = ""
    is_placed: bool | None = None
    pixel_size: float | None = None


class FileWorker:
    """Model with the outputs that are wanted of it; called with a file, it predicts it."""

    def __init__(
        self,
        model: Model,
        outputs: OutputSettings,
        output: Path,
        *,
        timeout: float = 60.0,
        bounds: RemoteLimits = ANY,
        bars: bool | None = False,
    ) -> None:
        """Keeps all.

        Args:
            model: Predicts.
            outputs: What is written.
            output: Folder of the predictions.
            timeout: Seconds without an answer after which a remote file is given up.
            bounds: What a remote file may take in all.
            bars: Progress of large files; None: on a terminal.
        """
        self.model, self.outputs, self.output = model, outputs, output
        self.timeout, self.bounds = timeout, bounds
        self._no_bars = None if bars is None else not bars

    def __call__(self, file: Input, *, overwrite: bool) -> FileResult:
        """Predicts a file.

        Args:
            file: The file.
            overwrite: Also if its predictions are complete.
        """
        try:
            return self._predicted(file, overwrite=overwrite)
        except Exception as error:  # any file must not end the others
            words = _in_words(error, file, self.output)
            return FileResult(file, "failed", error=hide_secrets(words), trace=hide_secrets(traceback.format_exc()))

    def _predicted(self, file: Input, *, overwrite: bool) -> FileResult:
        stem, mark = self.output / file.stem, file.identify(self.timeout)
        if (
            (owner := self._owner(file, stem, mark)) is not None
            and not overwrite
            and self._is_complete(stem, owner, mark)
        ):
            return FileResult(file, "skipped", replace(mark, digest=owner.digest).row())
        start = time.perf_counter()
        with file.opened(self.timeout, self.bounds, self.model.limit) as image:
            check_file_memory(self.model, image, self.outputs)
            source = ImageSource(image, self.model, self.outputs.bands)
            work = FilePrediction(self.model, source, stem, self.outputs)
            pixels = source.height * source.width
            with tqdm(
                total=source.height, desc=file.name, unit="row", disable=True if pixels < LONG else self._no_bars,
                leave=False,
            ) as bar:  # fmt: skip
                work.run(bar.update)
        release_image_memory(pixels)
        facts = self._facts(work, round(time.perf_counter() - start, 2))
        digest = digest_content(Path(file.address)) if file.is_here else ""
        facts |= {"error": "", **replace(mark, digest=digest).row()}
        asked = "polygons" in self.outputs.write or self.outputs.form == "tiff" or source.file.is_tiff
        is_placed = source.is_placed if asked else None
        return FileResult(file, "done", facts, is_placed=is_placed, pixel_size=source.raster.pixel_size)

    def _owner(self, file: Input, stem: Path, mark: FileIdentity) -> FileIdentity | None:
        """The file that the predictions there were made of; None: there are none, or they may be replaced.

        Raises:
            DataError: They were made of another file.
        """
        there = self.outputs.existing_files(self.model.spec, stem)
        if not there or file.owner is None:
            return None
        owner = file.owner
        if owner.source == mark.source:
            return owner
        # The same file may lie elsewhere now, or be mounted under another name.
        if (
            file.is_here
            and owner.size == mark.size
            and owner.digest
            and owner.digest == digest_content(Path(file.address))
        ):
            return replace(owner, changed=mark.changed)
        raise foreign_predictions(owner, str(file), there[0])

    def _is_complete(self, stem: Path, owner: FileIdentity, mark: FileIdentity) -> bool:
        """In either form: settings of this folder are the same."""
        return any(is_complete(outputs, owner, mark) for outputs in self.outputs.file_variants(self.model.spec, stem))

    def _facts(self, work: FilePrediction, seconds: float) -> dict[str, Any]:
        source = work.source
        shares = {
            f"share/{name}": round(int(count) / (source.height * source.width), 6)
            for name, count in zip([*self.model.classes, "no data"], work.pixels, strict=True)
        }
        polygons = {} if work.polygons is None else {"polygons": work.polygons}
        rescale, raster = self.model.rescale, source.raster
        factor = None if rescale is None else rescale.at(raster.pixel_size).factor_for(raster.height, raster.width)
        scale = {} if factor is None else {"scale": round(factor, 6)}
        return {"width": source.width, "height": source.height, **scale, "seconds": seconds, **shares, **polygons}


def _in_words(error: Exception, file: Input, output: Path) -> str:
    if isinstance(error, SegexpError):
        return readable(str(error))
    if isinstance(error, UnicodeEncodeError):
        return "its name is no UTF-8, which the library for this kind of file needs; rename it (convmv can)"
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return "the names of its predictions would be longer than this file system takes; shorten its name"
    cause = cause_of(error, output)
    if cause is None:
        return readable(f"{type(error).__name__}: {error}")
    # Errors of reading a file are SegexpErrors: this one is about what is written.
    return readable(describe_cause(cause, f"{file}: predicting into {output}"))
