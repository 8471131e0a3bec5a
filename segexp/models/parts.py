"""Parts of a network by name: the encoder of each, whatever the network calls it."""

from torch import nn

from segexp.errors import ConfigError

ENCODER = "encoder"
ENCODERS = (ENCODER, "backbone", "model.encoder")
"""Where networks keep their encoder."""


def find_part(model: nn.Module, name: str, key: str) -> tuple[str, nn.Module]:
    """Finds a part of a network.

    Args:
        model: The network.
        name: Dotted, as ``named_modules()`` has it; ``encoder`` finds that of every network that has one.
        key: Of the config, for messages.

    Returns:
        Its full name, and the part.

    Raises:
        ConfigError: The network has no such part.
    """
    parts = dict(model.named_modules())
    found = next((each for each in (ENCODERS if name == ENCODER else (name,)) if each in parts), None)
    if found is None or found == "":
        known = ", ".join(each for each, _ in model.named_children())
        raise ConfigError(f"{key}: {type(model).__name__} has no part {name!r}; its parts are {known}")
    return found, parts[found]
