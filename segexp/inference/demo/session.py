"""Actions of the page, whatever draws it: take a file, move the threshold, forget."""

import traceback
from dataclasses import dataclass, replace
from pathlib import Path

from segexp.errors import SegexpError
from segexp.inference.demo.answer import Answer, hide_folder, predict_answer
from segexp.inference.demo.answer_cache import AnswerCache
from segexp.inference.demo.files import Downloads
from segexp.inference.demo.view import View, error_html, facts_html, legend_html, overlay_and_mask, probability_maps
from segexp.inference.model import Model
from segexp.runs.console import LOG

MEGABYTE = 1_000_000
GONE = "This result is no longer kept. Give the image again."


@dataclass(frozen=True)
class DemoSession:
    """State of the page that all visitors share: the model, their answers and their files.

    Attributes:
        model: The model.
        cache: Their latest answers.
        downloads: Their files.
        max_megabytes: Largest file.
        max_pixels: Largest image.
        debug: Whether the trace of an error is shown on the terminal.
    """

    model: Model
    cache: AnswerCache
    downloads: Downloads
    max_megabytes: float
    max_pixels: int
    debug: bool = False

    def take(self, path: Path, before: str | None = None) -> View:
        """Predicts an uploaded file; ``before`` is the key of the answer that it takes the place of.

        Whatever the file is, a view comes back: a page has no use for an exception.
        """
        self.cache.drop(before)
        try:
            self._check_bytes(path)
            return self._first(predict_answer(self.model, path, self.max_pixels))
        except SegexpError as problem:
            return View(message=error_html(hide_folder(problem, path)))
        except Exception as problem:  # a stranger's file may break anything, and the next one must be served
            LOG.error(traceback.format_exc() if self.debug else f"{path.name}: {type(problem).__name__}: {problem}")
            text = f"{path.name}: could not be predicted ({type(problem).__name__}: {hide_folder(problem, path)})"
            return View(message=error_html(text))

    def move(self, key: str | None, threshold: float) -> View:
        """Shows an answer that is kept at another threshold; the network does not run."""
        found = self.cache.get(key)
        return View(message=error_html(GONE)) if found is None or key is None else self._masked(key, found, threshold)

    def _first(self, found: Answer) -> View:
        key = self.cache.add(found)
        view = self._masked(key, found, self.model.threshold)
        LOG.info(f"{found.name}: {found.facts}, {sum(found.seconds.values()):.2f} s")
        return replace(
            view,
            probabilities=probability_maps(found, self.model),
            facts=facts_html(found, self.model),
            probability_file=self.downloads.probabilities(self.model, key, found),
        )

    def _masked(self, key: str, found: Answer, threshold: float | None) -> View:
        classes = found.classes(self.model, threshold)
        overlay, mask = overlay_and_mask(found, classes, self.model)
        return View(
            key=key,
            overlay=overlay,
            mask=mask,
            legend=legend_html(classes, self.model),
            mask_file=self.downloads.mask(self.model, key, found, classes),
            threshold=threshold,
        )

    def _check_bytes(self, path: Path) -> None:
        # The server refuses larger uploads by itself; this is for files that come another way.
        megabytes = path.stat().st_size / MEGABYTE
        if megabytes > self.max_megabytes:
            raise SegexpError(
                f"{path}: {megabytes:.1f} MB; this page takes up to {self.max_megabytes:g} MB (max_megabytes)"
            )
