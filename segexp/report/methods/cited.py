"""What a run is to cite: its parts name their papers in their own docstrings and YAML files, read without an import."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segexp.config.overrides.groups import meaning
from segexp.config.paths import conf_dir
from segexp.config.signatures.source import find, source, tree_of
from segexp.data.sources.data_source import read_sources
from segexp.report.methods.bibliography import (
    BibEntry,
    Citation,
    citations_in,
    entries_of_packages,
    parse_entries,
    read_bibliography,
)

ALWAYS = ("segexp", "torch", "lightning", "hydra")
"""Packages that every run uses."""
ENCODERS, PRETRAINED = "segexp.models.encoders", "segexp.models.encoders.pretrained"
INSTALLED = ("site-packages", "dist-packages")
"""Folders of packages whose docstrings are of no use here: thousands of lines, and no paper of what was used."""
TARGET = "_target_"
_OPTIONS = ("Args:", "Attributes:")


@dataclass
class Citations:
    """Sources of a run, in the order in which they are met.

    Attributes:
        by_section: Of each block of the config: what it cites.
        entries: Those that are known, by key.
        unknown: By key those that only their own docstring names, which have no entry here.
    """

    by_section: dict[str, list[Citation]] = field(default_factory=dict)
    entries: dict[str, BibEntry] = field(default_factory=dict)
    unknown: dict[str, Citation] = field(default_factory=dict)

    def add(self, section: str, found: Sequence[Citation]) -> None:
        """Takes sources of a block of the config; each counts once."""
        known, cited = read_bibliography(), self.by_section.setdefault(section, [])
        for citation in found:
            if citation in cited:
                continue
            cited.append(citation)
            if citation.key in known:
                self.entries[citation.key] = known[citation.key]
            else:
                self.unknown[citation.key] = citation

    def add_entries(self, section: str, entries: Sequence[BibEntry]) -> None:
        """Takes entries that are whole already, such as that of a data set."""
        cited = self.by_section.setdefault(section, [])
        for entry in entries:
            self.entries[entry.key] = entry
            cited.append(Citation(entry.key, entry.key))

    def marks(self, section: str) -> str:
        """`` [@lin2017; @he2016]``, as pandoc takes it, with a blank before it; empty where nothing is cited.

        A source without an entry stands there in words, ``[cite Lin et al. 2017]``.
        """
        cited = self.by_section.get(section, ())
        keys = dict.fromkeys(citation.key for citation in cited if citation.key in self.entries)
        texts = [citation.text for citation in cited if citation.key not in self.entries]
        known = f" [{'; '.join(f'@{key}' for key in keys)}]" if keys else ""
        return known + (f" [cite {'; '.join(texts)}]" if texts else "")


def cited_by(
    config: Mapping[str, Any], options: Mapping[str, str], data: str, predictors: Sequence[str], intervals: bool
) -> Citations:
    """Sources of the data set, of all parts of a config and of the packages that they are of.

    Args:
        config: config.yaml as flat keys.
        options: The option that was chosen in each group.
        data: Name of the data set, as run.json has it.
        predictors: Names of the model and of the trivial predictors beside it, as results.json has them.
        intervals: Whether it has intervals of the bootstrap.
    """
    found = Citations()
    published = read_sources().get(data)
    if published is not None and not config.get("datamodule.generate"):
        found.add_entries("datamodule", parse_entries(published.bibtex))
    # Of segexp's own datamodules the entry of the data set says it all.
    targets = [pair for pair in part_classes(config) if pair[0] != "datamodule" or not pair[1].startswith("segexp.")]
    for group, option in options.items():
        found.add(group, citations_in(meaning_of_option(group, option)) if group != "datamodule" else [])
    for section, target in targets:
        found.add(section, citations_of(target))
        if (package := target.partition(".")[0]) not in ALWAYS:
            found.add_entries(section, entries_of_packages([package]))
    if config.get("model.pretrained") is True:
        found.add("model", citations_in(_docstring(PRETRAINED)))
    if any(name.startswith("Otsu") for name in predictors):
        found.add("baselines", citations_in("Otsu 1979"))
    if intervals:
        found.add("interval", citations_in("Efron 1979"))
    for package in ALWAYS:
        found.add_entries(package, entries_of_packages([package]))
    return found


def part_classes(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Block and class of every ``_target_``, those in lists too."""
    for key, value in config.items():
        section = key.partition(".")[0]
        if key.rpartition(".")[2] == TARGET and isinstance(value, str):
            yield section, value
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, Mapping) and isinstance(item.get(TARGET), str):
                    yield section, item[TARGET]


def meaning_of_option(group: str, name: str) -> str:
    """First line of ``conf/<group>/<name>.yaml``; empty where that is no option of segexp."""
    if not re.fullmatch(r"\w+", group) or not re.fullmatch(r"\w+", name):
        return ""
    path = conf_dir() / group / f"{name}.yaml"
    return meaning(path) if path.is_file() else ""


def citations_of(target: str) -> list[Citation]:
    """Sources that a class names: in the first line of its module, in its docstring up to the arguments.

    What an argument cites was not used unless that was asked for. Encoders of segexp that its module builds upon are
    its sources too.
    """
    module, _, name = target.rpartition(".")
    path = source(module) if module else None
    if path is None or any(part in INSTALLED for part in path.parts):
        return []
    found = find(module, name)
    if found.node is None:
        return []
    text = ast.get_docstring(found.node) or ""
    for heading in _OPTIONS:
        text = text.partition(heading)[0]
    encoders = [_docstring(encoder) for encoder in _encoders(found.module)]
    return citations_in("\n".join([_docstring(found.module).partition("\n")[0], text, *encoders]))


def _docstring(module: str) -> str:
    path = source(module)
    tree = None if path is None else tree_of(path)
    return "" if tree is None else ast.get_docstring(tree) or ""


def _encoders(module: str) -> list[str]:
    """Modules of encoders that a module of segexp's models imports."""
    path: Path | None = source(module) if module.startswith("segexp.models.") else None
    tree = None if path is None else tree_of(path)
    names = [node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)] if tree else []
    return [name for name in names if name.startswith(f"{ENCODERS}.") and name != PRETRAINED]
