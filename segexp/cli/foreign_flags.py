"""Flags as other command lines have them, ``--lr 0.1`` or ``--trainer.max_epochs=3``: which word of ours they are."""

import re
from collections.abc import Sequence

from segexp.cli.flags import belongs_to_flag, config_dirs, is_flag, nearest_flag, no_flag
from segexp.commands import COMMANDS
from segexp.config.overrides.quoting import shell_word
from segexp.errors import ConfigError

_OPTION = re.compile(r"-{1,2}([A-Za-z][\w.-]*)(?:=(.*))?", re.DOTALL)


def refuse_foreign_flags(argv: Sequence[str]) -> None:
    """Refuses flags that neither Hydra nor segexp has, with the word to write where a key of ours was meant.

    Args:
        argv: All arguments, the command word among them.

    Raises:
        ConfigError: There is one.
    """
    for index, word in enumerate(argv):
        found = _OPTION.fullmatch(word)
        if found is None or is_flag(word) or belongs_to_flag(list(argv), index):
            continue
        key, value = found[1].replace("-", "_"), found[2]
        following = argv[index + 1] if index + 1 < len(argv) else ""
        follows = value is None and following and following[0] != "-" and "=" not in following
        others = [other for place, other in enumerate(argv) if place != index and not (follows and place == index + 1)]
        given = value if value is not None else following if follows else "true"
        line = None if nearest_flag(word) is not None else _proposal(key, given, others)
        if line is None:
            raise no_flag(word)
        raise ConfigError(f"{word}: no such flag. {line}; keys are written without dashes")


def _for_folder(key: str, value: str, others: Sequence[str]) -> str | None:
    """The words for a folder that exists, given by a flag that speaks of data: ``--data leaves``."""
    from segexp.config.checks.folder_words import folder_words

    chosen = ("datamodule.root",) if any(other.startswith("datamodule=") for other in others) else ()
    return folder_words(key, value, chosen, {"datamodule": ("folder",)})


def _proposal(key: str, value: str, others: Sequence[str]) -> str | None:
    """What to write for a key and its value; None where nothing is near, or what is near does not take the value."""
    from hydra.errors import HydraException

    from segexp.cli.hydra_errors import accepted_key
    from segexp.config.checks.folder_words import say_folder
    from segexp.config.checks.foreign_names import counterpart

    word = next((other for other in others if other in COMMANDS), "train")
    if COMMANDS[word].takes_training and (line := counterpart(key, value)) is not None:
        return line
    if COMMANDS[word].takes_training and (words := _for_folder(key, value, others)) is not None:
        return say_folder(words)
    kept = [other for other in others if other not in COMMANDS and not other.startswith("-") and "=" in other]
    try:
        found = accepted_key(key, value, COMMANDS[word].config, kept, config_dirs(list(others)))
    except (ConfigError, HydraException):
        return None
    return None if found is None else f"Write {shell_word(f'{found}={value}')}"
