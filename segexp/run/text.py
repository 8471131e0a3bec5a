"""Names from elsewhere (files, classes, runs) as one readable line, whatever letters they hold."""

import re

_HIDDEN = "\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff"
"""Control characters (a terminal obeys some), those that turn the direction of writing, and bytes that are no UTF-8."""
_LINE = re.compile(f"[{_HIDDEN}]")
_TEXT = re.compile(f"[{_HIDDEN}]".replace("\\x00-\\x1f", "\\x00-\\x08\\x0b-\\x1f"))


def printable(text: str) -> str:
    """One line: line feeds, and all that a reader would not see, as their number in hexadecimal after a backslash."""
    return _LINE.sub(_escape, text)


def readable(text: str) -> str:
    """The same of a text of several lines: line feeds and tabs stay."""
    return _TEXT.sub(_escape, text)


def utf8(text: str) -> bytes:
    """Bytes of a file; what has no place in UTF-8 is written as its number after a backslash."""
    return text.encode("utf-8", "backslashreplace")


def shortened(text: str, most: int) -> str:
    """At most so many letters, with an ellipsis in the middle: names often differ in their end."""
    if len(text) <= most:
        return text
    tail = most // 3
    return f"{text[: most - tail - 1]}…{text[-tail:]}"


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
