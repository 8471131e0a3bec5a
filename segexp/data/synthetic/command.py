"""The command generate."""

from pathlib import Path
from typing import Any

from segexp.config.composed import checked
from segexp.invocation import Invocation


def run_generate(config: Any, invocation: Invocation) -> None:
    """Writes generated images."""
    from segexp.config.command_schema import GenerateConfig

    asked = checked(config, GenerateConfig)
    from segexp.data.synthetic.generate import generate

    files = generate(asked.scene, asked.layout, Path(asked.out), asked.count, asked.size, asked.seed)
    print(f"wrote {len(files)} files below {asked.out}")  # noqa: T201 - the command's answer
