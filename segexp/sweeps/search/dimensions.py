"""What a search may choose a key's value from."""

import math
from dataclasses import dataclass

Value = float | int | str


@dataclass(frozen=True)
class Numbers:
    """Numbers from ``low`` to ``high``, both included.

    Attributes:
        low: Smallest.
        high: Largest.
        log: Whether each order of magnitude is as likely as the next.
        step: Distance of two values; None: any value in between.
        whole: Whether only whole numbers count.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None
    whole: bool = False

    @property
    def ends(self) -> tuple[Value, ...]:
        """Both ends, of the type that the values have."""
        return (int(self.low), int(self.high)) if self.whole else (float(self.low), float(self.high))

    def __str__(self) -> str:
        kind = ("int_log" if self.log else "int") if self.whole else ("log" if self.log else "interval")
        stepped = f" in steps of {self.step:g}" if self.step not in (None, 1) else ""
        return f"{kind}({self.low:g},{self.high:g}){stepped}"

    def text(self, value: Value) -> str:
        """A value as it stands in an override: every digit, so that the run has what the study has."""
        return str(int(value)) if self.whole else repr(float(value))

    def label(self, value: Value) -> str:
        """A value for the eye: four digits."""
        return str(int(value)) if self.whole else f"{float(value):.4g}"


@dataclass(frozen=True)
class Options:
    """Values without an order: options of a group, or texts as they stand in an override."""

    values: tuple[str, ...]

    @property
    def ends(self) -> tuple[Value, ...]:
        """All of them."""
        return self.values

    def __str__(self) -> str:
        return ",".join(self.values)

    def text(self, value: Value) -> str:
        """A value as it stands in an override."""
        return str(value)

    label = text


Dimension = Numbers | Options


def steps(start: float, stop: float, step: float) -> Numbers | None:
    """Numbers from ``start`` in steps, ``stop`` left out, as Hydra has them; None: fewer than two."""
    count = math.ceil((stop - start) / step - 1e-9) if step > 0 else 0
    if count < 2:
        return None
    whole = all(isinstance(value, int) for value in (start, stop, step))
    return Numbers(start, start + (count - 1) * step, step=step, whole=whole)
