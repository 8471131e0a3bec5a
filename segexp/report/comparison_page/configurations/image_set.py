"""On what a run was tested: only figures of the same images and the same truth can be compared."""

from collections.abc import Sequence
from dataclasses import dataclass

from segexp.runs import entries
from segexp.runs.contents import RunContents
from segexp.runs.text import printable, shortened

LONGEST = 40
"""Letters of an image's name."""


@dataclass(frozen=True)
class ImageSet:
    """The fingerprint of test images.

    Attributes:
        classes: Names of the classes.
        images: Names of the images, sorted.
        truth: Counted pixels of each true class; empty where results.json does not tell. Names alone do not tell two
            data sets apart whose images are numbered.
        where: Which pixels count, in words.
        kind: Of the task: what counts of an image.
    """

    classes: tuple[str, ...]
    images: tuple[str, ...]
    truth: tuple[int, ...]
    where: str
    kind: str = entries.SEGMENTATION

    def describe(self, most: int = 4) -> str:
        """For example ``4 images (01, 02, 03, 04), inside the field of view``."""
        names = [printable(shortened(name, LONGEST)) for name in self.images[:most]]
        shown = ", ".join(names) + (", …" if len(self.images) > most else "")
        amount = "1 image" if len(self.images) == 1 else f"{len(self.images)} images"
        return f"{amount} ({shown}), {self.where}" if self.where else f"{amount} ({shown})"


def image_set(run: RunContents) -> ImageSet:
    """The fingerprint of one run."""
    names = {row.get("image", "") for row in run.images}
    counts = run.results.get("confusion")
    truth = [sum(row) for row in counts] if isinstance(counts, list) else []
    where = entries.to_text(entries.get_in(run.results, "task", "where"))
    return ImageSet(
        tuple(entries.classes_of(run.results)),
        tuple(sorted(names)),
        tuple(truth),
        where,
        entries.task_kind(run.results),
    )


def pooled(parts: Sequence[ImageSet]) -> ImageSet:
    """The test set of all folds of a cross-validation together."""
    names = sorted({name for part in parts for name in part.images})
    counts = [part.truth for part in parts if part.truth]
    truth = tuple(map(sum, zip(*counts, strict=True))) if len(counts) == len(parts) else ()
    return ImageSet(parts[0].classes, tuple(names), truth, parts[0].where, parts[0].kind)
