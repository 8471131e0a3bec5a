"""``init_from``: a training starts from earlier weights, with whatever classes, channels and schedule it has itself."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from segexp.config.experiment import Experiment
from segexp.config.overrides.quoting import printed
from segexp.errors import ConfigError
from segexp.models.weight_files import read_state_dict
from segexp.models.weight_fit import NAMED, Fit, few, fit_weights
from segexp.runs.checkpoints import Source
from segexp.training.building.model import PUBLISHED
from segexp.training.resuming.run_split import kept_of
from segexp.training.transfer.source import EXPECTED, weight_file


def check_init_from(experiment: Experiment) -> None:
    """Checks the keys of earlier weights against each other and the disk; reads no weight yet.

    Raises:
        ConfigError: There is no such file, or a key would have no effect.
    """
    if experiment.init_from is None:
        if experiment.init_channels != "exact":
            raise ConfigError(
                f"init_channels: found {experiment.init_channels}, but init_from is null: there are no weights to "
                "adapt; leave it out, or give init_from"
            )
        return
    for key, off in PUBLISHED.items():
        value = experiment.model.get(key)
        if value not in (None, False) and not experiment.resumes:
            raise ConfigError(
                f"init_from: found {experiment.init_from} beside model.{key}={value}: the weights of one would hide "
                f"those of the other; add {printed(f'model.{key}', off)}, or leave init_from out"
            )
    if not experiment.resumes:
        weight_file(experiment.init_from)


@dataclass(frozen=True)
class Start:
    """The weights that a training started from.

    Attributes:
        facts: What run.json and checkpoints say of it.
        loaded: Names of the weights that were taken; empty where a checkpoint brought all of them.
    """

    facts: Mapping[str, Any]
    loaded: frozenset[str] = frozenset()

    def described(self) -> str:
        """Gives the note of results.json and the terminal."""
        return f"started from {self.facts['path']}: {self.facts['said']}"


def start_from(model: nn.Module, experiment: Experiment) -> Start | None:
    """Gives a network the earlier weights that fit it; what does not stays as it was made.

    A run that goes on has all its weights from its checkpoint: nothing is loaded, and what was once told is told again.

    Args:
        model: Built for the data.
        experiment: With ``init_from``, ``init_channels`` and ``resume``.

    Returns:
        What was loaded; None: training starts from random, or published, weights.

    Raises:
        ConfigError: The file holds nothing that fits.
        UserError: It cannot be read, or is none of weights.
    """
    if experiment.init_from is None:
        return None
    if experiment.resume is not None:
        kept = kept_of(Path(experiment.resume)).get("init_from")
        return Start(dict(kept)) if isinstance(kept, Mapping) else None
    path = weight_file(experiment.init_from)
    state = read_state_dict(path, "init_from", EXPECTED)
    fit = fit_weights(model, state, adapt=experiment.init_channels == "adapt")
    if not fit.loaded:
        raise ConfigError(
            f"init_from: {path}: none of its {len(state)} weights ({few(list(state)) or 'it is empty'}) fits "
            f"{type(model).__name__} ({few(list(model.state_dict()))}) by name and shape; start from weights of the "
            "same network or encoder"
        )
    model.load_state_dict(fit.weights, strict=False)
    return Start({"path": experiment.init_from, **_source(path), **_counts(fit)}, frozenset(fit.loaded))


def _source(path: Path) -> dict[str, Any]:
    """The file, and the run that it is of."""
    above = path.resolve().parent.parent
    source = Source(path, above if (above / "run.json").is_file() else None)
    run = {} if source.folder is None else {"run": source.name, "model": source.model}
    with path.open("rb") as stream:
        return {"file": str(path), "sha256": hashlib.file_digest(stream, "sha256").hexdigest(), **run}


def _counts(fit: Fit) -> dict[str, Any]:
    return {
        "loaded": len(fit.loaded),
        "of": fit.total,
        "values": fit.values,
        "missing": _named(fit.missing),
        "unexpected": _named(fit.unexpected),
        "other_shape": _named(list(fit.other_shape)),
        "adapted": fit.adapted,
        "said": fit.described(),
    }


def _named(names: Sequence[str]) -> dict[str, Any]:
    return {"count": len(names), "first": list(names[:NAMED])}
