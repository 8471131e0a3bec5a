"""How a run can be made again: command lines, quoted for a shell, commit, and what must be the same."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from segexp.config.overrides.quoting import as_typed, command_line, hydra_override, shell_word
from segexp.config.stored.check import needed
from segexp.config.stored.plain_values import refuse_size
from segexp.errors import StoredError
from segexp.report import values
from segexp.runs import entries
from segexp.runs.contents import RunContents
from segexp.runs.json_yaml import parse_yaml
from segexp.runs.manifest_files import MANIFEST

Facts = list[tuple[str, str]]
Commands = list[tuple[str, str]]

_FLAGS_WITH_VALUE = ("--config-dir", "-cd")
_PROGRAM = ["python", "-m", "segexp"]
_SWEEP_FLAGS = {"-m", "--multirun"}


def commands(folder: RunContents) -> Commands:
    """(what it does, command line); empty where the folder does not tell."""
    given = given_command(folder)
    if not given:
        return []
    found = []
    arguments, overrides = _arguments(given), folder.run.get("overrides")
    own = list(map(str, overrides)) if isinstance(overrides, list) else None
    if _of_sweep(arguments):
        found.append(("the sweep that this run is part of", _pasted(given)))
        if own is not None:
            found.append(("this run alone", alone(folder)))
    else:
        found.append(("the command that was given", _pasted(given)))
    if folder.config and own is not None:  # no evaluation
        place = _place(folder.path)
        found.append(("from its folder", command_line([hydra_override("from", place), *_trust(folder)])))
        found += _going_on(folder)
        if entries.get_in(folder.results, "checkpoint", "path") is not None:
            found.append(("its test alone", command_line(["evaluate", hydra_override("run", place), *_trust(folder)])))
    return found


def _going_on(folder: RunContents) -> Commands:
    """Of a run that did not come to its end, but finished an epoch."""
    last = folder.path / "checkpoints" / "last.ckpt"
    if folder.run.get("state") in ("finished", "pruned") or not last.is_file():
        return []
    sweep = folder.path.parent
    if (sweep / MANIFEST).is_file():
        return [("go on with the sweep", command_line([hydra_override("sweep.resume", _place(sweep))]))]
    arguments = [hydra_override("resume", _place(folder.path)), *_trust(folder)]
    return [("go on from its last finished epoch", command_line(arguments))]


def _trust(folder: RunContents) -> list[str]:
    """The word by which a command trusts the packages that the run names; no other that its config would need.

    Whoever pastes a line of a page agrees to what it says: that is never a place elsewhere.
    """
    try:
        config = parse_yaml(folder.config)
        refuse_size(config, folder.path)
    except (ValueError, StoredError):
        return []
    packages = needed(config) if isinstance(config, dict) else []
    return [f"trust=[{','.join(packages)}]"] if packages else []


def alone(folder: RunContents) -> str:
    """The command that trains one job of a sweep again; empty where the folder does not tell."""
    overrides = folder.run.get("overrides")
    flags = _flags(_arguments(given_command(folder)))
    return command_line([*map(str, overrides), *flags]) if isinstance(overrides, list) else ""


def _of_sweep(arguments: Sequence[str]) -> bool:
    return bool(_SWEEP_FLAGS & set(arguments)) or any(
        word.lstrip("+").startswith(("sweep.", "sweep=")) for word in arguments
    )


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:  # of an older version, not quoted for a shell
        return []


def _arguments(line: str) -> list[str]:
    """The words behind the program: the ``-m`` of ``python -m segexp`` asks for no sweep."""
    words = _words(line)
    return words[3:] if words[:3] == _PROGRAM else words[1:]


def given_command(folder: RunContents) -> str:
    """The command line that was given, in one line, without quotes that an older version added to it."""
    given = folder.run.get("command")
    line = shlex.join(map(str, given)) if isinstance(given, list) else entries.to_text(given)
    arguments = _words(line)
    return " ".join(map(shell_word, as_typed(arguments))) if arguments else line


def _pasted(line: str) -> str:
    """As it runs wherever the package is installed; before 0.2 run.json had it with the program's name alone."""
    return f"python -m {line}" if line.split(" ", 1)[0] == "segexp" else line


def _flags(arguments: Sequence[str]) -> list[str]:
    """Folders of own options, which the job of a sweep needs as well."""
    return [
        part
        for index, word in enumerate(arguments[:-1])
        if word in _FLAGS_WITH_VALUE
        for part in (word, arguments[index + 1])
    ] + [word for word in arguments if word.startswith("--config-dir=")]


def _place(path: Path) -> str:
    """As seen from where the page is made, if it lies below."""
    relative = os.path.relpath(path.resolve())
    return str(path.resolve()) if relative.startswith("..") else relative


def facts(folder: RunContents) -> Facts:
    """Facts beside the commit that must be the same for the same result."""
    run = folder.run
    split = entries.get_in(run, "data", "split")
    rule = values.flatten_as_text(split) if isinstance(split, dict) else []
    pairs = [
        ("seed", entries.to_text(run.get("seed"))),
        ("split", ", ".join(f"{key} {value}" for key, value in rule)),
        ("device", entries.to_text(run.get("device"))),
        ("threads", entries.to_text(run.get("threads"))),
        ("resumed from", entries.to_text(run.get("resume"))),
        ("started from", entries.to_text(entries.get_in(run, "init_from", "path"))),
    ]
    return [(name, text) for name, text in pairs if text not in ("", values.ABSENT)]
