"""Checks the names of measures that choose or steer something, before training starts."""

from collections.abc import Mapping
from typing import Any

from segexp.errors import ConfigError
from segexp.metrics.names import check_name


def check_monitors(config: Mapping[str, Any]) -> None:
    """Checks ``monitor`` and ``scheduler.monitor``.

    Raises:
        ConfigError: The name is no measure, or it is not of the validation images: test images choose nothing.
    """
    _check("monitor", config["monitor"])
    if config["scheduler"]["monitor"] is not None:
        _check("scheduler.monitor", config["scheduler"]["monitor"])


def _check(key: str, name: str) -> None:
    if not name.startswith("val/"):
        raise ConfigError(f"{key}: found {name!r}, expected a measure of the validation images, val/<measure>")
    try:
        check_name(name, None)
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from error
