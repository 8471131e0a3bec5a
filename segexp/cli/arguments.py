"""The words of a command line: which command, and what it is about."""

from collections.abc import Sequence
from pathlib import Path

from segexp.cli.flags import belongs_to_flag, config_dirs, flags_first
from segexp.commands import COMMANDS, Command
from segexp.config.overrides.quoting import command_line, hydra_override, quote_patterns, quoted
from segexp.errors import ConfigError

__all__ = ["config_dirs", "flags_first", "help_words", "split"]


def split(argv: list[str]) -> tuple[Command, list[str]]:
    """The command (train where no word says otherwise) and the arguments that are left, operands as an override.

    Raises:
        ConfigError: A word is no command.
    """
    given, argv = argv, quote_patterns(argv)
    for index, argument in enumerate(argv):
        if not _is_word(argument) or belongs_to_flag(argv, index):
            continue
        if argument not in COMMANDS:
            raise ConfigError(_no_command(argument, [*given[:index], *given[index + 1 :]]))
        command = COMMANDS[argument]
        return command, argv[:index] + _with_operands(command, argv[index + 1 :])
    return COMMANDS["train"], argv


def help_words(argv: Sequence[str]) -> list[str] | None:
    """The topics of the word ``help``: all that follows it, flags left out; None where another command is meant."""
    given = list(argv)
    words = [word for index, word in enumerate(given) if word[:1] != "-" and not belongs_to_flag(given, index)]
    return words[1:] if words[:1] == ["help"] else None


def _with_operands(command: Command, argv: list[str]) -> list[str]:
    """``a b metric=auc`` as ``metric=auc runs=['a','b']`` for a command that takes words; a path may hold ``=``."""
    if command.operands is None:
        _refuse_operands(command, argv)
        return argv
    arguments = [
        index
        for index, argument in enumerate(argv)
        if not belongs_to_flag(argv, index) and (_is_word(argument) or Path(argument).exists())
    ]
    rest = [argument for index, argument in enumerate(argv) if index not in arguments]
    if not arguments:
        return rest
    if any(argument.startswith(f"{command.operands}=") for argument in rest):
        raise ConfigError(f"{command.operands}: given twice, as words and as {command.operands}=; use one of them")
    return [*rest, f"{command.operands}=[{','.join(quoted(argv[index]) for index in arguments)}]"]


_KEYS = {"predict": ("run", "input"), "localize": ("run", "input"), "evaluate": ("run",), "export": ("run",),
         "demo": ("run",)}  # fmt: skip
"""Keys of commands that a run is given to by name, in the order in which people type their values."""


def _refuse_operands(command: Command, argv: list[str]) -> None:
    """Refuses words of a command whose values have names, with the line that gives them their names.

    Raises:
        ConfigError: There are such words.
    """
    keys = [key for key in _KEYS.get(command.name, ()) if not any(word.startswith(f"{key}=") for word in argv)]
    words = [word for index, word in enumerate(argv) if _is_word(word) and not belongs_to_flag(argv, index)]
    if not words or not 0 < len(words) <= len(keys):
        return
    named = dict(zip(words, keys, strict=False))
    given = [hydra_override(named[word], word) if word in named else word for word in argv]
    if "input" in _KEYS[command.name] and not any(word.startswith("output=") for word in given):
        # Both commands must be told where to write.
        given = [*given, f"output={command.name}_output"]
    raise ConfigError(
        f"{' '.join(words)}: found without a key, expected {', '.join(f'{key}=' for key in keys)}; write "
        f"{command_line([command.name, *given])}"
    )


def _is_word(argument: str) -> bool:
    return "=" not in argument and argument[:1] not in "~+-"


def _no_command(word: str, others: Sequence[str]) -> str:
    from segexp.config.checks.foreign_names import told_command
    from segexp.config.checks.suggest import nearest

    if (here := told_command(word, others)) is not None:
        return f"{word}: no such command; here it is: python -m segexp {here}"
    best = nearest(word, COMMANDS)
    hint = f" Did you mean '{best}'?" if best else ""
    listing = "\n".join(f"  {name:<10} {command.meaning}" for name, command in COMMANDS.items())
    return f"{word}: no such command.{hint} An override is written key=value. Commands:\n{listing}"
