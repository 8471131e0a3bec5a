"""The run folder: where everything that a run produces lies. Plain files, no torch."""

import errno
import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from segexp.errors import RunFolderGoneError
from segexp.runs.console import LOG, place_of_log, reopen_log
from segexp.runs.files import replace_file
from segexp.runs.lock import FolderLock
from segexp.runs.table_file import format_csv
from segexp.runs.text import utf8
from segexp.runs.writable import unwritable

KEPT = ("config.yaml", "split.json")
"""Files without which a run cannot be understood: written anew where they vanish while it runs."""


class RunFolder:
    """Writes the files of one run; each write replaces the whole file at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._identity: tuple[int, int] | None = None
        self._kept: dict[str, bytes] = {}
        self._lock: FolderLock | None = None

    def watch(self, lock: FolderLock | None = None) -> None:
        """Notes which folder it is and what it holds: nothing is written once it is gone, see :meth:`require_there`.

        Args:
            lock: By which it belongs to this process: nothing is written either once another process has taken it.
        """
        self._lock = lock
        self._identity = _identity(self.path)
        there = (name for name in KEPT if (self.path / name).is_file())
        self._kept = {name: (self.path / name).read_bytes() for name in there}

    def require_there(self) -> None:
        """Makes sure that the folder is still the one that was made, with config.yaml, split.json and log.txt.

        Those that vanished are written anew, which is said. A folder that was moved or removed is not made anew: what
        is written then would be half a run, or lie below the place where a drive was.

        Raises:
            RunFolderGoneError: It is gone; names where it is now, if that is known.
            FolderTakenError: It belongs to another process now, whose files these would be.
        """
        if self._identity is None:
            return
        if self._lock is not None:
            self._lock.require_ours()
        if _identity(self.path) != self._identity:
            raise RunFolderGoneError(gone(self.path, self.now()))
        for name, content in self._kept.items():
            if not (self.path / name).is_file():
                replace_file(self.path / name, content)
                LOG.warning(f"{self.path / name}: was removed while the run goes on; written anew")
        reopen_log(self.path / "log.txt")

    def now(self) -> Path | None:
        """Finds the present place of the folder by its open log; None: nowhere, not known, or of another process."""
        if self._lock is not None and self._lock.taken_by() is not None:
            return None
        if self._identity is None or _identity(self.path) == self._identity:
            return self.path
        return place_of_log()

    @classmethod
    def create(cls, parent: Path) -> "RunFolder":
        """A new folder ``<date>_<time>_<short id>``; the id keeps two runs of one second apart.

        Raises:
            ConfigError: None can be made there.
        """
        while True:
            path = new_path(parent)
            try:
                path.mkdir(parents=True)
            except FileExistsError:
                # A hundred jobs of one second meet in one of fifteen sweeps: draw again, never share.
                if not path.is_dir():
                    raise unwritable(FileExistsError(errno.EEXIST, "there is a file"), parent, "output_dir") from None
            except OSError as error:
                raise unwritable(error, parent, "output_dir") from error
            else:
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
        """Writes a text file."""
        self.require_there()
        if name in KEPT:
            self._kept[name] = utf8(text)
        replace_file(self.path / name, utf8(text))

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Writes JSON; nan has no place in JSON and is refused."""
        self.write_text(name, json.dumps(content, indent=2, allow_nan=False) + "\n")

    def write_yaml(self, name: str, content: Mapping[str, Any]) -> None:
        """Writes YAML, keys in the order given."""
        self.write_text(name, yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True))

    def write_csv(self, name: str, rows: Sequence[Mapping[str, Any]], *, as_it_is: bool = False) -> None:
        """Writes one row per mapping, see :func:`segexp.runs.table_file.format_csv`."""
        self.write_text(name, format_csv(rows, as_it_is=as_it_is))


def gone(path: Path, now: Path | None) -> str:
    """Says that a run folder is gone, and where it is."""
    where = "it was removed, or its drive is gone" if now is None else f"it was moved to {now}"
    return f"{path}: the run folder is gone while the run goes on ({where}); nothing more is written"


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and number of a folder; None: there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def new_path(parent: Path) -> Path:
    """A path ``<date>_<time>_<short id>`` below a folder, for a run that starts now; nothing is made."""
    stamp = datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S")
    return parent / f"{stamp}_{secrets.token_hex(2)}"
