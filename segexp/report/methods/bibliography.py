"""The bibliography: entries of BibTeX by key, and the citations that docstrings and YAML files name in words."""

import functools
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

BIBLIOGRAPHY = Path(__file__).with_name("bibliography.bib")
_NAME = r"[A-ZÀ-Ž][\w’'-]+"
_CITATION = re.compile(
    rf"(?P<first>{_NAME})(?P<others>\s+et al\.|(?:,\s+{_NAME})*,?\s+(?:and|&)\s+{_NAME})?\s+"
    r"(?P<year>(?:19|20)\d\d[a-z]?)\b"
)
_ENTRY = re.compile(r"^@\w+\{(?P<key>[^,\s]+),", re.MULTILINE)
_PACKAGE = re.compile(r",\n\s*package\s*=\s*\{(?P<package>[^}]*)\}")


@dataclass(frozen=True)
class Citation:
    """A source as a text names it.

    Attributes:
        text: As it stands there: ``Lin et al. 2017``.
        key: Of the entry: surname of the first author and year in plain small letters, ``lin2017``.
    """

    text: str
    key: str


@dataclass(frozen=True)
class BibEntry:
    """An entry of BibTeX.

    Attributes:
        key: By which it is cited.
        text: The whole of it.
        package: Name by which Python imports the package that it is for; empty: for none.
    """

    key: str
    text: str
    package: str = ""


@functools.cache
def read_bibliography() -> Mapping[str, BibEntry]:
    """All entries that ship with segexp, by key."""
    return {entry.key: entry for entry in parse_entries(BIBLIOGRAPHY.read_text(encoding="utf-8"))}


def parse_entries(text: str) -> list[BibEntry]:
    """The entries of a text of BibTeX, each of which begins a line; the field ``package`` is taken out of them."""
    begins = [found.start() for found in _ENTRY.finditer(text)]
    parts = [text[begin:end].rstrip() for begin, end in zip(begins, [*begins[1:], len(text)], strict=True)]
    return [_entry(part) for part in parts]


def _entry(text: str) -> BibEntry:
    begin, package = _ENTRY.match(text), _PACKAGE.search(text)
    key = begin["key"] if begin else ""
    return BibEntry(key, _PACKAGE.sub("", text), package["package"] if package else "")


def citations_in(text: str) -> list[Citation]:
    """Sources that a text names: ``Lin et al. 2017``, ``Kingma & Ba 2015``, or one surname if it is known to us."""
    found: dict[str, Citation] = {}
    for match in _CITATION.finditer(text):
        key = plain_key(match["first"]) + match["year"]
        if match["others"] or key in read_bibliography():
            found.setdefault(key, Citation(" ".join(match[0].split()), key))
    return list(found.values())


def plain_key(name: str) -> str:
    """A surname in small letters of ASCII, as a key begins: that of Dollár is ``dollar``."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z]", "", plain.lower())


def entries_of_packages(packages: Iterable[str]) -> list[BibEntry]:
    """Entries of packages, by the names by which Python imports them."""
    wanted = set(packages)
    return [entry for entry in read_bibliography().values() if entry.package in wanted]
