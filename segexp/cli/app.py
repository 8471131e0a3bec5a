"""The commands of segexp: finds the command word, lets Hydra compose, checks, and only then imports what is heavy."""

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segexp.cli.arguments import config_dirs, help_words, split
from segexp.cli.blanks import refuse_blanks
from segexp.cli.foreign_flags import refuse_foreign_flags
from segexp.cli.hydra_app import INTERRUPTED, hydra_as_it_was, invocation, run_guarded, run_hydra
from segexp.cli.messages import say_error, say_exception
from segexp.commands import COMMANDS, OWN_KEYS, Command
from segexp.config.migration import for_hydra, preset_of
from segexp.config.paths import conf_dir
from segexp.config.stored.trust import trusting
from segexp.errors import ConfigError, Interrupted, SegexpError
from segexp.invocation import Invocation
from segexp.runs.text import printable, tolerant_streams
from segexp.system.garbage import garbage_kept, garbage_searched
from segexp.system.pipe import BROKEN_PIPE, output_is_closed
from segexp.version import VERSION

if TYPE_CHECKING:
    from segexp.config.experiment import Experiment
    from segexp.sweeps.command import Sweep
    from segexp.sweeps.search.command import SearchCommand


def run(argv: Sequence[str]) -> int:
    """Runs one command line.

    Args:
        argv: Arguments without the program's name.

    Returns:
        Exit code: 0, 1 for a failed run, 2 for the user's mistake, 130 after Ctrl-C.
    """
    tolerant_streams()
    try:
        if any(word.startswith("-") for word in argv):
            refuse_foreign_flags(argv)
        if (topics := help_words(argv)) is not None:
            return _help(topics, argv)
        refuse_blanks(argv)
        # A command that there is not is answered with the words as they were typed.
        split(list(argv))
        command, rest = split(_with_last_run(argv))
        rest = for_hydra(rest)
        with trusting(rest):
            return _dispatch(command, rest)
    except SegexpError as error:
        say_error(error)
        return error.exit_code
    except KeyboardInterrupt as stop:
        # What a job was doing is told by the job, whose error is the cause.
        if not isinstance(stop.__cause__, SegexpError):
            say_error(Interrupted("interrupted", INTERRUPTED))
        return INTERRUPTED
    except BrokenPipeError:
        if output_is_closed():
            return BROKEN_PIPE
        raise
    except (OSError, MemoryError) as error:
        say_exception(error, debug="debug=true" in argv)
        return 1


def compose_training(words: Sequence[str]) -> "Experiment":
    """Composes and checks one training for a program in Python; nothing is run, and no state of Hydra is left.

    Args:
        words: As on the command line.

    Raises:
        ConfigError: As on the command line; or the words are those of another command, a sweep or a search.
    """
    from segexp.cli.from_run import expand
    from segexp.config.composed import checked_train
    from segexp.sweeps.command import asks_for_sweep
    from segexp.sweeps.search.arguments import names_search

    command, argv = split(_with_last_run(words))
    argv = for_hydra(argv)
    if command.name != "train":
        raise ConfigError(f"{command.name}: is a command of the terminal; give the words of a training alone")
    if asks_for_sweep(argv) or names_search(argv, config_dirs(argv)):
        raise ConfigError("a sweep is started in a terminal: python -m segexp -m <words>; in Python, train one by one")
    found: list[tuple[Any, Invocation]] = []
    with trusting(argv), hydra_as_it_was():
        _refuse_words(command, argv)
        _start_from(command, argv)
        argv = _single_values(argv)
        run_hydra(command, expand(argv), lambda config: found.append((config, invocation(command, argv, config))))
        config, how = found[0]
        return checked_train(config, how)


def _with_last_run(words: Sequence[str]) -> list[str]:
    """The words with the newest run in place of ``last``, which is said."""
    from segexp.cli.last_run import with_last_run
    from segexp.runs.newest import LAST

    if not any(LAST in word for word in words):
        return list(words)
    found, run = with_last_run(words)
    if run is not None:
        print(f"segexp: note: {LAST} is {printable(str(run))}", file=sys.stderr)
    return found


def _help(topics: Sequence[str], argv: Sequence[str]) -> int:
    """Answers ``help`` with its topics."""
    from segexp.cli.help_topics import help_for

    print(help_for(topics, [Path(folder) for folder in config_dirs(list(argv))]))
    return 0


def _dispatch(command: Command, argv: list[str]) -> int:
    if "--help" in argv or "-h" in argv:
        from segexp.cli.help import format_help
        from segexp.cli.help_topics import help_for, options_asked

        extra = [Path(folder) for folder in config_dirs(argv)]
        asked = options_asked(argv, extra) if command.takes_training else []
        print(help_for(asked, extra) if asked else format_help(command, extra))
        return 0
    if "--version" in argv:
        print(f"segexp {VERSION}")
        return 0
    for folder in config_dirs(argv):
        if not Path(folder).is_dir():
            raise ConfigError(f"--config-dir: no folder {folder}")
    if "--shell-completion" in argv or "-sc" in argv:
        _hide_command_word()
    return _compose_and_run(command, argv)


def _hide_command_word() -> None:
    """Hydra's completion reads the line typed so far from COMP_LINE and knows no command words."""
    arguments = os.environ.get("COMP_LINE", "").split(" ")
    kept = [word for index, word in enumerate(arguments) if index == 0 or word not in COMMANDS]
    os.environ["COMP_LINE"] = " ".join(kept)


def _refuse_unknown(command: Command, argv: list[str]) -> None:
    """Looks at all names of a sweep before Hydra makes its folder."""
    from hydra.errors import HydraException

    from segexp.cli.hydra_errors import unknown_names

    try:
        problems = unknown_names(command.config, argv, config_dirs(argv))
    except HydraException:
        # Hydra finds the same when it composes.
        return
    if problems:
        raise ConfigError("\n".join(problems))


def _compose_and_run(command: Command, argv: list[str]) -> int:
    """Composes and runs one job, or gathers those of a sweep and then runs them."""
    if command.name == "train" and (sweep := _sweep(argv)) is not None:
        # Before anything else: its fork server starts, and is what takes longest.
        with sweep:
            return _composed(command, argv, sweep)
    return _composed(command, argv)


def _composed(command: Command, argv: list[str], sweep: "Sweep | None" = None) -> int:
    from segexp.cli.from_run import expand, own_data

    _refuse_words(command, argv)
    _start_from(command, argv)
    if (search := _search(command, argv)) is not None:
        return search.run()
    given = argv = _single_values(argv)
    argv = expand(argv, OWN_KEYS.get(command.name)) if command.takes_training else argv
    # With from= the primary config is another one than the command's.
    if argv is given and ("-m" in argv or "--multirun" in argv):
        _refuse_unknown(command, argv)
    if sweep is not None:
        run_hydra(command, argv, lambda config: sweep.add(config, invocation(command, given, config)))
        return sweep.run()
    if command.name in ("evaluate", "export"):
        argv = own_data(argv)
    debug = any(argument == "debug=true" for argument in argv)
    codes: list[int] = []

    def job(config: Any) -> None:
        with garbage_searched():
            codes.append(run_guarded(lambda: command.run(config, invocation(command, given, config)), debug=debug))

    with garbage_kept():
        run_hydra(command, argv, job)
    return max(codes, default=0)


@garbage_kept()
def _refuse_words(command: Command, argv: list[str]) -> None:
    """Looks at the words before Hydra, a sweep or a search takes them."""
    from segexp.cli.argument_checks import refuse_flags, refuse_words
    from segexp.cli.given_words import chosen_groups
    from segexp.cli.mistyped_words import with_unknown_keys
    from segexp.sweeps.command import RESUME
    from segexp.sweeps.search.arguments import asks_only, names_search

    if not command.takes_training and (preset := preset_of(argv)) is not None:
        raise ConfigError(
            f"debug: found {preset}, a preset for debugging a training, expected true | false; {command.name} trains "
            "nothing: leave it out, or write debug=true for the trace of an error"
        )
    extra = config_dirs(argv)
    refuse_flags(argv, extra, command.config)
    sweeps = {"-m", "--multirun"} & set(argv) or any(w.lstrip("+").startswith((RESUME, "hydra.mode=")) for w in argv)
    # An experiment of the user's may ask for a sweep by itself.
    maybe = extra and any(word.lstrip("+").startswith("experiment=") for word in argv)
    alone = command.takes_training and not (sweeps or maybe or names_search(argv, extra) or asks_only(argv))
    try:
        refuse_words(argv, extra, usable=sorted(chosen_groups(command.config, [conf_dir()])), alone=alone)
    except ConfigError as error:
        if "debug=true" in argv:
            traceback.print_exc()
        raise with_unknown_keys(error, command.config, argv, extra) from None


def _start_from(command: Command, argv: list[str]) -> None:
    """Says what of an earlier run is not as its words would give it today.

    Raises:
        ConfigError: The command trains nothing, so that there is nothing to start from.
    """
    from segexp.cli.from_run import earlier
    from segexp.config.overrides.from_argument import given, resumed_run, taken_over

    if taken_over(argv) is not None and (command.name != "train" or resumed_run(argv) is None):
        raise ConfigError("take_over: is for a run that goes on in its folder; give it with resume=<run folder> alone")
    if (word := given(argv)) is None:
        return
    if not command.takes_training:
        other = f"; a run is given as {command.name} run=<run folder>" if command.name in _OF_A_RUN else ""
        starting = "train, check, preview and lr_find, which start from the config of a run"
        raise ConfigError(f"{word}: is for {starting}{other}")
    found = earlier(argv, OWN_KEYS.get(command.name))
    for note in found.notes if found is not None else ():
        print(f"segexp: note: {printable(note)}", file=sys.stderr)


_OF_A_RUN = ("evaluate", "predict", "localize", "export", "demo", "report")


def _search(command: Command, argv: list[str]) -> "SearchCommand | None":
    """The search that a command line of train asks for."""
    from segexp.cli.from_run import expand
    from segexp.sweeps.search.arguments import asks_only, names_search, resumed_search

    extra = config_dirs(argv)
    if command.name != "train" or asks_only(argv) or not (names_search(argv, extra) or resumed_search(argv)):
        return None
    from hydra.core.global_hydra import GlobalHydra

    from segexp.sweeps.search.command import SearchCommand

    def compose(words: list[str]) -> tuple[Any, Invocation]:
        found: list[tuple[Any, Invocation]] = []
        # Hydra serves one config per process unless what it keeps is cleared.
        GlobalHydra.instance().clear()
        run_hydra(command, expand(words), lambda config: found.append((config, invocation(command, argv, config))))
        return found[0]

    return SearchCommand(argv, extra, compose)


def _single_values(argv: list[str]) -> list[str]:
    """Refuses what only a search knows; one that is only asked about has the first value of each range."""
    from segexp.sweeps.search.arguments import asks_only, names_search, refuse_search_keys
    from segexp.sweeps.search.space import first_of_ranges, refuse_ranges

    searches = names_search(argv, config_dirs(argv))
    if searches and asks_only(argv):
        return first_of_ranges(argv, config_dirs(argv))
    if not searches:
        refuse_search_keys(argv)
    refuse_ranges(argv)
    return argv


def _sweep(argv: Sequence[str]) -> "Sweep | None":
    """The sweep that a command line asks for."""
    from segexp.sweeps.command import Sweep, asks_for_sweep

    return Sweep(argv) if asks_for_sweep(argv) else None
