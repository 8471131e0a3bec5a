"""Says when images are much larger or smaller than those that a model was trained on, and what to try."""

from collections.abc import Sequence
from statistics import median

from segexp.config.overrides.quoting import command_line, hydra_override
from segexp.data.checks.object_sizes import measure_sizes
from segexp.data.items.item import Item
from segexp.spec import DataSpec
from segexp.trained_sizes import spread
from segexp.windows.rescale import FAR, proposed_factor


def unlike_factor(spec: DataSpec, side: float, pixel_size: float | None) -> float | None:
    """The factor to try for images of this size; None: they are like those trained on, or nothing is known of these.

    Args:
        spec: Of the model.
        side: Longer side of the images in pixels.
        pixel_size: Side of a pixel on the ground in metres; None: unknown.
    """
    return None if spec.sizes is None else proposed_factor(spec.sizes, side, spec.pixel_size, pixel_size)


def describe_unlike(what: str, side: float, pixel_size: float | None, spec: DataSpec, again: str) -> str:
    """A line that names both sizes and ends with a command to try.

    Args:
        what: The images, as ``40 of 40 images have``.
        side: Their longer side in pixels.
        pixel_size: Side of their pixels in metres; None: unknown.
        spec: Of the model, with sizes.
        again: The command.
    """
    if spec.pixel_size is not None and pixel_size is not None:
        sizes = f"pixels of {pixel_size:.3g} m, the training images of {spec.pixel_size:.3g} m"
    else:
        trained = spec.sizes.side if spec.sizes is not None else ()
        sizes = f"a longer side of {side:g} pixels, the training images of {spread(trained)}"
    return (
        f"{what} {sizes}: where objects are larger or smaller too, the model does not know them. To see the images at "
        f"the size of those: {again}"
    )


def unlike_items(items: Sequence[Item], spec: DataSpec, pixel_size: float | None, again: Sequence[str]) -> str | None:
    """A warning where at least half of the images are much larger or smaller than those trained on; None: they are not.

    Larger images of objects as large as in training (whole tiles, of a model that was trained on parts of them) are no
    cause: masks are looked at for that, and for nothing else.

    Args:
        items: To be tested.
        spec: Of the model.
        pixel_size: Side of their pixels in metres; None: unknown.
        again: Words of the command that tests them.
    """
    sides = [max(item.shape) for item in items]
    unlike = [side for side in sides if unlike_factor(spec, side, pixel_size) is not None]
    if 2 * len(unlike) < len(items):
        return None
    side = median(unlike)
    factor = unlike_factor(spec, side, pixel_size)
    if factor is None or (pixel_size is None and _same_objects(items, spec)):
        return None
    line = command_line([*_without_scale(again), hydra_override("scale", factor)])
    return describe_unlike(f"{len(unlike)} of {len(items)} images have", side, pixel_size, spec, line)


def _same_objects(items: Sequence[Item], spec: DataSpec) -> bool:
    """Whether objects of every class that both show are about as large as in training; False where nothing is known."""
    trained = {each.name: each for each in spec.sizes.objects} if spec.sizes is not None else {}
    found = {each.name: each for each in measure_sizes(items, spec.classes).objects} if trained else {}
    ratios = [
        found[name].width / each.width if each.is_thin else found[name].side / each.side
        for name, each in trained.items()
        if name in found
    ]
    return bool(ratios) and all(1 / FAR < ratio < FAR for ratio in ratios)


def _without_scale(words: Sequence[str]) -> list[str]:
    return [word for word in words if not word.startswith("scale=")]


def predict_again(words: Sequence[str], output: str, factor: float) -> str:
    """The command that predicts into another folder at another scale.

    Args:
        words: Of the command that was given.
        output: Its folder.
        factor: The scale.
    """
    kept = [word for word in _without_scale(words) if not word.startswith(("output=", "overwrite="))]
    new = [hydra_override("output", f"{output.rstrip('/')}_scale{factor:g}"), hydra_override("scale", factor)]
    return command_line([*kept, *new])


class SizeAdvice:
    """Warns once, of the first predicted file that is much larger or smaller than the training images; counts all."""

    def __init__(self, spec: DataSpec, command: Sequence[str], output: str) -> None:
        """Keeps what a warning needs.

        Args:
            spec: Of the model.
            command: Words of the command that predicts.
            output: Its folder.
        """
        self.spec, self.command, self.output = spec, command, output
        self.unlike = 0
        self.files = 0

    def look(self, name: str, side: int, pixel_size: float | None) -> str | None:
        """Looks at a file.

        Args:
            name: Of the file.
            side: Its longer side in pixels.
            pixel_size: Side of its pixels in metres; None: unknown.

        Returns:
            The warning, of the first file that is unlike the training images; None else.
        """
        factor = unlike_factor(self.spec, side, pixel_size)
        self.files += 1
        if factor is None:
            return None
        self.unlike += 1
        again = predict_again(self.command, self.output, factor)
        return describe_unlike(f"{name} has", side, pixel_size, self.spec, again) if self.unlike == 1 else None

    def summary(self) -> str | None:
        """Says how many files are unlike the training images; None: at most the one that was warned of."""
        if self.unlike < 2:
            return None
        return f"{self.unlike} of {self.files} files are much larger or smaller than the training images: see above"
