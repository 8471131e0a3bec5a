"""Reads an offline ``.wandb`` file: LevelDB framing around Record messages; wandb's own reader is gone."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wandb.proto import wandb_internal_pb2

BLOCK, HEADER, START = 32768, 7, 7
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def records(path: Path) -> Iterator[Any]:
    """The messages of a file, in order."""
    content, place, kept = path.read_bytes(), START, b""
    assert content[:4] == b":W&B"
    while place + HEADER <= len(content):
        if BLOCK - place % BLOCK < HEADER:  # padding at the end of a block
            place += BLOCK - place % BLOCK
            continue
        size, kind = int.from_bytes(content[place + 4 : place + 6], "little"), content[place + 6]
        part = content[place + HEADER : place + HEADER + size]
        place += HEADER + size
        assert kind in (FULL, FIRST, MIDDLE, LAST)
        kept = part if kind in (FULL, FIRST) else kept + part
        if kind in (FULL, LAST):
            yield wandb_internal_pb2.Record.FromString(kept)


@dataclass
class OfflineRun:
    """What W&B would show of a run."""

    folder: Path
    run: Any = None
    config: list[tuple[str, Any]] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    exit_code: int | None = None

    def table(self, key: str) -> dict[str, Any]:
        """The content of a logged table."""
        entry = next(row[key] for row in self.history if key in row)
        content: dict[str, Any] = json.loads((self.folder / "files" / entry["path"]).read_text())
        return content


def read(folder: Path) -> OfflineRun:
    """Reads one ``offline-run-*`` folder."""
    (path,) = folder.glob("*.wandb")
    found = OfflineRun(folder)
    for record in records(path):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            found.run = record.run
            found.config += [(item.key, json.loads(item.value_json)) for item in record.run.config.update]
        elif kind == "history":
            found.history.append(values(record.history.item))
        elif kind == "summary":
            found.summary |= values(record.summary.update)
        elif kind == "exit":
            found.exit_code = record.exit.exit_code
    return found


def values(items: Any) -> dict[str, Any]:
    """Keys and values; what is logged as a block comes in parts."""
    found: dict[str, Any] = {}
    for item in items:
        *blocks, name = item.nested_key or [item.key]
        place = found
        for block in blocks:
            place = place.setdefault(block, {})
        place[name] = json.loads(item.value_json)
    return found
