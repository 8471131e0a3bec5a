"""Checks the names of measures that choose or steer something, before training starts."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from segexp.config.checks.suggest import did_you_mean
from segexp.config.schema import ObjectConfig
from segexp.config.settled_forms import OWN_CALLBACKS
from segexp.config.signatures.declared_figures import chosen_figures
from segexp.config.signatures.measure_names import LOSS, valid_names
from segexp.config.signatures.plain_lightning import check_logged, comes_from, direction_of_words, logged_direction
from segexp.config.signatures.task_figures import BASE, SEGMENTATION, check_watched, taken_names, watched_direction
from segexp.config.signatures.torch_metrics import metric_name, torch_metrics
from segexp.errors import ConfigError
from segexp.spec import Direction, FigureSpec


def check_monitors(config: Mapping[str, Any]) -> None:
    """Checks ``monitor``, ``scheduler.monitor``, the ``monitor`` of each callback, and the names of ``references``.

    Raises:
        ConfigError: The name is no measure, or it is not of the validation images: test images choose nothing. Or it
            is the loss, and that changes from epoch to epoch. Or a measure of the test says of no direction that it
            is the better one.
    """
    costly, metrics = chosen_figures(config), config.get("metric")
    task = str(config.get("task", {}).get("_target_", SEGMENTATION))
    _check_directions(costly)
    if not comes_from(task, BASE):
        _check_plain(config, task)
        return
    found = torch_metrics(metrics)
    _check_metric_names(found, task, costly)
    for key, name in watched(config["monitor"], config["scheduler"], config.get("callbacks", {})):
        if name.startswith("val/") and metric_name(name) in found:
            _check_direction(key, name, task, metrics)
            continue
        _check(key, name, task, costly)
        _check_comparable(key, name, config["loss"])
    for owner, section in config.get("callbacks", {}).items():
        if isinstance(name := section.get("monitor"), str):
            _check_callback(f"callbacks.{owner}", name, section, config)
    _check_references(config, costly)


def watched(monitor: str, scheduler: ObjectConfig, callbacks: Mapping[str, ObjectConfig]) -> Iterator[tuple[str, str]]:
    """Yields key and name of every measure of the validation images that a config watches.

    A callback of others than segexp may also watch what is no measure of them, see :func:`_check_callback`.
    """
    yield "monitor", monitor
    if (name := scheduler.get("monitor")) is not None:
        yield "scheduler.monitor", name
    for owner, section in callbacks.items():
        name = section.get("monitor")
        own = section.get("_target_") == OWN_CALLBACKS["early_stopping"]["_target_"]
        if isinstance(name, str) and (own or name.startswith("val/")):
            yield f"callbacks.{owner}.monitor", name


BESIDE = ("train/loss", "lr", "seconds", "epoch", "step")
"""What a callback can watch beside the figures of the validation images."""
_PACKAGES = ("segexp", "lightning", "torch", "torchmetrics")
"""Packages of which it is known what their classes log; whatever else a config names may log under any name."""


def _check_callback(key: str, name: str, section: ObjectConfig, config: Mapping[str, Any]) -> None:
    """Refuses a name that nothing logs, and Lightning's default direction for a measure that is better high.

    Raises:
        ConfigError: The callback would end the training after its first validation, or keep the worst.
    """
    task, target = str(config.get("task", {}).get("_target_", SEGMENTATION)), str(section.get("_target_"))
    if name.startswith("val/"):
        with_mode = target.startswith("lightning.") and target.rpartition(".")[2] in _WITH_MODE
        if with_mode and "mode" not in section and _is_better_high(name, task, config.get("metric")):
            raise ConfigError(
                f"{key}.mode: not given, and Lightning takes min then, but {name} is better high; add {key}.mode=max"
            )
        return
    others = [str(block.get("_target_")) for block in config.get("callbacks", {}).values()]
    if any(found.partition(".")[0] not in _PACKAGES for found in (task, *others)):
        return
    rates = name.startswith("lr-") and any(found.endswith(".LearningRateMonitor") for found in others)
    if name in BESIDE or name.startswith("train/loss/") or rates:
        return
    known = [*valid_names("val", None), *BESIDE]
    raise ConfigError(
        f"{key}.monitor: nothing is logged as {name!r}.{did_you_mean(name, known)} Beside val/<measure> there are "
        f"{', '.join(BESIDE)}, and lr-<optimiser> of a LearningRateMonitor"
    )


def _is_better_high(name: str, task: str, metrics: Mapping[str, Any] | None) -> bool:
    try:
        return watched_direction(name, task, metrics) == "max"
    except ConfigError:  # of a class of the user's own, nothing is known
        return False


_WITH_MODE = ("ModelCheckpoint", "EarlyStopping")
"""Callbacks of Lightning that take the key ``mode``."""


def _check_references(config: Mapping[str, Any], costly: Mapping[str, FigureSpec]) -> None:
    """They are figures that are logged while training, or that a test gives."""
    task = str(config.get("task", {}).get("_target_", SEGMENTATION))
    for name in config.get("references") or {}:
        part, _, figure = name.partition("/")
        if part not in ("train", "val", "test") or not figure:
            raise ConfigError(f"references: found {name!r}, expected train/<figure>, val/<figure> or test/<figure>")
        own = (*(costly if part == "test" else ()), *torch_metrics(config.get("metric")))
        if part != "train" and figure.partition("/")[0] not in own:
            _check_logged(f"references.{name}", f"val/{figure}", task, costly)


def _check_plain(config: Mapping[str, Any], task: str) -> None:
    """``monitor`` is logged by the LightningModule, as far as its source says, and its better direction is known."""
    try:
        check_logged(config["monitor"], task)
    except ConfigError as error:
        raise ConfigError(f"monitor: {error}") from error
    logged_direction(config["monitor"], task, config.get("monitor_mode"))
    callbacks = config.get("callbacks", {})
    if all(str(block.get("_target_")).partition(".")[0] in _PACKAGES for block in callbacks.values()):
        for owner, section in callbacks.items():
            _check_plain_callback(f"callbacks.{owner}", section, config, task)


def _check_plain_callback(key: str, section: ObjectConfig, config: Mapping[str, Any], task: str) -> None:
    """What a callback watches is logged by the LightningModule, and ``mode=auto`` finds its better direction."""
    name, mode = section.get("monitor"), section.get("mode")
    if not isinstance(name, str) or name in BESIDE or name.startswith("lr-"):
        return
    try:
        check_logged(name, task)
    except ConfigError as error:
        raise ConfigError(f"{key}.monitor: {error}") from error
    target = str(section.get("_target_"))
    with_mode = target.startswith("lightning.") and target.rpartition(".")[2] in _WITH_MODE
    if with_mode and "mode" not in section and direction_of_words(name) == "max":
        raise ConfigError(
            f"{key}.mode: not given, and Lightning takes min then, but {name} is better high; add {key}.mode=max"
        )
    own = target == OWN_CALLBACKS["early_stopping"]["_target_"]
    if mode == "auto" or (own and mode is None):
        _check_found_direction(key, name, task, config.get("monitor_mode") if name == config["monitor"] else None)


def _check_found_direction(key: str, name: str, task: str, mode: Direction | None) -> None:
    try:
        logged_direction(name, task, mode)
    except ConfigError as error:
        raise ConfigError(
            f"{key}.monitor: found {name}, of which nothing says whether lower or higher is better; add "
            f"{key}.mode=min or {key}.mode=max"
        ) from error


def _check_directions(costly: Mapping[str, FigureSpec]) -> None:
    for figure, spec in costly.items():
        if spec.direction not in get_args(Direction):
            raise ConfigError(f"metric: found {spec.direction!r} as the direction of {figure}, expected min or max")


def _check_metric_names(found: Mapping[str, object], task: str, costly: Mapping[str, FigureSpec]) -> None:
    """A measure of torchmetrics is logged under the name of its block, which must be its own."""
    for name in found:
        if name in taken_names(task) or name in costly or "/" in name:
            raise ConfigError(
                f"metric.{name}: found a block of torchmetrics with a name that is taken, expected one of its own; "
                f"write metric.my_{name.rpartition('/')[2]}"
            )


def _check_direction(key: str, name: str, task: str, metrics: Mapping[str, Any] | None) -> None:
    try:
        watched_direction(name, task, metrics)
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from error


_PART = re.compile(r"^(val|valid|validation|test|train)[_/.-]")
"""How other tools begin the name of a measure: ``val_loss``."""


def _check(key: str, name: str, task: str, costly: Mapping[str, FigureSpec]) -> None:
    if not name.startswith("val/"):
        meant = "val/" + _PART.sub("", name)
        try:
            check_watched(meant, task, None, costly=costly)
            hint = f"; did you mean '{meant}'?"
        except ConfigError:
            hint = ""
        raise ConfigError(f"{key}: found {name!r}, expected a measure of the validation images, val/<measure>{hint}")
    _check_logged(key, name, task, costly)


def _check_logged(key: str, name: str, task: str, costly: Mapping[str, FigureSpec]) -> None:
    try:
        check_watched(name, task, None, costly=costly)
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from error


def _check_comparable(key: str, name: str, loss: Mapping[str, Any]) -> None:
    """The loss of two epochs can be compared only if it is the same loss."""
    measure, _, term = name.removeprefix("val/").partition("/")
    if measure != LOSS:
        return
    terms = loss.get("terms")
    watched = loss if not term else terms.get(term) if isinstance(terms, Mapping) else None
    changing = next(_changing(watched, f"loss.terms.{term}" if term else "loss"), None)
    if changing is not None:
        raise ConfigError(
            f"{key}: found {name}, but {changing} changes from epoch to epoch, so that its values cannot be compared; "
            f"use another measure: {key}=val/miou"
        )


def _changing(loss: Any, path: str) -> Iterator[str]:
    """Keys of weights that follow a schedule, also in terms that are sums."""
    if not isinstance(loss, Mapping):
        return
    weights, terms = loss.get("weights"), loss.get("terms")
    if isinstance(weights, Mapping):
        yield from (f"{path}.weights.{name}" for name, weight in weights.items() if isinstance(weight, Mapping))
    if isinstance(terms, Mapping):
        for name, term in terms.items():
            yield from _changing(term, f"{path}.terms.{name}")
