"""Patterns of file names: what lists the images, and what makes other names out of theirs.

``*`` is any text without ``/``, ``**/`` any folders, ``{png,gif}`` one of several, ``{tile}`` a named part, and
``{tile:[0-9]+}`` a named part that fits a regular expression.
"""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from segexp.errors import ConfigError

STEM, FILE, PART = "stem", "file", "split"
"""Names of parts with a meaning: the file name without its ending and with it, and the folder's part of a split."""


@dataclass(frozen=True)
class Token:
    """A piece of a pattern.

    Attributes:
        kind: ``text``, ``star`` (``*``), ``deep`` (``**/``), ``choice`` or ``field``.
        text: The text; of a field its name.
        options: What a choice may be.
        regex: What a field must fit; None: anything.
    """

    kind: str
    text: str
    options: tuple[str, ...] = ()
    regex: str | None = None


@dataclass(frozen=True)
class Match:
    """A file that fits a pattern.

    Attributes:
        path: Relative to the root, with ``/``.
        stars: What each ``*`` and ``**/`` stood for.
        fields: What each named part stood for; ``stem`` and ``folder`` are always there.
    """

    path: str
    stars: tuple[str, ...]
    fields: Mapping[str, str]


def tokenize(pattern: str, key: str) -> list[Token]:
    """Takes a pattern apart.

    Args:
        pattern: The text.
        key: Of the config, for messages.

    Raises:
        ConfigError: A brace is not closed, or what stands in one is none of the forms.
    """
    if not pattern.strip() or pattern.startswith("/") or ".." in pattern.split("/"):
        raise ConfigError(f"{key}: found {pattern!r}, expected a pattern below datamodule.root, as images/*.png")
    found: list[Token] = []
    place = 0
    while place < len(pattern):
        if pattern.startswith("**/", place):
            token, length = Token("deep", "**/"), 3
        elif pattern[place] == "*":
            token, length = Token("star", "*"), 1
        elif pattern[place] == "{":
            inside = _braced(pattern, place, key)
            token, length = _field_or_choice(inside, pattern, key), len(inside) + 2
        else:
            length = len(re.split(r"[*{]", pattern[place:], maxsplit=1)[0])
            token = Token("text", pattern[place : place + length])
        found.append(token)
        place += length
    return found


def _braced(pattern: str, place: int, key: str) -> str:
    """Gives the text inside the brace at ``place``; regular expressions may hold braces too."""
    depth = 0
    skip = False
    for end in range(place, len(pattern)):
        if skip:
            skip = False
        elif pattern[end] == "\\":
            skip = True
        elif pattern[end] in "{}":
            depth += 1 if pattern[end] == "{" else -1
            if depth == 0:
                return pattern[place + 1 : end]
    raise ConfigError(f"{key}: a brace is not closed in {pattern!r}")


def _field_or_choice(inside: str, pattern: str, key: str) -> Token:
    name, colon, regex = inside.partition(":")
    if "," in name:
        return Token("choice", inside, options=tuple(inside.split(",")))
    if not name or name != name.strip():
        raise ConfigError(f"{key}: found {{{inside}}} in {pattern!r}, expected {{name}}, {{name:regex}} or {{a,b}}")
    if colon:
        try:
            re.compile(regex)
        except re.error as error:
            raise ConfigError(f"{key}: {regex!r} is no regular expression ({error})") from error
    return Token("field", name, regex=regex if colon else None)


class _Pattern:
    """A text of the config taken apart into tokens."""

    def __init__(self, text: str, key: str) -> None:
        """Takes the text apart.

        Args:
            text: As the config has it.
            key: Of the config, for messages.

        Raises:
            ConfigError: It is no pattern.
        """
        self.text = text
        self.key = key
        self.tokens = tokenize(text, key)

    @property
    def folder(self) -> str:
        """The folder below which everything lies that fits."""
        return self.tokens[0].text.rpartition("/")[0] if self.tokens[0].kind == "text" else ""

    @property
    def names(self) -> set[str]:
        """Names of the parts that it has."""
        return {token.text for token in self.tokens if token.kind == "field"}


class FilePattern(_Pattern):
    """A pattern that tells which files are images, and names the parts of their names."""

    def __init__(self, text: str, key: str) -> None:
        """Takes the pattern apart and compiles it.

        Raises:
            ConfigError: It is no pattern.
        """
        super().__init__(text, key)
        self._regex = _compiled(self.tokens, text, key)

    def match(self, path: str) -> Match | None:
        """The parts of a path, relative to the root; None: it does not fit."""
        found = self._regex.fullmatch(path)
        if found is None:
            return None
        groups = found.groupdict()
        pure = PurePosixPath(path)
        fields = {STEM: pure.stem, "folder": pure.parent.name}
        fields |= {name: value for name, value in groups.items() if value is not None and not name.startswith("_star")}
        return Match(path, tuple(groups[name] for name in groups if name.startswith("_star")), fields)


def _compiled(pieces: Sequence[Token], text: str, key: str) -> re.Pattern[str]:
    parts, seen, stars = [], set(), 0
    for token in pieces:
        if token.kind == "text":
            parts.append(re.escape(token.text))
        elif token.kind == "choice":
            parts.append("(?:" + "|".join(map(re.escape, token.options)) + ")")
        elif token.kind == "field" and token.text in seen:
            parts.append(f"(?P={token.text})")
        elif token.kind == "field":
            seen.add(token.text)
            parts.append(f"(?P<{token.text}>{token.regex or '[^/]+?'})")
        else:
            parts.append(f"(?P<_star{stars}>{'[^/]*?' if token.kind == 'star' else '(?:[^/]+/)*'})")
            stars += 1
    try:
        return re.compile("".join(parts))
    except re.error as error:
        raise ConfigError(
            f"{key}: {text!r} is no pattern of files ({error}); names of parts are plain words"
        ) from error


class Template(_Pattern):
    """Makes a name out of the parts of an image's name: the path of its mask, its patient, its city."""

    def fill(self, match: Match, more: Mapping[str, str] | None = None) -> list[str]:
        """Makes the names that the template stands for, of one image; several where it has a choice.

        Args:
            match: The image.
            more: Further parts by name, say of a table; those of the image's name come first.

        Raises:
            ConfigError: It needs a part that there is not.
            LookupError: A part does not fit the regular expression; the message says so.
        """
        fields = {FILE: PurePosixPath(match.path).name, **(more or {}), **match.fields}
        wanted = sum(token.kind in ("star", "deep") for token in self.tokens)
        if wanted not in (0, len(match.stars)):
            raise ConfigError(
                f"{self.key}: {self.text!r} has {wanted} *, but datamodule.images has {len(match.stars)}; each stands "
                "for the one in the same place there. Use {stem} for the name of the image without its ending"
            )
        stars = iter(match.stars)
        pieces = [
            (next(stars),) if token.kind in ("star", "deep") else self._piece(token, fields) for token in self.tokens
        ]
        return ["".join(chosen) for chosen in itertools.product(*pieces)]

    def _piece(self, token: Token, fields: Mapping[str, str]) -> tuple[str, ...]:
        if token.kind == "text":
            return (token.text,)
        if token.kind == "choice":
            return token.options
        if token.text not in fields:
            known = ", ".join(f"{{{name}}}" for name in sorted(fields) if name != FILE)
            raise ConfigError(f"{self.key}: there is no {{{token.text}}} in {self.text!r}; there are {known}")
        return (self._part(token, fields[token.text]),)

    def _part(self, token: Token, value: str) -> str:
        if token.regex is None:
            return value
        found = re.search(token.regex, value)
        if found is None:
            raise LookupError(f"{self.key}: nothing in {token.text} {value!r} fits {token.regex!r}")
        return str(found[1] if found.re.groups else found[0])

    @cached_property
    def _loose(self) -> re.Pattern[str]:
        forms = {"star": "[^/]*", "deep": "(?:[^/]+/)*", "field": "[^/]+"}
        parts = [
            forms.get(t.kind) or "(?:" + "|".join(map(re.escape, t.options or (t.text,))) + ")" for t in self.tokens
        ]
        return re.compile("".join(parts))

    def could_be(self, path: str) -> bool:
        """Tells whether some image could have this path."""
        return self._loose.fullmatch(path) is not None
