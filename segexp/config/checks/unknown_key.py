"""What to write instead of a key that the config does not have."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.types import Glob, IntervalSweep, Override

from segexp.config.checks.annotation_fit import describe, matches
from segexp.config.checks.folder_words import folder_words, say_folder
from segexp.config.checks.foreign_names import counterpart
from segexp.config.checks.suggest import in_group, nearest
from segexp.config.checks.task_fit import fits_task
from segexp.config.checks.tree import fields_of, supplied_keys
from segexp.config.overrides.groups import LISTS
from segexp.config.overrides.quoting import as_typed, hydra_override, shell_word
from segexp.config.schema import TrainConfig
from segexp.config.signatures.signature import signature

LISTED = 40
"""Keys of a block that are listed where none is near."""


def advice(
    override: Override,
    tree: Mapping[str, Any],
    valid: Sequence[str],
    options: Mapping[str, Sequence[str]],
    folders: Sequence[Path],
    takes: Callable[[str, str], bool] = lambda key, word: False,
) -> str:
    """A sentence for a key that is not in the config.

    Args:
        override: Its word.
        tree: The config as composed, not resolved.
        valid: All keys of the config, and the groups.
        options: Options of each group.
        folders: Where the groups lie.
        takes: Whether the config takes a key with its word, which is then proposed whole.
    """
    key = override.key_or_group
    if (constructor := _taken(tree, key)) is not None and not override.is_delete():
        return _with_plus(override, *constructor)
    if "trainer" in tree and _is_supplied(key):
        return f"It is taken from the data or the program and cannot be set; leave it out. {_listing(key, valid)}"
    if "trainer" in tree and (line := counterpart(key, _text(override))) is not None:
        return f"{line}."
    if (words := _for_folder(override, valid, options)) is not None:
        return say_folder(words)
    if (option := _switched_on(override, options)) is not None:
        return f"Did you mean '{option}'?"
    best = nearest(key, valid)
    if best is not None and best in options:
        return _group(best, override, options[best]) + _word(best, override, takes)
    if not _takes_text(tree, best, key) and (group := _group_of(override, options)) is not None:
        return f"Did you mean '{group}={override.value()}'?"
    meant = in_group(key, list(options)) or key
    if meant not in valid and (found := _elsewhere(meant, options, folders, tree)):
        group = meant.partition(".")[0]
        message = "It" if meant == key else meant
        text = f"{message} is a key of {', '.join(f'{group}={name}' for name in found)}."
        return f"{text} {_listing(key, valid)}" if group in LISTS else text
    if best is None:
        return _listing(key, valid)
    block = None if override.is_delete() or override.is_sweep_override() else _at(tree, best)
    if block is not None and not isinstance(override.value(), Mapping):
        return f"Did you mean a key of '{best}', which is a block: {', '.join(map(str, block))}?"
    return f"Did you mean '{best}'?{_TOLD.get(best, '')}{_word(best, override, takes)}"


def _word(key: str, override: Override, takes: Callable[[str, str], bool]) -> str:
    """The word to paste, the key that was meant with the value as it was typed; empty where it is not taken."""
    if override.is_delete() or isinstance(override.value(), Glob | IntervalSweep):
        return ""
    first = next(override.sweep_string_iterator(), "") if override.is_sweep_override() else _text(override)
    typed = override.input_line or ""
    # Quotes that nobody typed: :mod:`segexp.cli.arguments` put them there for the key that was.
    ours = as_typed([typed]) != [typed]
    (word,) = as_typed([hydra_override(key, override.value())]) if ours else (f"{key}={_text(override)}",)
    return f" Write {shell_word(word)}" if takes(key, f"{key}={first}") else ""


_TOLD = {
    "trainer.accelerator": " It is auto, which takes a GPU by itself, or cpu | gpu | mps; how many is trainer.devices.",
}
"""What is said beside a key that is proposed."""


def _for_folder(override: Override, valid: Sequence[str], options: Mapping[str, Sequence[str]]) -> str | None:
    """The words for a folder that exists, where the key speaks of data: ``data=leaves``."""
    if override.is_delete() or override.is_sweep_override():
        return None
    return folder_words(override.key_or_group, override.value(), valid, options)


def _is_supplied(key: str) -> bool:
    """Whether the program gives a key: ``model.in_channels``."""
    section, _, name = key.rpartition(".")
    # Others call the channels of a model by the classes.
    of_data = section == "model" and name in ("num_classes", "n_classes", "classes", "n_channels", "input_channels")
    return of_data or (bool(section) and name in supplied_keys(TrainConfig, section))


def _takes_text(tree: Mapping[str, Any], best: str | None, key: str) -> bool:
    """Whether the nearest key has the same name, and is neither a block nor a list: ``accelerator=cpu``."""
    if best is None or best.rpartition(".")[2] != key.rpartition(".")[2]:
        return False
    above = _at(tree, best.rpartition(".")[0])
    return above is not None and not isinstance(above.get(best.rpartition(".")[2]), Mapping | list)


def _text(override: Override) -> str:
    """The value as it is given, that of a sweep with all its commas."""
    return (override.input_line or "").partition("=")[2]


def _group(name: str, override: Override, options: Sequence[str]) -> str:
    """A group that was meant, with its options where the value is none of them."""
    value = None if override.is_delete() or override.is_sweep_override() else override.value()
    known = value is None or value in options
    return f"Did you mean '{name}'?" + ("" if known else f" Options of {name}: {', '.join(options)}.")


def _with_plus(override: Override, name: str, annotation: Any) -> str:
    """A key that the YAML does not list, with the word to write."""
    word = f"+{override.input_line}"
    if override.is_sweep_override() or matches(override.value(), annotation):
        return f"{name} takes it, though its YAML does not list it: write {shell_word(word)}"
    return f"{name} takes +{override.key_or_group}, found {override.value()!r}, expected {describe(annotation)}"


def _taken(tree: Mapping[str, Any], key: str) -> tuple[str, Any] | None:
    """Class whose constructor takes the key where it would stand, and the annotation; None where the program gives it.

    The block builds an object, or is a parameter that stands for several: ``datamodule.loader``.
    """
    path, _, name = key.rpartition(".")
    if (found := _parameter(tree, path, name)) is not None:
        return None if name in supplied_keys(TrainConfig, path) else found
    above, _, block = path.rpartition(".")
    outer = _parameter(tree, above, block)
    annotation = None if outer is None else fields_of(outer[1]).get(name)
    return None if outer is None or annotation is None else (outer[0], annotation)


def _parameter(tree: Mapping[str, Any], path: str, name: str) -> tuple[str, Any] | None:
    target = (_at(tree, path) or {}).get("_target_")
    found = signature(target) if isinstance(target, str) else None
    if found is None or name not in found.parameters:
        return None
    return str(target).rpartition(".")[2], found.parameters[name].annotation


def _at(tree: Any, path: str) -> Mapping[str, Any] | None:
    for part in path.split(".") if path else []:
        tree = tree.get(part) if isinstance(tree, Mapping) else None
    return tree if isinstance(tree, Mapping) else None


def _group_of(override: Override, options: Mapping[str, Sequence[str]]) -> str | None:
    """The one group that has the value as an option: ``data=drive`` is ``datamodule=drive``."""
    if "." in override.key_or_group or override.is_delete() or override.is_sweep_override():
        return None
    value = override.value()
    found = [group for group, names in options.items() if isinstance(value, str) and value in names]
    return found[0] if len(found) == 1 else None


def _switched_on(override: Override, options: Mapping[str, Sequence[str]]) -> str | None:
    """The option that a key is named like, where it is set to true: ``wandb=true`` is ``logger=wandb``."""
    if override.is_delete() or override.is_sweep_override() or override.value() is not True:
        return None
    found = [group for group, names in options.items() if override.key_or_group in names]
    return f"{found[0]}={override.key_or_group}" if len(found) == 1 else None


def _elsewhere(
    key: str, options: Mapping[str, Sequence[str]], folders: Sequence[Path], tree: Mapping[str, Any]
) -> list[str]:
    """Other options of the key's group whose YAML has it; models and losses of another task are none."""
    group, _, rest = key.partition(".")
    found = [name for name in options.get(group, ()) if rest and rest in set(_keys_of(group, name, folders))]
    if group not in ("model", "loss"):
        return found
    task = str((_at(tree, "task") or {}).get("_target_"))
    return [name for name in found if fits_task(group, _class_of(group, name, folders), task)]


def _class_of(group: str, name: str, folders: Sequence[Path]) -> str:
    """Dotted name of the class of an option; ``None`` where its YAML takes it from another one."""
    paths = [path for folder in folders if (path := folder / group / f"{name}.yaml").is_file()]
    tree = yaml.safe_load(paths[0].read_text(encoding="utf-8")) if paths else None
    return str(tree.get("_target_")) if isinstance(tree, Mapping) else "None"


def _keys_of(group: str, name: str, folders: Sequence[Path]) -> Iterator[str]:
    for folder in folders:
        path = folder / group / f"{name}.yaml"
        if path.is_file():
            yield from _dotted(yaml.safe_load(path.read_text(encoding="utf-8")), "")


def _dotted(tree: Any, path: str) -> Iterator[str]:
    for key, value in tree.items() if isinstance(tree, Mapping) else ():
        full = f"{path}.{key}" if path else str(key)
        yield full
        yield from _dotted(value, full)


def _listing(key: str, valid: Sequence[str]) -> str:
    section = key.split(".", 1)[0]
    inside = sorted({name.split(".", 1)[1] for name in valid if name.startswith(f"{section}.")})
    if inside:
        more = f" and {len(inside) - LISTED} more" if len(inside) > LISTED else ""
        return f"Keys of {section}: {', '.join(inside[:LISTED])}{more}."
    return f"Top level: {', '.join(sorted({name for name in valid if '.' not in name}))}."
