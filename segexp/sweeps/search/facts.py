"""What all trials of a study have in common, so that their values may be compared."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from segexp.config.experiment import Experiment
from segexp.config.nested import flatten
from segexp.config.signatures.measure_names import LOSS
from segexp.config.trainer import with_trainer_defaults
from segexp.errors import ConfigError
from segexp.sweeps.difference import SHOWN
from segexp.sweeps.search.space import Space

if TYPE_CHECKING:
    from optuna import Study

FREE = (
    "name", "tags", "output_dir", "resume", "debug", "panels", "panel_epochs", "val_panels", "baselines", "bootstrap",
    "metric", "logger", "sweep", "tta", "trainer.progress", "trainer.accelerator", "datamodule.root",
    "datamodule.loader.num_workers", "datamodule.loader.prefetch_factor", "datamodule.loader.pin_memory",
    "datamodule.loader.persistent_workers", "datamodule.loader.on_device",
)  # fmt: skip
"""Keys that have no part in a trial's value; several workers of a study may differ in them."""


def keep_or_compare(study: "Study", space: Space, corners: Sequence[Experiment]) -> None:
    """Keeps measure, ranges and configs with a new study; one that has trials must have the same.

    Raises:
        ConfigError: It has others; the text says in what.
    """
    # Read back from a database, a tuple is a list and every key a text.
    common: dict[str, Any] = json.loads(json.dumps(common_facts(space, corners)))
    if not study.get_trials(deepcopy=False):
        for key, value in common.items():
            study.set_user_attr(key, value)
        return
    lines = list(_differences(study.user_attrs, common))
    if lines:
        more = [f"  ... {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
        raise ConfigError(
            "\n".join(
                [
                    f"sweep.study: {study.study_name} has trials of another search; use another name or its settings",
                    *lines[:SHOWN],
                    *more,
                ]
            )
        )


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for key in ("monitor", "ranges"):
        if before.get(key) != now[key]:
            yield f"  {key}: {before.get(key)!r} in the study, {now[key]!r} in the command"
    # A study of an earlier version lacks keys that have always been so.
    usual = {f"trainer.{key}": value for key, value in with_trainer_defaults({}).items()}
    if before.get("ranges") == now["ranges"]:
        for old, new in zip(before.get("configs", ()), now["configs"], strict=True):
            for key in sorted({*old, *new}):
                if old.get(key) != new.get(key) and (key in old or key not in usual or new.get(key) != usual[key]):
                    yield f"  {key}: {old.get(key)!r} in the study, {new.get(key)!r} now"


def common_facts(space: Space, corners: Sequence[Experiment]) -> dict[str, Any]:
    """Measure, ranges and configs of a search, as they are kept with its study."""
    first, *others = [_shaping(corner) for corner in corners]
    return {
        "monitor": corners[0].monitor,
        "ranges": sorted(f"{name}: {dimension}" for name, dimension in space.dimensions.items()),
        # Of the others only what differs: a database may not take large texts.
        "configs": [first, *({k: v for k, v in other.items() if first.get(k) != v} for other in others)],
    }


def _shaping(experiment: Experiment) -> dict[str, Any]:
    keys = flatten(experiment.plain())
    return {key: value for key, value in keys if not any(key == free or key.startswith(f"{free}.") for free in FREE)}


def refuse_incomparable(space: Space, monitor: str) -> None:
    """Refuses to search over the loss by the value of the loss.

    Raises:
        ConfigError: That was asked for.
    """
    searched = next((name for name in space.dimensions if name.split(".", 1)[0] == "loss"), None)
    if searched is not None and monitor.removeprefix("val/").split("/")[0] == LOSS:
        raise ConfigError(
            f"monitor: found {monitor}, but {searched} is searched: values of different losses cannot be compared; "
            "use another measure: monitor=val/miou"
        )
