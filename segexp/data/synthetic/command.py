"""The command generate."""

from typing import Any

from segexp.config.checked import checked
from segexp.invocation import Invocation


def run_generate(config: Any, invocation: Invocation) -> None:
    """Writes generated images."""
    from segexp.config.command_schema import GenerateConfig

    plain = checked(config, GenerateConfig)
    plain.pop("debug")
    from segexp.data.synthetic.generate import generate

    files = generate(**plain)
    print(f"wrote {len(files)} files below {plain['out']}")  # noqa: T201 - the command's answer
