"""Which weights of a file fit a network, by name and shape, whatever stands in front of the names."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from segexp.models.weight_files import State

REMOVED = ("", "module.", "model.", "module.model.", *(
    f"{outer}{inner}" for inner in ("encoder.", "backbone.") for outer in ("", "module.", "model.", "module.model.")
))  # fmt: skip
"""What may stand in front of a name in a file: of ``DataParallel``, of a LightningModule, of the part of a network."""
ADDED = ("", "encoder.", "backbone.", "model.", "model.encoder.", "model.backbone.")
"""What may stand in front of it in a network of ours."""
COUNTER = "num_batches_tracked"
"""Ends the name of a counter in batch norms: old files lack it, and nothing depends on it."""
NAMED = 3
"""Names that are told of many."""


@dataclass(frozen=True)
class Fit:
    """The weights of a file that fit a network; counters of batch norms are loaded but not named.

    Attributes:
        weights: What can be loaded, by the network's names, in its shapes.
        missing: Names of the network that the file lacks.
        unexpected: Names of the file, as they stand there, that the network lacks.
        other_shape: Shape in the file and in the network, by the network's names.
        adapted: Name of a first convolution whose weights were made ones for other channels; None: none was.
        removed: What was taken off the front of the file's names.
        added: What was put there instead.
    """

    weights: State
    missing: Sequence[str]
    unexpected: Sequence[str]
    other_shape: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]
    adapted: str | None = None
    removed: str = ""
    added: str = ""

    @property
    def loaded(self) -> list[str]:
        """Names of the network that fit."""
        return [name for name in self.weights if not name.endswith(COUNTER)]

    @property
    def values(self) -> int:
        """Numbers that fit."""
        return sum(self.weights[name].numel() for name in self.loaded)

    @property
    def total(self) -> int:
        """Names of the network in all."""
        return len(self.loaded) + len(self.missing) + len(self.other_shape)

    def described(self) -> str:
        """Says how much fits, and what does not, each counted and the first named."""
        renamed = f", {self.removed or 'nothing'!r} at their front replaced by {self.added!r}"
        parts = [f"{len(self.loaded)} of {self.total} weights fit{renamed if self.removed or self.added else ''}"]
        shapes = [f"{name} {list(there)} for {list(here)}" for name, (there, here) in self.other_shape.items()]
        for what, names in (("of another shape", shapes), ("missing", self.missing), ("unexpected", self.unexpected)):
            if names:
                parts.append(f"{len(names)} {what}: {few(names)}")
        if self.adapted is not None:
            parts.append(f"{self.adapted} made one for other channels")
        return "; ".join(parts)


def fit_weights(model: nn.Module, state: State, *, adapt: bool = False) -> Fit:
    """Finds what of a state dict fits a network; loads nothing.

    Of the ways to read the names (see :data:`REMOVED` and :data:`ADDED`) the one that fits most numbers is taken, the
    first of equals.

    Args:
        model: The network.
        state: Of a file.
        adapt: Whether a first convolution for other channels is made one for these, see :func:`adapt_channels`.
    """
    wanted = model.state_dict()
    return max((_fit(wanted, state, *way, adapt=adapt) for way in _ways(wanted, state)), key=lambda fit: fit.values)


def _ways(wanted: Iterable[str], state: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Fronts that occur in the file, with those that occur in the network."""
    fronts = [front for front in REMOVED if any(name.startswith(front) for name in state)] or [""]
    for front in fronts:
        yield from ((front, other) for other in ADDED if other == "" or any(name.startswith(other) for name in wanted))


def _fit(wanted: State, state: State, removed: str, added: str, *, adapt: bool) -> Fit:
    named = {f"{added}{name.removeprefix(removed)}": name for name in state if name.startswith(removed)}
    found = {new: state[old] for new, old in named.items() if new in wanted}
    first = next((name for name, value in wanted.items() if value.ndim == 4), None)
    adapted = None
    if adapt and first in found and first is not None and found[first].shape != wanted[first].shape:
        weight = adapt_channels(found[first], wanted[first].shape[1])
        if weight.shape == wanted[first].shape:
            adapted, found[first] = first, weight
    fitting = {name: value for name, value in found.items() if value.shape == wanted[name].shape}
    taken = {named[name] for name in found}
    return Fit(
        weights=fitting,
        missing=[name for name in wanted if name not in found and not name.endswith(COUNTER)],
        unexpected=[name for name in state if name not in taken and not name.endswith(COUNTER)],
        other_shape={n: (tuple(v.shape), tuple(wanted[n].shape)) for n, v in found.items() if n not in fitting},
        adapted=adapted,
        removed=removed,
        added=added,
    )


def adapt_channels(weight: Tensor, channels: int) -> Tensor:
    """Adapts weights (out, C, h, w) of a first convolution, mostly on RGB, to another number of input channels.

    One channel gets the sum over all, which answers a grey image as the weights answer that image C times over. Any
    other number takes them in turn (R G B R ...), times C / channels, so that an image of equal channels excites as
    much as before.
    """
    if weight.ndim != 4 or weight.shape[1] == channels:
        return weight
    before = weight.shape[1]
    if channels == 1:
        return weight.sum(dim=1, keepdim=True)
    turns = [channel % before for channel in range(channels)]
    return weight[:, turns] * (before / channels)


def few(names: Sequence[str]) -> str:
    """The first names of many, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
