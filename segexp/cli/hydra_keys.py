"""Keys of Hydra itself: which of them work here, and what to use in place of the others, in words and in files."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from segexp.errors import ConfigError

WORKING = ("hydra.mode", "hydra.searchpath")
"""Keys that do here what they do elsewhere; in a file ``hydra.sweeper.params`` and ``hydra.job.env_set`` do too."""
_LOG = "segexp writes log.txt itself; debug=true shows the trace of an error"
_ENGINE = "segexp runs sweeps itself: choose with sweep.engine=local, slurm or ray"
_SEARCH = "segexp runs sweeps itself: -m for a grid, sweep=optuna for a search"
_INSTEAD = {
    "hydra.run": "run folders are made by segexp, as <output_dir>/<name>/<date>: set output_dir= or name=",
    "hydra.sweep": "sweep folders are made by segexp, as <output_dir>/multirun/<date>: set output_dir=",
    "hydra.output_subdir": "the run folder holds config.yaml by itself",
    "hydra.job.chdir": "paths are those of the folder in which the command is given",
    "hydra/launcher": _ENGINE,
    "hydra.launcher": _ENGINE,
    "hydra/sweeper": _SEARCH,
    "hydra.sweeper": _SEARCH,
    "hydra/job_logging": _LOG,
    "hydra/hydra_logging": _LOG,
    "hydra.job_logging": _LOG,
    "hydra.hydra_logging": _LOG,
    "hydra.verbose": _LOG,
    "hydra.callbacks": "callbacks of a training are Lightning's: set callbacks.<name>._target_=",
}
_PLUGINS = {
    "hydra/launcher": {
        "joblib": "sweep.jobs=auto", "submitit_local": "sweep.engine=local", "submitit_slurm": "sweep.engine=slurm",
        "ray": "sweep.engine=ray", "ray_aws": "sweep.engine=ray", "basic": "sweep.jobs=1",
    },
    "hydra/sweeper": {"optuna": "sweep=optuna", "ax": "sweep=optuna", "nevergrad": "sweep=optuna", "basic": "-m"},
}  # fmt: skip
"""Plugins of Hydra, and what does their work here."""
_KEYS = {
    "hydra.launcher.n_jobs": "sweep.jobs", "hydra.launcher.partition": "sweep.slurm.partition",
    "hydra.launcher.timeout_min": "sweep.slurm.time", "hydra.launcher.cpus_per_task": "sweep.slurm.cpus",
    "hydra.launcher.gpus_per_node": "sweep.slurm.gpus", "hydra.launcher.array_parallelism": "sweep.jobs",
    "hydra.sweeper.n_trials": "sweep.trials", "hydra.sweeper.n_jobs": "sweep.jobs",
    "hydra.sweeper.study_name": "sweep.study", "hydra.sweeper.storage": "sweep.storage",
    "hydra.sweeper.sampler.seed": "sweep.seed",
}  # fmt: skip
"""Keys of those plugins, and the key here; those of a search come with ``sweep=optuna``."""


def refusal(key: str, value: Any = None) -> str | None:
    """Says in a line what to use in place of a key or group of Hydra; None for one that works, or is not Hydra's.

    Args:
        key: With dots, or a group with a slash.
        value: What it is set to; for a group the option.
    """
    if not key.startswith(("hydra.", "hydra/")) or key in WORKING:
        return None
    why = next((text for name, text in _INSTEAD.items() if key == name or key.startswith(f"{name}.")), None)
    if (word := _PLUGINS.get(key, {}).get(str(value))) is not None:
        why = f"{why}; for {value} write {word}"
    elif (name := _KEYS.get(key)) is not None:
        why = f"{why}; its key here is {name}{', with sweep=optuna' if 'sweeper' in key else ''}"
    return f"{key}: {why or 'is a key of Hydra that segexp has no use for; leave it out'}"


def refuse_hydra_block(config: DictConfig) -> None:
    """Refuses what a file of the user's sets of Hydra's own where it has no effect here.

    Args:
        config: As composed, with its block ``hydra``.

    Raises:
        ConfigError: Names every such key.
    """
    block: Mapping[str, Any] = OmegaConf.to_container(config.hydra, resolve=False)  # type: ignore[assignment] # a mapping
    problems = [line for key, value in _changed(block) if (line := refusal(key, value)) is not None]
    if problems:
        raise ConfigError("\n".join(f"{line} (found in a file)" for line in problems))


def _changed(block: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Keys that are not as conf/train.yaml and Hydra have them."""
    for group in _PLUGINS:
        if (option := block["runtime"]["choices"].get(group)) not in ("basic", None):
            yield group, option
    for key in ("launcher", "sweeper"):
        for name, value in block[key].items():
            if name not in ("_target_", "params", "max_batch_size"):
                yield f"hydra.{key}.{name}", value
    if block["callbacks"]:
        yield "hydra.callbacks", None
    if block["job"].get("chdir"):
        yield "hydra.job.chdir", True
    if block["run"]["dir"] not in (".", _RUN_FOLDER):
        yield "hydra.run.dir", None
    if block["verbose"]:
        yield "hydra.verbose", None


_RUN_FOLDER = "outputs/${now:%Y-%m-%d}/${now:%H-%M-%S}"
"""Hydra's own, where a primary config says nothing; segexp does not use it."""
_MISSING_PLUGIN = re.compile(r"Could not find '(hydra/\w+)/([\w./-]+)'")

_NOT_IN_PLUGIN = re.compile(r"full_key: (hydra\.(?:launcher|sweeper)\.[\w.]+)")


def missing_plugin(text: str) -> str | None:
    """Says in a line what to use in place of a plugin, or a key of one, that a file names; None for another message."""
    if (found := _MISSING_PLUGIN.search(text)) is not None:
        return refusal(found[1], found[2])
    found = _NOT_IN_PLUGIN.search(text)
    return None if found is None else refusal(found[1])
