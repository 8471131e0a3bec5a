"""Texts that the grammar of Hydra would take for something else."""

import re
from collections.abc import Sequence

_PATTERNS = re.compile(r"(\+{0,2}datamodule\.(?:root|images|masks|valid|unit|group|stratum|table))=(.*)", re.DOTALL)
"""Keys of ``datamodule=folder`` that are names of files, or patterns of them."""
_PATHS = re.compile(r"(run|input|output)=(.*)", re.DOTALL)
"""Keys of commands that start from a run, likewise: one name or glob, or a list in brackets."""


def quoted(text: str) -> str:
    """A string in Hydra's grammar: quotes, and backslashes that stand before a quote, are escaped."""
    escaped = re.sub(r"(\\*)('|$)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), text)
    return f"'{escaped}'"


def quote_patterns(argv: Sequence[str]) -> list[str]:
    """``datamodule.masks=gt/{stem}.png`` as ``datamodule.masks='gt/{stem}.png'``: a brace would begin a block of keys.

    What looks like a block is left as it is for data sets that are not called ``folder``: they may have some.
    """
    chosen = [argument.split("=", 1)[1] for argument in argv if argument.startswith("datamodule=")]
    other = bool(chosen) and chosen[-1] != "folder"
    return [_in_quotes(argument, blocks=other) for argument in argv]


def as_typed(argv: Sequence[str]) -> list[str]:
    """The words without the quotes of :func:`quote_patterns`: what a user reads, and may give again."""
    words = list(argv)
    for index, argument in enumerate(argv):
        key, _, value = argument.partition("=")
        if len(value) > 1 and value[0] == value[-1] == "'":
            plain = re.sub(r"(\\*)('|$)", lambda found: found[1][: len(found[1]) // 2] + found[2], value[1:-1])
            words[index] = f"{key}={plain}"
            # Other words keep their quotes: without them they would be something else.
            if quote_patterns(words)[index] != argument:
                words[index] = argument
    return words


def _in_quotes(argument: str, *, blocks: bool) -> str:
    path = _PATHS.fullmatch(argument)
    if path is not None and path[2] and path[2][0] not in "'\"[$?" and "${" not in path[2]:
        return f"{path[1]}={quoted(path[2])}"
    found = _PATTERNS.fullmatch(argument)
    if found is None or "{" not in found[2] or found[2][0] in "'\"" or "${" in found[2]:
        return argument
    if blocks and re.fullmatch(r"\{.*:.*\}", found[2], re.DOTALL):
        return argument
    return f"{found[1]}={quoted(found[2])}"
