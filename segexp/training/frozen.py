"""What is frozen in a training: checked against the network, and said loudly where it never learned anything."""

from collections.abc import Collection, Iterable

import lightning.pytorch as pl
from torch import nn

from segexp.config.experiment import Experiment
from segexp.models.parts import find_part
from segexp.training.build import PUBLISHED
from segexp.training.finetuning import Finetuning


def check_finetuning(callbacks: Iterable[pl.Callback], model: nn.Module, epochs: int | None) -> None:
    """Compares what freezes for a while with the network and the length of the run.

    Raises:
        ConfigError: They do not go together.
    """
    for callback in callbacks:
        if isinstance(callback, Finetuning):
            callback.check(model, epochs)


def describe_random_frozen(
    experiment: Experiment, callbacks: Iterable[pl.Callback], model: nn.Module, loaded: Collection[str]
) -> list[str]:
    """Gives a note where weights are frozen that nobody trained; empty where there are none.

    Args:
        experiment: Whose block ``model`` says whether published weights were loaded.
        callbacks: Of the run.
        model: As it was built.
        loaded: Names of the weights that ``init_from`` gave it.
    """
    keys = [key for key in PUBLISHED if key in experiment.model]
    published = any(experiment.model[key] not in (None, False) for key in keys)
    if published or (experiment.resumes and experiment.init_from is not None):
        return []
    names = {name for name, weight in model.named_parameters() if not weight.requires_grad}
    for callback in callbacks:
        if isinstance(callback, Finetuning):
            full, part = find_part(model, callback.part, "callbacks.finetuning.part")
            names |= {f"{full}.{name}" for name, _ in part.named_parameters()}
    sizes = {name: weight.numel() for name, weight in model.named_parameters()}
    random = names - set(loaded)
    if not random:
        return []
    ask = f"model.{keys[0]}=<path> (python -m segexp weights names the files)" if keys else "init_from=<run or file>"
    return [
        f"frozen with random weights: {sum(sizes[name] for name in random):,} of {sum(sizes.values()):,} parameters, "
        f"{min(random)} and so on, were trained on nothing and are not trained here; figures are those of random "
        f"features. For trained ones: {ask}"
    ]
