"""The word ``last`` in place of a run folder: it becomes the path of the newest run before anything reads the words."""

import re
from collections.abc import Sequence
from pathlib import Path

from segexp.cli.flags import belongs_to_flag
from segexp.commands import COMMANDS
from segexp.config.overrides.quoting import hydra_override, quoted, unquoted
from segexp.runs.newest import LAST, OUTPUTS, newest_run, newest_sweep

RUN_KEYS = ("from", "resume", "init_from", "run", "runs", "base", "classifier", "file")
"""Keys of commands that take run folders."""
SWEEP = "sweep.resume"
"""The key that takes the folder of a sweep."""
_WORD = re.compile(r"(\+{0,2})([a-z_.]+)=(.*)", re.DOTALL)


def with_last_run(words: Sequence[str]) -> tuple[list[str], Path | None]:
    """The words of a command line with the newest run in place of ``last``, which is given too; None: nobody asks.

    ``last`` may stand for any run folder: ``resume=last``, ``report last``, ``run=[last,outputs/a]``. Where a file or
    folder of that name lies in the working folder, that is meant. ``resume=last`` passes over jobs of
    sweeps; ``sweep.resume=last`` is the newest sweep. It is looked for below ``output_dir`` where the words give one,
    else below ``outputs``.

    Raises:
        DataError: There is no run, or no sweep.
    """
    argv = list(words)
    sweeps = [i for i, word in enumerate(argv) if _key(word) == SWEEP and _names_last(word)]
    if sweeps and not Path(LAST).exists():
        sweep = newest_sweep(_outputs(argv))
        return [_replaced(word, str(sweep)) if i in sweeps else word for i, word in enumerate(argv)], sweep
    place = next((i for i, word in enumerate(argv) if word in COMMANDS and not belongs_to_flag(argv, i)), None)
    first = len(argv) if place is None or COMMANDS[argv[place]].operands not in RUN_KEYS else place + 1
    asking = [
        i
        for i, word in enumerate(argv)
        if (word == LAST and i >= first and not belongs_to_flag(argv, i)) or _names_last(word)
    ]
    if not asking or Path(LAST).exists():
        return argv, None
    # A job of a sweep is gone on with by its sweep: a copy beside it would be counted in its place.
    run = newest_run(_outputs(argv), single=any(argv[index].lstrip("+").startswith("resume=") for index in asking))
    for index in asking:
        argv[index] = _replaced(argv[index], str(run))
    return argv, run


def _names_last(word: str) -> bool:
    """Whether a word gives the newest run to a key that takes runs."""
    found = _WORD.fullmatch(word)
    return found is not None and found[2] in (*RUN_KEYS, SWEEP) and LAST in _items(found[3])


def _key(word: str) -> str | None:
    found = _WORD.fullmatch(word)
    return None if found is None else found[2]


def _items(value: str) -> list[str]:
    """What a value lists, in brackets or as the values of a sweep; a text is a list of itself."""
    items = (value[1:-1] if value[:1] == "[" and value[-1:] == "]" else value).split(",")
    return [unquoted(item.strip()) for item in items]


def _replaced(word: str, run: str) -> str:
    found = _WORD.fullmatch(word)
    if found is None:
        return run
    value = found[3]
    if unquoted(value) == LAST:
        return found[1] + hydra_override(found[2], run)
    first, last = ("[", "]") if value[:1] == "[" else ("", "")
    items = value[len(first) : len(value) - len(last)].split(",")
    texts = ",".join(quoted(run) if unquoted(item.strip()) == LAST else item for item in items)
    return f"{found[1]}{found[2]}={first}{texts}{last}"


def _outputs(argv: Sequence[str]) -> Path:
    """The folder of runs: ``output_dir`` of the words, the last one of several."""
    given = [found[3] for word in argv if (found := _WORD.fullmatch(word)) is not None and found[2] == "output_dir"]
    return Path(unquoted(given[-1])).expanduser() if given else Path(OUTPUTS)
