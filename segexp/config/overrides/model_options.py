"""The options of the group ``model`` as composed sections, for the command that lists them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segexp.config.checks.suggest import did_you_mean
from segexp.config.overrides.groups import groups
from segexp.errors import ConfigError


@dataclass(frozen=True)
class ModelOption:
    """One model with its keys.

    Attributes:
        name: Name of the option, for ``model=<name>``.
        meaning: First line of its YAML.
        section: Composed keys with their ``_target_``.
        changed: Overrides that made the section differ from its YAML.
    """

    name: str
    meaning: str
    section: dict[str, Any]
    changed: tuple[str, ...] = ()


def chosen_model(name: str, section: dict[str, Any], overrides: Sequence[str]) -> ModelOption:
    """The model of ``model=<name>``, with the keys that the command line has changed."""
    changed = tuple(override for override in overrides if override.lstrip("+~").startswith("model."))
    return ModelOption(name, _meanings().get(name, ""), section, changed)


def listed_models(only: Sequence[str] | None) -> list[ModelOption]:
    """All models, or those named, the user's own among them; to be called while a Hydra job runs.

    Raises:
        ConfigError: There is no model of a name.
    """
    from hydra import compose
    from omegaconf import OmegaConf

    meanings = _meanings()
    for name in only or ():
        if name not in meanings:
            raise ConfigError(f"only: no model {name!r}.{did_you_mean(name, meanings)}")
    found = []
    for name in only or meanings:
        section = OmegaConf.to_container(compose("models", [f"model={name}"]).model, resolve=True)
        found.append(ModelOption(name, meanings[name], section))  # type: ignore[arg-type]
    return found


def _meanings() -> dict[str, str]:
    """Meaning of each option, in the folders where Hydra of this job looks."""
    from hydra.core.hydra_config import HydraConfig

    sources = HydraConfig.get().runtime.config_sources
    folders = [Path(source.path) for source in sources if source.schema == "file"]
    return {option.name: option.meaning for option in groups(folders)["model"]}
