"""The one form in which ``callbacks``, ``trainer``, ``optimizer`` and ``scheduler`` are stored, however written."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

OWN_CALLBACKS: Mapping[str, Mapping[str, Any]] = {
    "early_stopping": {
        "_target_": "segexp.training.callbacks.stopping.Stopping",
        "min_delta": 0.0,
        "monitor": None,
        "mode": None,
    },
    "weight_average": {"_target_": "segexp.training.callbacks.weight_average.WeightAverage"},
}
"""Callbacks of segexp's own by name: a block of that name without ``_target_`` is one, with these values by default."""
_SWITCH = {"early_stopping": "patience", "weight_average": "decay"}
"""Their keys that switch them off when they are null."""
OWN_LOGGERS = ("csv", "wandb", "tensorboard", "mlflow", "comet")
"""Blocks of ``logger`` that an option makes: without it, a key of theirs is a mistake."""
LIST = "extra"
"""Key below ``callbacks`` under which version 0.1 had a list of callbacks without names."""
NESTED = "target"
"""Key below ``scheduler`` under which version 0.1 had the class and its arguments."""
PARTS = "schedulers"
"""Key of a schedule that is made of others."""


def settle_forms(config: Mapping[str, Any]) -> dict[str, Any]:
    """Gives a config whose callbacks are blocks by name, none of them switched off, and whose schedule is flat.

    ``_partial_`` says nothing of optimiser and schedule, which the program builds with parameters of its own.

    What is of another shape stays as it is: the check of the config says what is wrong with it.
    """
    found = dict(config)
    if isinstance(callbacks := config.get("callbacks"), Mapping):
        found["callbacks"] = _callbacks(callbacks)
    if isinstance(trainer := config.get("trainer"), Mapping):
        found["trainer"] = _trainer(trainer)
    if isinstance(device := config.get("device"), str):
        found["device"] = SHORT_FORMS["accelerator"].get(device, device)
    if isinstance(scheduler := config.get("scheduler"), Mapping):
        found["scheduler"] = _scheduler(scheduler)
    if isinstance(optimizer := config.get("optimizer"), Mapping):
        found["optimizer"] = {key: value for key, value in optimizer.items() if key != "_partial_"}
    return found


def form_changes(config: Mapping[str, Any]) -> Iterator[str]:
    """Yields what :func:`settle_forms` does to blocks in the form of version 0.1, a line each."""
    callbacks, scheduler = config.get("callbacks"), config.get("scheduler")
    if isinstance(callbacks, Mapping) and isinstance(listed := callbacks.get(LIST), list):
        names = _names(callbacks, listed)
        yield from (f"callbacks.{LIST}.{number} is now callbacks.{name}" for number, name in enumerate(names))
        if not listed:
            yield f"callbacks.{LIST} is now callbacks.<name>, a block for each callback"
    if not isinstance(scheduler, Mapping) or NESTED not in scheduler:
        return
    nested = scheduler[NESTED]
    if nested is None:
        yield f"scheduler.{NESTED}: null is now scheduler=none, or scheduler._target_: null alone"
    elif isinstance(nested, Mapping):
        keys = [str(key) for key in nested if key != "_partial_"]
        if "_target_" in nested:
            yield f"scheduler.{NESTED} is now scheduler itself: its keys ({', '.join(keys)}) stand there"
        else:
            yield from (f"scheduler.{NESTED}.{key} is now scheduler.{key}" for key in keys)


def _callbacks(section: Mapping[str, Any]) -> dict[str, Any]:
    """Callbacks by name, those of a list under the names of their classes."""
    listed = section.get(LIST)
    found = {str(name): _own(str(name), block) for name, block in section.items()}
    if isinstance(listed, list):
        del found[LIST]
        found |= dict(zip(_names(section, listed), listed, strict=True))
    return {name: block for name, block in found.items() if block is not None}


def _own(name: str, block: Any) -> Any:
    """A callback of segexp's own with its class and defaults, None where it is switched off; any other as it is."""
    usual = OWN_CALLBACKS.get(name)
    if usual is None or not isinstance(block, Mapping) or block.get("_target_", usual["_target_"]) != usual["_target_"]:
        return block
    if block.get(_SWITCH[name], "") is None:
        return None
    return {"_target_": usual["_target_"], **block, **{k: v for k, v in usual.items() if k not in block}}


def _names(section: Mapping[str, Any], listed: list[Any]) -> list[str]:
    """A name for each callback of a list: that of its class in small letters, with a number where it is taken."""
    taken = {str(name) for name in section} - {LIST}
    names = []
    for block in listed:
        target = block.get("_target_") if isinstance(block, Mapping) else None
        base = _in_small_letters(str(target).rpartition(".")[2]) if target is not None else LIST
        name = next(name for name in _numbered(base) if name not in taken)
        taken.add(name)
        names.append(name)
    return names


SHORT_FORMS: Mapping[str, Mapping[str, str]] = {
    "precision": {"16": "16-mixed", "32": "32-true", "64": "64-true", "bf16": "bf16-mixed"},
    "devices": {"-1": "auto"},
    "accelerator": {"cuda": "gpu"},
}
"""Values of the Trainer of which Lightning has two, by key: the other one and that of configs."""


def _trainer(section: Mapping[str, Any]) -> dict[str, Any]:
    """The block with whole names: ``16-mixed`` for 16."""
    return {
        key: SHORT_FORMS[key].get(str(value), value) if key in SHORT_FORMS and isinstance(value, int | str) else value
        for key, value in section.items()
    }


def _in_small_letters(name: str) -> str:
    """``ModelCheckpoint`` as ``model_checkpoint``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower() or LIST


def _numbered(base: str) -> Iterator[str]:
    yield base
    number = 2
    while True:
        yield f"{base}_{number}"
        number += 1


def _scheduler(section: Mapping[str, Any]) -> dict[str, Any]:
    """The class, its arguments, ``interval`` and ``monitor`` in one block; ``_partial_`` says nothing here."""
    nested = section.get(NESTED, {})
    flat = {key: value for key, value in section.items() if key != NESTED}
    if nested is None:
        flat = {"_target_": None, **{key: flat[key] for key in ("interval", "monitor") if key in flat}}
    elif isinstance(nested, Mapping):
        # Keys of version 0.1 that were given beside a block of today are meant to change it.
        flat = {**flat, **nested}
    else:
        return dict(section)
    flat = _built_by_the_program(flat)
    return {**flat, "interval": flat.get("interval", "epoch"), "monitor": flat.get("monitor")}


def _built_by_the_program(block: Any) -> Any:
    """A schedule, and those that it is made of, without ``_partial_``; what is no block stays as it is."""
    if not isinstance(block, Mapping):
        return block
    found = {key: value for key, value in block.items() if key != "_partial_"}
    inner = block.get(PARTS)
    if isinstance(inner, Mapping):
        found[PARTS] = {key: _built_by_the_program(value) for key, value in inner.items()}
    elif isinstance(inner, list):
        found[PARTS] = [_built_by_the_program(value) for value in inner]
    return found
