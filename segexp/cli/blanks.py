"""Blanks around ``=``, as in ``trainer.max_epochs = 5``: which word was meant."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from segexp.cli.flags import belongs_to_flag
from segexp.commands import COMMANDS
from segexp.config.overrides.quoting import shell_word
from segexp.errors import ConfigError

_KEY = re.compile(r"[+~]{0,2}[A-Za-z_][\w./@-]*", re.ASCII)
_BLANK = re.compile(rf"({_KEY.pattern})\s+=\s*(.*)", re.ASCII | re.DOTALL)


def refuse_blanks(argv: Sequence[str]) -> None:
    """Refuses words that are one override with blanks around its ``=``, with the words to write.

    Args:
        argv: All arguments, the command word among them.

    Raises:
        ConfigError: There are such words.
    """
    if lines := list(_lines(list(argv))):
        raise ConfigError("\n".join(lines))


def _lines(argv: list[str]) -> Iterator[str]:
    words = [word for word in argv if word in COMMANDS]
    operands = bool(words) and COMMANDS[words[0]].operands is not None
    for index, word in enumerate(argv):
        before = argv[index - 1] if index else ""
        after = argv[index + 1] if index + 1 < len(argv) else ""
        if belongs_to_flag(argv, index):
            continue
        if (one := _BLANK.fullmatch(word)) is not None and not Path(word).exists():
            yield _line(word, one[1], one[2])
        elif word == "=" and _KEY.fullmatch(before) and after:
            yield _line(f"{before} = {after}", before, after)
        elif word[:1] == "=" and word[1:2] not in ("", "=") and _KEY.fullmatch(before) and before not in COMMANDS:
            yield _line(f"{before} {word}", before, word[1:])
        # Behind other commands the next word may be a run folder.
        elif _KEY.fullmatch(word[:-1]) and word[-1:] == "=" and _is_value(after) and not operands:
            yield _line(f"{word} {after}", word[:-1], after)


def _is_value(word: str) -> bool:
    return word != "" and word[0] not in "-=" and "=" not in word and word not in COMMANDS


def _line(found: str, key: str, value: str) -> str:
    return f"{found}: blanks around =; write {shell_word(f'{key}={value}')}"
