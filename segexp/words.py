"""The words of a command line: which command, which folders of options, in which order Hydra takes them."""

from collections.abc import Sequence
from pathlib import Path

from segexp.commands import COMMANDS, Command
from segexp.config.quoting import quote_patterns, quoted
from segexp.errors import ConfigError


def split(argv: list[str]) -> tuple[Command, list[str]]:
    """The command (train where no word says otherwise) and the arguments that are left, operands as an override.

    Raises:
        ConfigError: A word is no command.
    """
    argv = quote_patterns(argv)
    for index, argument in enumerate(argv):
        if not _is_word(argument) or _belongs_to_flag(argv, index):
            continue
        if argument not in COMMANDS:
            raise ConfigError(_no_command(argument))
        command = COMMANDS[argument]
        return command, argv[:index] + _with_operands(command, argv[index + 1 :])
    return COMMANDS["train"], argv


def _with_operands(command: Command, argv: list[str]) -> list[str]:
    """``a b metric=auc`` as ``metric=auc runs=['a','b']`` for a command that takes words; a path may hold ``=``."""
    if command.operands is None:
        return argv
    words = [
        index
        for index, argument in enumerate(argv)
        if not _belongs_to_flag(argv, index) and (_is_word(argument) or Path(argument).exists())
    ]
    rest = [argument for index, argument in enumerate(argv) if index not in words]
    if not words:
        return rest
    if any(argument.startswith(f"{command.operands}=") for argument in rest):
        raise ConfigError(f"{command.operands}: given twice, as words and as {command.operands}=; use one of them")
    return [*rest, f"{command.operands}=[{','.join(quoted(argv[index]) for index in words)}]"]


def _belongs_to_flag(argv: list[str], index: int) -> bool:
    before = argv[index - 1] if index > 0 else ""
    return before in _OPTIONS_WITH_VALUE or (before in _INFO and argv[index] in _ABOUT)


_FOLDER, _NAME, _VIEW, _KEY = "a folder", "a name", "job, hydra or all", "a key"
_VIEWS = ("job", "hydra", "all")
_OPTIONS_WITH_VALUE = {
    "--config-dir": _FOLDER, "-cd": _FOLDER, "--config-path": _FOLDER, "-cp": _FOLDER, "--config-name": _NAME,
    "-cn": _NAME, "--cfg": _VIEW, "-c": _VIEW, "--package": _KEY, "-p": _KEY,
}  # fmt: skip
"""Flags of Hydra that a value follows, and what it is."""
_INFO = ("--info", "-i")
_ABOUT = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
"""What ``--info`` may be about; it needs no value."""
_FLAGS = ("--help", "-h", "--hydra-help", "--version", "--resolve", "--run", "-r", "--multirun", "-m",
          "--shell-completion", "-sc")  # fmt: skip


def _is_word(argument: str) -> bool:
    return "=" not in argument and argument[:1] not in "~+-"


def _no_command(word: str) -> str:
    from segexp.config.suggest import nearest

    best = nearest(word, COMMANDS)
    hint = f" Did you mean '{best}'?" if best else ""
    listing = "\n".join(f"  {name:<10} {command.meaning}" for name, command in COMMANDS.items())
    return f"{word}: no such command.{hint} An override is written key=value. Commands:\n{listing}"


def config_dirs(argv: list[str]) -> list[str]:
    """Values of ``--config-dir``, so that a user's own options are listed and suggested too."""
    found = []
    for index, argument in enumerate(argv):
        if argument in ("--config-dir", "-cd") and index + 1 < len(argv):
            found.append(argv[index + 1])
        elif argument.startswith("--config-dir="):
            found.append(argument.split("=", 1)[1])
    return found


def without_config_dirs(argv: list[str]) -> list[str]:
    """The arguments without ``--config-dir`` and its values."""
    flags = ("--config-dir", "-cd")
    return [
        argument
        for index, argument in enumerate(argv)
        if argument not in flags
        and not argument.startswith("--config-dir=")
        and not (index > 0 and argv[index - 1] in flags)
    ]


def ordered(argv: list[str], more: Sequence[str]) -> list[str]:
    """Flags with their values first, then all overrides, with ``more`` behind them.

    Hydra's parser ends with its usage at a flag between two overrides; here flags may stand anywhere.

    Raises:
        ConfigError: There is no such flag, or one lacks its value.
    """
    flags: list[str] = []
    words: list[str] = []
    waiting = list(argv)
    while waiting:
        word = waiting.pop(0)
        if not word.startswith("-"):
            words.append(word)
            continue
        flags.append(_known(word))
        if word in _OPTIONS_WITH_VALUE:
            if not waiting:
                raise ConfigError(f"{word}: found nothing behind it; expected {_OPTIONS_WITH_VALUE[word]}")
            flags.append(waiting.pop(0))
            _refuse_view(word, flags[-1])
        elif "=" in word:
            _refuse_view(*word.split("=", 1))
        elif word in _INFO and waiting and waiting[0] in _ABOUT:
            flags.append(waiting.pop(0))
    return [*_one_config_dir(flags), *words, *_more_config_dirs(flags), *more]


def _refuse_view(flag: str, value: str) -> None:
    if _OPTIONS_WITH_VALUE.get(flag) == _VIEW and value not in _VIEWS:
        raise ConfigError(f"{flag}: found {value!r}, expected {_VIEW}")


def _known(flag: str) -> str:
    """The flag, if Hydra has it.

    Raises:
        ConfigError: It has not.
    """
    name, equals, _ = flag.partition("=")
    if name in _FLAGS or name in _INFO or name in _OPTIONS_WITH_VALUE and not (equals and not name.startswith("--")):
        return flag
    from segexp.config.suggest import nearest

    best = nearest(name, [*_FLAGS, *_INFO, *_OPTIONS_WITH_VALUE])
    hint = f" Did you mean '{best}'?" if best else ""
    raise ConfigError(f"{flag}: no such flag.{hint} A key is written without dashes, key=value")


def _one_config_dir(flags: list[str]) -> list[str]:
    """Flags of which Hydra, which heeds one ``--config-dir``, gets the first alone."""
    folders = config_dirs(flags)
    return [*(("--config-dir", folders[0]) if folders else ()), *without_config_dirs(flags)]


def _more_config_dirs(flags: list[str]) -> list[str]:
    from segexp.config.recompose import search_path

    folders = config_dirs(flags)[1:]
    return [search_path(folders)] if folders else []
