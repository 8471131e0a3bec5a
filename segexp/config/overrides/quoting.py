"""Texts that the grammar of Hydra, or a shell, would take for something else; how commands are printed."""

import os
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_PATTERNS = re.compile(
    r"(\+{0,2}datamodule\.(?:root|images|masks|valid|split_by|unit|group|stratum|table|table_key|split_file))=(.*)",
    re.DOTALL,
)
"""Keys of ``datamodule=folder`` that are names of files, or patterns of them."""
_SWEEP = re.compile(r"^\w+\(.*\)$|,", re.DOTALL)
"""``a,b`` and ``glob(*)``."""
_PATHS = re.compile(r"(run|input|output)=(.*)", re.DOTALL)
"""Keys of commands that start from a run, likewise: one name or glob, or a list in brackets."""
_FOLDERS = re.compile(
    r"(\+{0,2}(?:resume|init_from|sweep\.resume|output_dir|out))=([^,'\"\[{$?\\\\][^,\\\\]*)", re.DOTALL
)
"""Keys that are one folder or file; a comma may part the values of a sweep."""


_PLAIN = re.compile(r"[A-Za-z_./][\w./-]*", re.ASCII)
"""Texts that mean themselves in Hydra's grammar and in a shell, the words of :data:`_NO_TEXT` left out."""
_NO_TEXT = re.compile(r"null|true|false|inf|nan|[.\d_]+(e[-\d_]*)?|.*\.\.\..*", re.IGNORECASE)
_RAW = ("from",)
"""Keys that segexp reads itself, before Hydra sees the words: nothing is quoted in them."""


def quoted(text: str) -> str:
    """A string in Hydra's grammar: quotes, and backslashes that stand before a quote, are escaped; so is ``${``."""
    # Backslashes before ${ double, or the last of them would be taken for the one that escapes it.
    literal = re.sub(r"(\\*)\$\{", lambda found: found[1] * 2 + "\\${", text)
    escaped = re.sub(r"(\\*)('|$)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), literal)
    return f"'{escaped}'"


def hydra_override(key: str, value: Any) -> str:
    """The word ``key=value`` by which a key of the config gets exactly this value, in Hydra's grammar.

    Args:
        key: With its dots, and with a leading ``+`` where it is not in the config yet.
        value: Text, number, true, false, None, or a list or block of such.

    Returns:
        One word of a command line; :func:`command_line` quotes it for a shell.
    """
    return f"{key}={value if key in _RAW else _literal(value)}"


def command_line(arguments: Iterable[str]) -> str:
    """``python -m segexp`` with these words, to be pasted into a shell; always a single line.

    Quotes of Hydra's grammar that :mod:`segexp.cli.arguments` puts there by itself are left out.
    """
    return " ".join(["python -m segexp", *map(shell_word, as_typed(list(arguments)))])


def texts_inside(value: str) -> list[str] | dict[str, str] | None:
    """The texts of a list or block whose own quotes a shell has taken, or that never had any; None for other values.

    Args:
        value: Such as ``[#ff8800,#000000]`` or ``{0:background,1:vessel (thin)}``; nothing is nested in it.
    """
    found = re.fullmatch(r"\[([^][{}'\"]+)\]|\{([^][{}'\"]+)\}", value.strip())
    if found is None:
        return None
    items = [item.strip() for item in (found[1] or found[2]).split(",")]
    if found[1]:
        return items
    pairs = [item.partition(":") for item in items]
    return {key.strip(): text.strip() for key, _, text in pairs} if all(colon for _, colon, _ in pairs) else None


def given_line(command: Sequence[str]) -> str:
    """A command in words, of which the first is the program's name, as the line that can be pasted; empty for none."""
    return command_line(command[1:]) if command else ""


def printed(key: str, value: Any) -> str:
    """:func:`hydra_override` for a line that says ``add <word> to the command``: quoted for a shell as well."""
    return shell_word(*as_typed([hydra_override(key, value)]))


def shell_word(word: str) -> str:
    """A word quoted for bash and zsh; line breaks, and bytes of names that are no text, as escapes in ``$'...'``."""
    if word.isprintable():
        return shlex.quote(word)
    return "$'" + "".join(map(_escaped, word)) + "'"


def _escaped(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    if character.isprintable():
        return character
    # Octal digits end after three; hexadecimal ones would go on into the text behind them.
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "surrogateescape"))


def _literal(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            if _PLAIN.fullmatch(value) and not _NO_TEXT.fullmatch(value):
                return value
            # A shell needs single quotes around double ones and none of its own inside.
            return quoted(value) if re.search(r'["\\\\$]', value) else f'"{value}"'
        case Mapping():
            return "{" + ",".join(f"{_block_key(key)}:{_literal(item)}" for key, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(map(_literal, value)) + "]"
    return str(value)


def _block_key(key: Any) -> str:
    """A key of a block, which cannot be quoted: what ends it is escaped."""
    return re.sub(r"([\\()\[\]{}:=, \t])", r"\\\1", str(key))


def quote_patterns(argv: Sequence[str]) -> list[str]:
    """``datamodule.masks=gt/{stem}.png`` as ``datamodule.masks='gt/{stem}.png'``: a brace would begin a block of keys.

    Names of files with blanks, accents, quotes and other signs of the grammar are quoted too, so that they may be given
    as a shell gives them; those with commas only where there is such a file.
    What looks like a block is left as it is for data sets that are not called ``folder``: they may have some.
    """
    chosen = [argument.split("=", 1)[1] for argument in argv if argument.startswith("datamodule=")]
    other = bool(chosen) and chosen[-1] != "folder"
    return [_in_quotes(argument, blocks=other) for argument in argv]


def unquoted(value: str) -> str:
    """The text that a value stands for in Hydra's grammar, where a word is read before Hydra has seen it."""
    if len(value) < 2 or value[0] not in "'\"" or value[-1] != value[0]:
        return value
    plain = re.sub(rf"(\\*)({value[0]}|$)", lambda found: found[1][: len(found[1]) // 2] + found[2], value[1:-1])
    return re.sub(r"(\\*)\\\$\{", lambda found: found[1][: len(found[1]) // 2] + "${", plain)


def as_typed(argv: Sequence[str]) -> list[str]:
    """The words without the quotes of :func:`quote_patterns`: what a user reads, and may give again."""
    arguments = list(argv)
    for index, argument in enumerate(argv):
        key, _, value = argument.partition("=")
        plain = unquoted(value)
        if plain != value:
            arguments[index] = f"{key}={plain}"
            # Other words keep their quotes: without them they would be something else.
            if quote_patterns(arguments)[index] != f"{key}={quoted(plain)}":
                arguments[index] = argument
    return arguments


def _in_quotes(argument: str, *, blocks: bool) -> str:
    path = _PATHS.fullmatch(argument)
    if path is not None and path[2] and path[2][0] not in "'\"[$?" and "${" not in path[2]:
        return f"{path[1]}={quoted(path[2])}"
    folder = _FOLDERS.fullmatch(argument)
    if folder is not None and "${" not in folder[2] and re.search(r"[^\w/.+@%*|~-]", folder[2], re.ASCII):
        return f"{folder[1]}={quoted(folder[2])}"
    found = _PATTERNS.fullmatch(argument)
    if found is None or not _needs_quotes(found[2]):
        return argument
    if blocks and re.fullmatch(r"\{.*:.*\}", found[2], re.DOTALL):
        return argument
    return f"{found[1]}={quoted(found[2])}"


def _needs_quotes(value: str) -> bool:
    """Whether Hydra would not take a name for itself; commas and calls may stand for the values of a sweep."""
    if value != "null" and os.path.exists(os.path.expanduser(value)):  # noqa: PTH110, PTH111 - any text
        return _PLAIN.fullmatch(value) is None or _NO_TEXT.fullmatch(value) is not None
    if value[:1] in ("", "'", '"') or "${" in value:
        return False
    if "{" in value:
        return True
    return _SWEEP.search(value) is None and re.fullmatch(r"[\w/.+@%*|~?:-]*", value, re.ASCII) is None
