"""Names from elsewhere in Markdown: they are read as they are, and are neither markup, nor HTML, nor links."""

import re

from segexp.runs.text import printable

# ] makes a link only before one of three, _ stresses only at the end of a word: most names stay as they are.
_MARKS = re.compile(r"[\\`*|~]|\](?=[(\[:])|\[(?=\^)|!(?=\[)|(?<![^\W_])_|_(?![^\W_])")
_HTML = {"<": "&lt;", ">": "&gt;"}
_ADDRESS = re.compile(r"\b(https?|ftp|mailto|xmpp|www)([:.])", re.IGNORECASE)
_BLOCK = re.compile(r"^\s*(?:[#+=-]|\d+[.)])")


def escape_text(text: str) -> str:
    """One line of text for a cell of a table or within a line."""
    line = re.sub(r"&(?=#?\w+;)", "&amp;", printable(text))
    line = _MARKS.sub(r"\\\g<0>", line)
    line = re.sub("[<>]", lambda found: _HTML[found[0]], line)
    # Addresses, and names of people, become links by themselves.
    line = _ADDRESS.sub(lambda found: f"{found[1]}&#{ord(found[2])};", line)
    return line.replace("@", "&#64;")


def escape_line(text: str) -> str:
    """Escapes text at the begin of a line, where ``#`` or ``-`` would make a heading or a list."""
    found = escape_text(text)
    return _BLOCK.sub(lambda start: f"{start[0][:-1]}\\{start[0][-1]}", found)


def format_code(text: str) -> str:
    """Text in the letters of code, within a line."""
    fence = _fence(text, 1)
    room = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{room}{printable(text)}{room}{fence}"


def format_code_block(text: str) -> str:
    """A line of code as a block."""
    fence = _fence(text, 3)
    return f"{fence}\n{printable(text)}\n{fence}"


def _fence(text: str, least: int) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    return "`" * (longest + 1 if longest >= least else least)
