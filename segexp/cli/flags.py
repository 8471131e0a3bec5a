"""Flags of Hydra among the words of a command line: they may stand anywhere, and folders of options are several."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from segexp.errors import ConfigError

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
          "--shell-completion", "-sc", "--comments")  # fmt: skip
_LONG = {"-cd": "--config-dir", "-cp": "--config-path", "-cn": "--config-name", "-c": "--cfg", "-p": "--package",
         "-i": "--info", "-h": "--help", "-r": "--run", "-m": "--multirun", "-sc": "--shell-completion"}  # fmt: skip
_HYDRA_ANSWERS = ("--info", "--hydra-help", "--shell-completion")


@dataclass(frozen=True)
class Flags:
    """A command line as its flags and its overrides, as :func:`read_flags` gives it.

    Attributes:
        overrides: All words that are no flag, and no value of one.
        cfg: What ``--cfg`` shows; None: nothing.
        package: The block that it shows.
        resolve: Whether it shows values in place of references.
        comments: Whether it shows the comment of each key.
        multirun: Whether ``-m`` asks for a sweep.
        asks_hydra: Whether Hydra answers, and nothing runs.
        config_name: Primary config in place of the command's.
        config_path: Folder in place of ours.
    """

    overrides: list[str] = field(default_factory=list)
    cfg: str | None = None
    package: str | None = None
    resolve: bool = False
    comments: bool = False
    multirun: bool = False
    asks_hydra: bool = False
    config_name: str | None = None
    config_path: str | None = None


def belongs_to_flag(argv: list[str], index: int) -> bool:
    """Returns whether the word there is the value of the flag before it."""
    before = argv[index - 1] if index > 0 else ""
    return before in _OPTIONS_WITH_VALUE or (before in _INFO and argv[index] in _ABOUT)


def is_flag(word: str) -> bool:
    """Returns whether a word is a flag of Hydra or of ours, maybe with its value."""
    name, equals, _ = word.partition("=")
    known = name in _FLAGS or name in _INFO
    return known or (name in _OPTIONS_WITH_VALUE and not (equals and not name.startswith("--")))


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


def flags_first(argv: list[str], more: Sequence[str]) -> list[str]:
    """Flags with their values first, then all overrides, with ``more`` behind them.

    Hydra's parser ends with its usage at a flag between two overrides; here flags may stand anywhere.

    Raises:
        ConfigError: There is no such flag, or one lacks its value.
    """
    flags: list[str] = []
    arguments: list[str] = []
    waiting = list(argv)
    while waiting:
        word = waiting.pop(0)
        if not word.startswith("-"):
            arguments.append(word)
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
    return [*_one_config_dir(flags), *arguments, *_more_config_dirs(flags), *more]


def read_flags(argv: list[str]) -> Flags:
    """Reads the flags of a command line, wherever they stand.

    Args:
        argv: Arguments without the command word and without ``--config-dir``.

    Raises:
        ConfigError: There is no such flag, one lacks its value, or two ask for different things.
    """
    first = flags_first(argv, [])
    given: dict[str, str] = {}
    overrides: list[str] = []
    while first:
        word = first.pop(0)
        if not word.startswith("-"):
            overrides.append(word)
            continue
        name, _, value = word.partition("=")
        if word in _OPTIONS_WITH_VALUE or (word in _INFO and first and first[0] in _ABOUT):
            value = first.pop(0)
        given[_LONG.get(name, name)] = value
    asking = [flag for flag in ("--multirun", "--run", "--cfg", *_HYDRA_ANSWERS) if flag in given]
    if len(asking) > 1:
        raise ConfigError("-m, --cfg, --info and --shell-completion: give one of them")
    return Flags(
        overrides,
        cfg=given.get("--cfg"),
        package=given.get("--package"),
        resolve="--resolve" in given,
        comments="--comments" in given,
        multirun="--multirun" in given,
        asks_hydra=bool(set(asking) & set(_HYDRA_ANSWERS)),
        config_name=given.get("--config-name"),
        config_path=given.get("--config-path"),
    )


def _refuse_view(flag: str, value: str) -> None:
    if _OPTIONS_WITH_VALUE.get(flag) == _VIEW and value not in _VIEWS:
        raise ConfigError(f"{flag}: found {value!r}, expected {_VIEW}")


def _known(flag: str) -> str:
    """The flag, if Hydra has it.

    Raises:
        ConfigError: It has not.
    """
    if is_flag(flag):
        return flag
    raise no_flag(flag)


def nearest_flag(flag: str) -> str | None:
    """The flag that a wrong one is a misspelling of; None: there is none."""
    from segexp.config.checks.suggest import nearest

    return nearest(flag.partition("=")[0], [*_FLAGS, *_INFO, *_OPTIONS_WITH_VALUE])


def no_flag(flag: str) -> ConfigError:
    """The error for a flag that there is not."""
    best = nearest_flag(flag)
    hint = f" Did you mean '{best}'?" if best else ""
    return ConfigError(f"{flag}: no such flag.{hint} A key is written without dashes, key=value")


def _one_config_dir(flags: list[str]) -> list[str]:
    """Flags of which Hydra, which heeds one ``--config-dir``, gets the first alone."""
    folders = config_dirs(flags)
    return [*(("--config-dir", folders[0]) if folders else ()), *without_config_dirs(flags)]


def _more_config_dirs(flags: list[str]) -> list[str]:
    from segexp.config.overrides.recompose import search_path

    folders = config_dirs(flags)[1:]
    return [search_path(folders)] if folders else []
