"""What an offline run of W&B holds already: read from its file, LevelDB's framing around messages of wandb.

Source of the framing: https://github.com/google/leveldb/blob/main/doc/log_format.md
"""

import json
import time
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from segexp.system.process import is_open_elsewhere

BLOCK, HEADER, START = 32768, 7, 7
_FULL, _FIRST, _LAST = 1, 2, 4
STEP = "trainer/global_step"
QUIET, PATIENCE = 5.0, 60.0
"""Seconds without a change after which a file is taken as whole, and that are waited for it at most."""


def logged_by_wandb(folder: Path) -> set[tuple[str, int]]:
    """Names and steps of all that the offline runs in a run folder hold; one that a kill cut short is read so far."""
    found: set[tuple[str, int]] = set()
    paths = sorted((folder / "wandb").glob("offline-run-*/*.wandb"))
    _wait_for_the_writer(paths)
    for path in paths:
        for row in _history(path):
            step = row.get(STEP)
            if isinstance(step, int):
                found |= {(name, step) for name in row if name != STEP}
    return found


def _wait_for_the_writer(paths: Sequence[Path]) -> None:
    """A process of W&B writes the files: it ends a moment after a run that was killed, and may still have rows.

    On a busy machine that moment is long, and nothing was written for a while before it.
    """
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and (any(map(_is_fresh, paths)) or is_open_elsewhere(paths)):
        time.sleep(0.1)


def _is_fresh(path: Path) -> bool:
    return time.time() < path.stat().st_mtime + QUIET


def _history(path: Path) -> Iterator[dict[str, Any]]:
    # Named at run time: the module makes its classes so.
    make: Any = vars(import_module("wandb.proto.wandb_internal_pb2"))["Record"]
    for message in _messages(path.read_bytes()):
        try:
            record = make.FromString(message)
            if record.WhichOneof("record_type") == "history":
                yield {
                    item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in record.history.item
                }
        except Exception:  # another version of wandb may write otherwise: then nothing of it is known
            return


def _messages(content: bytes) -> Iterator[bytes]:
    """The whole messages of a file, in order."""
    place, kept = START, b""
    while content[:4] == b":W&B" and place + HEADER <= len(content):
        if BLOCK - place % BLOCK < HEADER:  # padding at the end of a block
            place += BLOCK - place % BLOCK
            continue
        size, kind = int.from_bytes(content[place + 4 : place + 6], "little"), content[place + 6]
        part = content[place + HEADER : place + HEADER + size]
        if not _FULL <= kind <= _LAST or len(part) < size:
            return
        place += HEADER + size
        kept = part if kind in (_FULL, _FIRST) else kept + part
        if kind in (_FULL, _LAST):
            yield kept
