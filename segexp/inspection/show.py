"""What ``python -m segexp models`` answers."""

from collections.abc import Sequence

from segexp.config.model_options import ModelOption
from segexp.errors import ConfigError
from segexp.inspection.rows import Setting, measured, measured_or_why
from segexp.inspection.table import as_json, as_text


def show(options: Sequence[ModelOption], size: int | list[int], in_channels: int, classes: int, form: str) -> str:
    """The table of models.

    Args:
        options: Models; of several, one that fails says why in its row, a single one raises.
        size: Side of the image, or [height, width].
        in_channels: Channels of the image.
        classes: Two need one logit, as in :class:`~segexp.spec.DataSpec`.
        form: ``table`` or ``json``.

    Raises:
        ConfigError: The size is no side and no pair; the only model refuses a value.
        InputSizeError: The size is too small for the only model.
    """
    sides = [size, size] if isinstance(size, int) else size
    if len(sides) != 2:
        raise ConfigError(f"size: found {size}, expected a side or [height,width]")
    setting = Setting(sides[0], sides[1], in_channels, 1 if classes == 2 else classes)
    measure = measured if len(options) == 1 else measured_or_why
    rows = [measure(each.name, each.meaning, each.changed, each.section, setting) for each in options]
    return (as_json if form == "json" else as_text)(rows, setting)
