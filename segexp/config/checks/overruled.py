"""Keys of the optimiser that the learning-rate schedule replaces by numbers of its own: asking for them has no effect.

``OneCycleLR`` and ``CyclicLR`` set the learning rate, and unless ``cycle_momentum`` is false also SGD's momentum or the
first of Adam's betas. What nobody asked for may be replaced, as with the defaults; what is asked for is used, or else
refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import yaml

from segexp.config.overrides.recompose import below, key_of
from segexp.config.paths import conf_dir
from segexp.errors import ConfigError

Block = Mapping[str, Any]
CYCLES = {
    "torch.optim.lr_scheduler.OneCycleLR": ("max_lr", 0.85, 0.95),
    "torch.optim.lr_scheduler.CyclicLR": ("base_lr", 0.8, 0.9),
}
"""Schedules that replace values: their key of the rate, and between what they move the momentum by default."""


def refuse_overruled(config: Block, command: Sequence[str]) -> None:
    """Refuses keys of the optimiser that were asked for and would have no effect.

    A run that goes on, or is repeated without a word about this, is as it was.

    Args:
        config: Of a training, checked and resolved.
        command: The command line in words.

    Raises:
        ConfigError: Names the key, what replaces it, and what to write.
    """
    arguments = [key_of(word) for word in command if "=" in word and not word.startswith("-")]
    again = any(word.startswith("from=") for word in command)
    about = [key for key in arguments if key.split(".")[0] in ("optimizer", "scheduler", "experiment")]
    if config.get("resume") is not None or (again and not about):
        return
    problems = list(_overruled(config, set(arguments)))
    if problems:
        raise ConfigError("\n".join(problems))


def _overruled(config: Block, typed: set[str]) -> Iterator[str]:
    # A LightningModule of the user's own may do without either.
    target, optimizer = config.get("scheduler") or {}, config.get("optimizer") or {}
    cycle = CYCLES.get(target.get("_target_") or "") if optimizer else None
    if cycle is None:
        return
    name, (rate, low, high) = target["_target_"].rpartition(".")[2], cycle
    if _rate_is_lost(optimizer, target, rate, typed):
        yield (
            f"optimizer.lr: found {optimizer['lr']}, but {name} replaces it by its own {rate}, found {target[rate]}; "
            f"give one of them, or the same in both"
        )
    if not target.get("cycle_momentum", True):
        return
    low, high = target.get("base_momentum", low), target.get("max_momentum", high)
    for key, found in (("momentum", optimizer.get("momentum")), ("betas", _first(optimizer.get("betas")))):
        if found is None or ("betas" in optimizer and key == "momentum"):
            continue
        usual = _usual(optimizer, key)
        if found != (usual if key == "momentum" else _first(usual)) or (
            key == "momentum" and "optimizer.momentum" in typed
        ):
            yield (
                f"optimizer.{key}: found {optimizer[key]}, but {name} moves "
                f"{'the first of them' if key == 'betas' else 'it'} between {low} and {high}; to use it, add "
                f"{_new('cycle_momentum', target)}=false; to move it between others, give in its place "
                f"{_new('base_momentum', target)} and {_new('max_momentum', target)}"
            )


def _rate_is_lost(optimizer: Block, target: Block, rate: str, typed: set[str]) -> bool:
    """Whether a rate was asked for beside that of the schedule."""
    lr, other = optimizer.get("lr"), target.get(rate)
    if lr is None or not isinstance(other, int | float) or lr == other:
        return False
    if any(below("optimizer.lr", key) and key != "optimizer" for key in typed):
        return True
    return f"scheduler.{rate}" not in typed and lr != _usual(optimizer, "lr")


def _usual(optimizer: Block, key: str) -> Any:
    """The value of a key that nobody asked for."""
    usual = {"momentum": 0.0, "betas": [0.9, 0.999], "lr": optimizer.get("lr"), **_shipped(str(optimizer["_target_"]))}
    return usual.get(key)


@cache
def _shipped(target: str) -> dict[str, Any]:
    """The block of ours for a class of optimisers."""
    for path in sorted((conf_dir() / "optimizer").glob("*.yaml")):
        block: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        if block.get("_target_") == target:
            return block
    return {}


def _first(values: Any) -> Any:
    return values[0] if isinstance(values, list | tuple) and values else None


def _new(key: str, target: Block) -> str:
    """The word that sets a key of the schedule."""
    return f"{'' if key in target else '+'}scheduler.{key}"
