"""Published data sets: where they come from, what to cite, what their folders look like, and what is there.

What is known of one is a YAML file beside this one: nothing is downloaded.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from segexp.config.overrides.quoting import command_line, hydra_override
from segexp.errors import DataError

FOLDER = Path(__file__).parent
MOST = 200_000
"""Files of a folder that are counted."""


@dataclass(frozen=True)
class DataSource:
    """A published data set.

    Attributes:
        name: By which the command knows it.
        title: What it is, in a line.
        home: Where it is asked for.
        licence: What its owners allow.
        cite: The paper, as text.
        bibtex: The same for a bibliography.
        datamodule: Option of the group ``datamodule`` that reads it.
        files: Patterns below the root, and how many files the complete set has of each; None: any number.
        keys: What the datamodule has to be told beside ``datamodule.root``.
        optional: Patterns of what may be there.
        below: Folders below the root in which the files may lie.
        notes: What surprises.
    """

    name: str
    title: str
    home: str
    licence: str
    cite: str
    bibtex: str
    datamodule: str
    files: dict[str, int | None]
    keys: list[str] = field(default_factory=list)
    optional: list[str] = field(default_factory=list)
    below: list[str] = field(default_factory=lambda: ["."])
    notes: list[str] = field(default_factory=list)

    def check_command(self, root: str) -> str:
        """The command that reads every image and mask below a root."""
        words = [*self.keys, f"datamodule.root={root}"]
        overrides = [hydra_override(*word.split("=", 1)) for word in words]
        return command_line(["check", "scope=data", f"datamodule={self.datamodule}", *overrides])

    def count(self, root: Path) -> dict[str, int]:
        """Number of files below a root by pattern, those that may be there too.

        Raises:
            DataError: There is no such folder, or it cannot be listed.
        """
        if not root.is_dir():
            raise DataError(
                f"root: no folder {root}; give the folder of {self.name}, which holds {next(iter(self.files))}"
            )
        try:
            return {pattern: self._count(root, pattern) for pattern in (*self.files, *self.optional)}
        except OSError as error:
            raise DataError(f"root: {root} cannot be listed ({error.strerror})") from error

    def _count(self, root: Path, pattern: str) -> int:
        found: set[Path] = set()
        for folder in self.below:
            for path in (root / folder).glob(pattern):
                found.add(path)
                if len(found) >= MOST:
                    return MOST
        return len(found)


@functools.cache
def read_sources() -> Mapping[str, DataSource]:
    """All published data sets that are known, by name."""
    found = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        found[path.stem] = DataSource(path.stem, **yaml.safe_load(path.read_text(encoding="utf-8")))
    return found
