"""The text of ``--help``: commands, groups with their options, and the keys of the primary config."""

from collections.abc import Iterable
from pathlib import Path

from segexp.commands import COMMANDS, Command
from segexp.config.overrides.groups import groups
from segexp.config.overrides.reference import shown_command_keys
from segexp.config.paths import conf_dir

EXAMPLES = """\
Examples
  python -m segexp                                            the default experiment
  python -m segexp model=unet model.base=16 optimizer.lr=1e-3 choose options, set keys
  python -m segexp datamodule=drive datamodule.root=/data/DRIVE
  python -m segexp -m model=cunet,unet loss=bce,bce_jaccard   a sweep over all combinations
  python -m segexp sweep=optuna 'optimizer.lr=log(1e-4,1e-2)' a search over a range
  python -m segexp check datamodule=folder datamodule.root=x  would this train, and what is in the data?"""

FLAGS = """\
Flags
  --help            this text; <command> --help for a command, <group>=<option> --help for its keys
  help TOPIC        every key of a group, an option or a block with its comment: help model, help trainer.max_epochs
  --cfg job         print the composed config, every key; with --comments what each is
  -m, --multirun    a sweep: give keys several values with commas; sweep.resume=FOLDER goes on with one
  from=RUN_FOLDER   start from the config of an earlier run
  resume=RUN_FOLDER go on with a run in its folder; with words that change what is trained in a new one
  --config-dir DIR  a folder of your own groups and options
  --hydra-help      more flags, of Hydra (shell completion among them)
  --version"""


def format_help(command: Command, extra: Iterable[Path] = ()) -> str:
    """The help text of a command; ``extra`` are the user's own config folders."""
    blocks = [f"segexp {command.name}: {command.meaning}", _usage(command)]
    if command.takes_training:
        blocks += [_commands(), _groups(extra)]
    blocks.append(_keys(command))
    blocks += [FLAGS, EXAMPLES] if command.name == "train" else [FLAGS]
    return "\n\n".join(blocks)


def _usage(command: Command) -> str:
    word = "[train]" if command.name == "train" else command.name
    choice = " [group=option ...]" if command.takes_training else ""
    return f"Usage: python -m segexp {word}{choice} [key=value ...]"


def _commands() -> str:
    return "Commands\n" + "\n".join(f"  {c.name:<14}{c.meaning}" for c in COMMANDS.values())


def _groups(extra: Iterable[Path]) -> str:
    lines = ["Groups and options (group=option)"]
    found = groups(extra)
    width = 2 + max(len(option.name) for options in found.values() for option in options)
    for group, options in found.items():
        lines.append(f"  {group}")
        lines += [f"    {option.name:<{width}}{option.meaning}".rstrip() for option in options]
    return "\n".join(lines)


def _keys(command: Command) -> str:
    """Top-level keys with their comments, as they stand in the primary config."""
    lines = ["Keys (key=value); those of a group: --cfg job"]
    shared = ["train"] if command.takes_training and command.name != "train" else []
    for name in (command.config, *shared):
        lines += _keys_of(name)
    return "\n".join(lines)


def _keys_of(config: str) -> list[str]:
    lines = [line for line in shown_command_keys(config, [conf_dir()]) if line.value]
    return [f"  {f'{line.key}: {line.value}':<27} {line.comment}".rstrip() for line in lines]
