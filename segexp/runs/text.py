"""Names from elsewhere (files, classes, runs) as one readable line, whatever letters they hold."""

import re
import sys
from collections.abc import Sequence

_HIDDEN = "\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff"
"""Control characters (a terminal obeys some), those that turn the direction of writing, and bytes that are no UTF-8."""
_UNDECODED = re.compile("[\ud800-\udfff]")
_LINE = re.compile(f"[{_HIDDEN}]")
_TEXT = re.compile(f"[{_HIDDEN}]".replace("\\x00-\\x1f", "\\x00-\\x08\\x0b-\\x1f"))


def printable(text: str) -> str:
    """Escapes line feeds and all that a reader would not see, as hexadecimal numbers after a backslash: one line."""
    return _LINE.sub(_escape, text)


def readable(text: str) -> str:
    """Escapes what a reader would not see in a text of several lines; line feeds and tabs stay."""
    return _TEXT.sub(_escape, text)


def utf8(text: str) -> bytes:
    r"""Encodes a text as UTF-8; what has no place there is written as a number after a backslash: ``M\xfcller``."""
    return _UNDECODED.sub(_escape, text).encode("utf-8")


def shortened(text: str, most: int) -> str:
    """Cuts a text to ``most`` letters, with an ellipsis in the middle: names often differ in their end."""
    if len(text) <= most:
        return text
    tail = most // 3
    return f"{text[: most - tail - 1]}…{text[-tail:]}"


def shape_text(shape: Sequence[object], between: str) -> str:
    """Numbers of a shape on one line; a pair is the smallest and the largest: ``14 × 3 × 200–600 × 300–800``.

    Args:
        shape: Whole numbers, and pairs of them where not all have the same.
        between: What stands between two, such as ``" × "``.
    """
    return between.join("–".join(map(str, side)) if isinstance(side, list) else str(side) for side in shape)


def _escape(found: re.Match[str]) -> str:
    number = ord(found[0])
    if 0xDC80 <= number <= 0xDCFF:
        # How Python keeps a byte that is no UTF-8.
        return f"\\x{number - 0xDC00:02x}"
    return found[0].encode("unicode_escape").decode("ascii")


def tolerant_streams() -> None:
    """Lets the terminal escape what it cannot show: no word of ours is worth ending a run."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
