"""On what a run was tested: only figures of the same images and the same truth can be compared."""

from collections.abc import Sequence
from dataclasses import dataclass

from segexp.runs import entries
from segexp.runs.contents import RunContents
from segexp.runs.text import printable, shortened

LONGEST = 40
"""Letters of the name of an image or class."""
MOST_NAMES = 6
"""Names that are listed before the others are only counted."""


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


def tell_apart(sets: Sequence[ImageSet]) -> list[str]:
    """Says of different test sets that are described alike in what they differ, by the first that does.

    Args:
        sets: Test sets, no two of them equal.

    Returns:
        Of each in words: its kind of task, the classes or images that the others lack, the order of the classes, or how
        much of each class its truth holds.
    """
    ways = (_kind, _own_classes, _own_images, _order_of_classes, _truth)
    found = ([way(one, [other for other in sets if other is not one]) for one in sets] for way in ways)
    return next((texts for texts in found if len(set(texts)) > 1), [""] * len(sets))


def _kind(one: ImageSet, _: Sequence[ImageSet]) -> str:
    return f"task {printable(one.kind)}"


def _own_classes(one: ImageSet, others: Sequence[ImageSet]) -> str:
    own = [name for name in one.classes if any(name not in other.classes for other in others)]
    lacks_some = any(set(other.classes) - set(one.classes) for other in others)
    return _with("class", "classes", own) or (f"of classes {_listed(one.classes)} alone" if lacks_some else "")


def _own_images(one: ImageSet, others: Sequence[ImageSet]) -> str:
    own = [name for name in one.images if any(name not in other.images for other in others)]
    return _with("image", "images", own)


def _order_of_classes(one: ImageSet, _: Sequence[ImageSet]) -> str:
    return f"classes in the order {_listed(one.classes)}"


def _truth(one: ImageSet, others: Sequence[ImageSet]) -> str:
    """Where class names and images are the same: another drawing, or masks that were changed."""
    if len(one.truth) != len(one.classes):
        return "truth not counted"
    counts = [
        f"{count:,} {_COUNTED.get(one.kind, 'pixels')} of {printable(shortened(name, LONGEST))}"
        for place, (name, count) in enumerate(zip(one.classes, one.truth, strict=True))
        if any(other.truth[place : place + 1] != (count,) for other in others)
    ]
    return "truth: " + ", ".join(counts[:MOST_NAMES])


_COUNTED = {entries.CLASSIFICATION: "images"}
"""What the truth of a kind of task is counted in, where it is not pixels."""


def _with(one: str, several: str, names: Sequence[str]) -> str:
    return f"with {one if len(names) == 1 else several} {_listed(names)}" if names else ""


def _listed(names: Sequence[str]) -> str:
    shown = [printable(shortened(name, LONGEST)) for name in names[:MOST_NAMES]]
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(shown) + more
