"""The command data: where published data sets come from, what to cite, their files, and what lies on disk."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from segexp.config.checks.suggest import nearest
from segexp.config.composed import checked
from segexp.data.sources.data_source import DataSource, read_sources
from segexp.errors import ConfigError
from segexp.invocation import Invocation
from segexp.report.table import Table


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


def _known(sources: Mapping[str, DataSource], name: str) -> DataSource:
    if name.lower() in sources:
        return sources[name.lower()]
    begun = [known for known in sources if known.startswith(name.lower())]
    best = begun[0] if len(begun) == 1 else nearest(name.lower(), list(sources))
    hint = f" Did you mean '{best}'?" if best else ""
    raise ConfigError(
        f"data {name}: no published data set of this name is known.{hint} There are: {', '.join(sources)}; images of "
        "your own need none: datamodule=folder datamodule.root=<folder>"
    )


def _overview(sources: Mapping[str, DataSource]) -> str:
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
