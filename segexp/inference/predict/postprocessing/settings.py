"""Settings of the postprocessing: hysteresis, holes filled, specks removed, touching objects parted."""

from dataclasses import dataclass

from segexp.errors import ConfigError
from segexp.spec import DataSpec


@dataclass(frozen=True)
class Postprocess:
    """The ``postprocess`` section; what is None or 0 is not done. The steps are taken in this order.

    Attributes:
        hysteresis: Two classes: pixels of at least this probability count too where they touch, by others like
            them, one that reaches the threshold.
        fill_holes: Largest hole in pixels, wholly inside an object, that becomes part of it.
        min_size: Smallest object in pixels that stays; others become the first class.
        split: Touching objects are parted by a line of the first class, by watersheds of the distance to their border;
            the number is the least distance of two centres in pixels.
    """

    hysteresis: float | None = None
    fill_holes: int = 0
    min_size: int = 0
    split: int | None = None

    @property
    def is_on(self) -> bool:
        """True if any step is taken."""
        return bool(self.fill_holes or self.min_size or self.split) or self.hysteresis is not None

    def check(self, spec: DataSpec, threshold: float | None) -> None:
        """Compares the settings with the model.

        Raises:
            ConfigError: Hysteresis for more than two classes, or above the threshold.
        """
        if self.hysteresis is None:
            return
        if threshold is None:
            raise ConfigError(f"postprocess.hysteresis: is for two classes, the model has {spec.num_classes}")
        if self.hysteresis >= threshold:
            raise ConfigError(
                f"postprocess.hysteresis: found {self.hysteresis:g}, must be below the threshold, {threshold:.3f}"
            )
