"""The run folder: where everything that a run produces lies. Plain files, no torch."""

import csv
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml


class RunFolder:
    """Writes the files of one run; each write replaces the whole file at once."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, parent: Path) -> "RunFolder":
        """A new folder ``<date>_<time>_<short id>``; the id keeps two runs of one second apart.

        Raises:
            FileExistsError: Never silently shared.
        """
        stamp = datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S")
        path = parent / f"{stamp}_{secrets.token_hex(2)}"
        path.mkdir(parents=True)
        return cls(path)

    @property
    def checkpoints(self) -> Path:
        """Folder of best.ckpt and last.ckpt."""
        return self.path / "checkpoints"

    @property
    def panels(self) -> Path:
        """Folder of pictures of test images."""
        return self.path / "panels"

    def write_text(self, name: str, text: str) -> None:
        """Writes a text file: first beside it, then moved over it, so that no reader sees half."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.partial")
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, target)  # noqa: PTH105 - same as Path.replace, the name says what matters

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Writes JSON; nan has no place in JSON and is refused."""
        self.write_text(name, json.dumps(content, indent=2, allow_nan=False) + "\n")

    def write_yaml(self, name: str, content: Mapping[str, Any]) -> None:
        """Writes YAML, keys in the order given."""
        self.write_text(name, yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True))

    def write_csv(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Writes one row per mapping; columns in order of appearance, cells without a value empty."""
        columns = list(dict.fromkeys(key for row in rows for key in row))
        target = self.path / name
        partial = target.with_name(f".{target.name}.partial")
        with partial.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
        os.replace(partial, target)  # noqa: PTH105

    def read_json(self, name: str) -> dict[str, Any]:
        """Reads a JSON file of the run."""
        content: dict[str, Any] = json.loads((self.path / name).read_text(encoding="utf-8"))
        return content
