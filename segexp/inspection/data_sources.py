"""The command data: where published data sets come from, what to cite, what their folders look like, and what is there.

What is known of a data set is a YAML file in ``sources/``: nothing is downloaded.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from segexp.config.checks.suggest import nearest
from segexp.config.composed import checked
from segexp.config.overrides.quoting import command_line, hydra_override
from segexp.errors import ConfigError, DataError
from segexp.invocation import Invocation
from segexp.report.table import Table

FOLDER = Path(__file__).parent / "sources"
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


def read_sources() -> dict[str, DataSource]:
    """All published data sets that are known, by name."""
    found = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        found[path.stem] = DataSource(path.stem, **yaml.safe_load(path.read_text(encoding="utf-8")))
    return found


def run_data(config: Any, invocation: Invocation) -> None:
    """Prints the table of data sets, or one of them and what lies on disk."""
    from segexp.config.command_schema import DataConfig

    asked = checked(config, DataConfig)
    sources = read_sources()
    if not asked.names:
        if asked.root is not None:
            raise ConfigError("root: found without a name; say which data set lies there: data drive root=...")
        facts: Any = {name: asdict(source) for name, source in sources.items()}
        text = _overview(sources)
    else:
        chosen = [_known(sources, name) for name in asked.names]
        counts = [None if asked.root is None else each.count(Path(asked.root).expanduser()) for each in chosen]
        facts = {each.name: asdict(each) | {"found": found} for each, found in zip(chosen, counts, strict=True)}
        text = "\n\n".join(_described(each, found, asked.root) for each, found in zip(chosen, counts, strict=True))
    print(json.dumps(facts, indent=2, ensure_ascii=False) if asked.format == "json" else text)  # noqa: T201


def _known(sources: dict[str, DataSource], name: str) -> DataSource:
    if name.lower() in sources:
        return sources[name.lower()]
    begun = [known for known in sources if known.startswith(name.lower())]
    best = begun[0] if len(begun) == 1 else nearest(name.lower(), list(sources))
    hint = f" Did you mean '{best}'?" if best else ""
    raise ConfigError(
        f"data {name}: no published data set of this name is known.{hint} There are: {', '.join(sources)}; images of "
        "your own need none: datamodule=folder datamodule.root=<folder>"
    )


def _overview(sources: dict[str, DataSource]) -> str:
    rows = tuple((name, source.datamodule, source.title) for name, source in sources.items())
    table = Table("published data sets", ("name", "datamodule", "what it is"), rows, text_columns=3)
    more = "Where one comes from, its licence, what to cite and its files: python -m segexp data drive"
    return f"{table.as_text()}\n\n{more}"


def _described(source: DataSource, found: dict[str, int] | None, root: str | None) -> str:
    lines = [
        source.title, "",
        f"from      {source.home}",
        f"licence   {source.licence}",
        f"cite      {source.cite}",
        "", "files below the root",
        *_file_lines(source, found),
        "", *(f"- {note}" for note in source.notes),
        "", f"to read all of it: {source.check_command(root or f'data/{source.name}')}",
        "", source.bibtex.rstrip(),
    ]  # fmt: skip
    return "\n".join(lines)


def _file_lines(source: DataSource, found: dict[str, int] | None) -> list[str]:
    width = max(map(len, (*source.files, *source.optional)))
    lines = []
    for pattern in (*source.files, *source.optional):
        expected = source.files.get(pattern)
        optional = pattern in source.optional
        complete = "may be missing" if optional else "" if expected is None else f"{expected} in the complete set"
        if found is not None:
            complete = ", ".join(part for part in (_judged(found[pattern], expected, optional), complete) if part)
        lines.append(f"  {pattern.ljust(width)}  {complete}".rstrip())
    return lines


def _judged(count: int, expected: int | None, optional: bool) -> str:
    """``20 found``; what is not as it should be stands in capitals."""
    if count == 0 and not optional:
        return "NONE FOUND"
    if expected is not None and count != expected:
        return f"{count} FOUND"
    return f"{count} found"
