"""The words of a command line: which command, and what it is about."""

from collections.abc import Sequence
from pathlib import Path

from segexp.cli.flags import belongs_to_flag, config_dirs, flags_first
from segexp.commands import COMMANDS, Command
from segexp.config.overrides.quoting import printed, quote_patterns, quoted, shell_word
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
        refuse_bare_words(command, given[index + 1 :])
        return command, argv[:index] + _with_operands(command, argv[index + 1 :])
    return COMMANDS["train"], argv


def refuse_bare_words(command: Command, argv: Sequence[str]) -> None:
    """Proposes the keys for words without one behind a command of a trained model: ``evaluate last``.

    Raises:
        ConfigError: There are some.
    """
    if command.operands is not None or command.name not in OF_A_RUN:
        return
    given = list(argv)
    bare = [word for i, word in enumerate(given) if _is_word(word) and word and not belongs_to_flag(given, i)]
    if not bare:
        return
    keys = [key for key in ("run", "input") if not any(word.lstrip("+").startswith(f"{key}=") for word in given)]
    words = [printed(key, word) for key, word in zip(keys, bare, strict=False)]
    others = [shell_word(word) for word in given if word not in bare]
    if words and len(bare) <= len(keys) and (command.name in OF_IMAGES or len(bare) == 1):
        line = " ".join(["python -m segexp", command.name, *words, *others])
        raise ConfigError(f"{' '.join(bare)}: found no key, expected key=value; write {line}")


OF_A_RUN = ("evaluate", "predict", "localize", "export", "demo", "encode", "decode")
"""Commands of a trained model, which they take as ``run=``."""
OF_IMAGES = ("predict", "localize", "encode")
"""Those that take images as ``input=``."""


def help_words(argv: Sequence[str]) -> list[str] | None:
    """The topics of the word ``help``: all that follows it, flags left out; None where another command is meant."""
    given = list(argv)
    words = [word for index, word in enumerate(given) if word[:1] != "-" and not belongs_to_flag(given, index)]
    return words[1:] if words[:1] == ["help"] else None


def _with_operands(command: Command, argv: list[str]) -> list[str]:
    """``a b metric=auc`` as ``metric=auc runs=['a','b']`` for a command that takes words; a path may hold ``=``."""
    if command.operands is None:
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
