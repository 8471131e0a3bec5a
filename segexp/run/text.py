"""Names of files as text: what is no UTF-8, or no letter of a line, is escaped, so that any file takes it."""

import re
import sys

_UNDECODED = re.compile("[\ud800-\udfff]")
_NO_LETTER = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters and line ends, and what Python makes of bytes that are no UTF-8."""


def decodable(text: str) -> str:
    r"""The text with bytes that are no UTF-8 as ``\xfc``; line ends stay."""
    return _UNDECODED.sub(_escape, text)


def one_line(text: str) -> str:
    r"""A name with all that is no letter escaped: ``M\xfcller``, ``a\x0ab``."""
    return _NO_LETTER.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    number = ord(found[0])
    if 0xDC80 <= number <= 0xDCFF:
        # How Python keeps the byte.
        number -= 0xDC00
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


def tolerant_streams() -> None:
    """Lets the terminal escape what it cannot show: no word of ours is worth ending a run."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
