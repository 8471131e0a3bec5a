"""What is frozen in a training: checked against the network, and said loudly where it never learned anything."""

from collections.abc import Collection, Iterable, Mapping

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import BackboneFinetuning, BaseFinetuning
from torch import nn

from segexp.config.experiment import Experiment
from segexp.errors import ConfigError
from segexp.models.parts import find_part
from segexp.tasks.schedule import Schedule
from segexp.training.building.model import PUBLISHED
from segexp.training.finetuning import Finetuning


def check_finetuning(
    callbacks: Mapping[str, pl.Callback], module: nn.Module, schedule: Schedule | None, epochs: int | None
) -> None:
    """Compares callbacks that freeze for a while with the network, the schedule and the length of the run.

    Args:
        callbacks: By name.
        module: The task, with its network under ``model``.
        schedule: Of the learning rate.
        epochs: Length of the run; None or -1: it ends otherwise.

    Raises:
        ConfigError: They do not go together.
    """
    for name, callback in callbacks.items():
        if isinstance(callback, Finetuning):
            callback.check(module.get_submodule("model"), epochs)
        elif isinstance(callback, BackboneFinetuning) and not hasattr(module, "backbone"):
            raise ConfigError(
                f"callbacks.{name}: it freezes `backbone` of the LightningModule, {type(module).__name__} has none; "
                "use callbacks=finetuning, which freezes the encoder of every network that has one"
            )
        elif isinstance(callback, BaseFinetuning) and schedule is not None and not _takes_groups(schedule):
            raise ConfigError(
                f"scheduler: the schedule takes no weights that join later, as those do that callbacks.{name} thaws; "
                "use scheduler=none, or callbacks=finetuning, whose weights are in the optimiser from the start"
            )


def _takes_groups(schedule: Schedule) -> bool:
    """Whether a schedule goes on where the optimiser gets another group of weights."""
    first, second = (nn.Parameter(torch.zeros(1)) for _ in range(2))
    optimizer = torch.optim.SGD([first], lr=0.1, momentum=0.9)
    built = schedule.build(optimizer, steps=100, epochs=100)
    optimizer.add_param_group({"params": [second], "lr": 0.01})
    optimizer.step()
    try:
        built.step(*((0.0,) if isinstance(built, torch.optim.lr_scheduler.ReduceLROnPlateau) else ()))
    except (KeyError, IndexError, RuntimeError, ValueError):
        return False
    return True


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
