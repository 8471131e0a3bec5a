"""The command models."""

from typing import Any

from segexp.config.composed import checked
from segexp.invocation import Invocation
from segexp.system.imports import quick_imports


def run_models(config: Any, invocation: Invocation) -> None:
    """Prints the table of models."""
    from segexp.config.command_schema import ModelsConfig
    from segexp.config.overrides.model_options import chosen_model, listed_models
    from segexp.errors import ConfigError

    asked = checked(config, ModelsConfig)
    section = asked.model
    if section is not None and asked.only is not None:
        raise ConfigError("only: found beside model=; give model= for one model, only= for some of the table")
    if asked.layers and section is None:
        raise ConfigError("layers: found true without a model; expected one, as in model=cunet layers=true")
    name = invocation.choices.get("model", "model")
    options = listed_models(asked.only) if section is None else [chosen_model(name, section, invocation.overrides)]
    with quick_imports():
        from segexp.inspection.table import show_layers, show_models

    show = show_layers if asked.layers else show_models
    text = show(options, asked.size, asked.in_channels, asked.classes, asked.format)
    print(text)  # noqa: T201 - the command's answer
