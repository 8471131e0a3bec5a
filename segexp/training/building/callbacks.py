"""Builds the callbacks of a config by name."""

from hydra.utils import instantiate
from lightning.pytorch.callbacks import Callback

from segexp.config.experiment import Experiment
from segexp.config.schema import ObjectConfig
from segexp.config.settled_forms import OWN_CALLBACKS
from segexp.tasks.schedule_part import AUTO
from segexp.training.building.constructor_errors import naming_section
from segexp.training.checks.config_trials import expect


def build_callbacks(experiment: Experiment) -> dict[str, Callback]:
    """Builds the callbacks of the config by name; best and last checkpoint are not among them."""
    return {name: _callback(name, section, experiment) for name, section in experiment.callbacks.items()}


def _callback(name: str, section: ObjectConfig, experiment: Experiment) -> Callback:
    """A callback; one whose ``mode`` is ``auto`` gets the direction of its measure.

    Early stopping of ours goes by the measure of the training unless it names another.
    """
    if section.get("_target_") == OWN_CALLBACKS["early_stopping"]["_target_"]:
        section = {
            **section,
            "monitor": section.get("monitor") or experiment.monitor,
            "mode": section.get("mode") or AUTO,
        }
    if section.get("mode") == AUTO and (monitor := section.get("monitor")) is not None:
        section = {**section, "mode": experiment.direction_of(monitor)}
    with naming_section(f"callbacks.{name}", section):
        made: Callback = instantiate(section, _convert_="all")
        expect(made, Callback, f"callbacks.{name}", "a lightning.pytorch.callbacks.Callback")
    return made
