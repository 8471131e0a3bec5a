"""Checks what a stored file (a run's config, a checkpoint, a sweep) asks for, before anything in it is imported or used.

A run from somebody else is data. It may choose among classes and numbers; it may not name code of other packages,
functions, the environment, lines of shell, or places outside of its folder. Everything is read from source, by the role
of each place (:mod:`segexp.config.slots`): a list of what is forbidden, as Hydra has one, forgets most.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from segexp.config.lineage import Definition, definition, installed
from segexp.config.slots import Slot, slot_at
from segexp.config.trust import packages
from segexp.errors import StoredError

MOST_VALUES, DEEPEST = 100_000, 40
"""Values of a config, and blocks in blocks: a few kB of YAML can stand for billions of values."""
PAGE = "docs/trust.md"

_REFERENCE = re.compile(r"\$\{\s*\.*[A-Za-z_]\w*(?:\.\w+|\[\w+\])*\s*\}")
_ADDRESS = re.compile(r"[A-Za-z][\w+.-]*://|(?:tu-)?(?:hf[-_]hub|local[-_]dir):", re.IGNORECASE)
_PUBLISHED = ("pretrained", "encoder_weights")
_FORMS: Mapping[str, Any] = {
    "_partial_": [True, False],
    "_recursive_": [True, False],
    "_convert_": ["none", "partial", "object", "all"],
}
_ELSEWHERE = {
    "slurm.setup": "lines of shell", "slurm.options": "options of sbatch", "ray.address": "an address",
    "storage": "a place elsewhere", "study": "a place elsewhere",
}  # fmt: skip
"""Keys of ``sweep`` that run lines of shell, connect elsewhere or write elsewhere."""


def check_stored(
    config: Mapping[Any, Any],
    source: Path,
    trusted: Collection[str] = (),
    *,
    typed: Collection[str] = (),
    trains: bool = True,
    sweeps: bool = False,
) -> None:
    """Checks a stored config, or a part of one under its whole keys, before anything in it is imported or resolved.

    Args:
        config: As it was read (YAML, checkpoint); values may refer to others, ``${optimizer.lr}``.
        source: The file, for messages; paths are judged by the folder that it lies in.
        trusted: Packages beside segexp's own, see :func:`segexp.config.trust.trusted_packages`; those of the variable
            SEGEXP_TRUST count always.
        typed: Keys and groups that the command gives anew; what is stored there is not used.
        trains: Whether the config is trained with; False: its model and data are used, nothing else.
        sweeps: Whether its section ``sweep`` starts jobs.

    Raises:
        StoredError: One line with file, key, what was found, and the way out.
    """
    _refuse_size(config, source)
    look = _Look(source, packages(trusted), frozenset(typed), trains, sweeps)
    for key in ("hydra", "defaults"):
        if key in config:
            raise StoredError(f"{source}: {key}: found a block of Hydra's own, which is not taken from a file; remove it")
    if any([look.reference(key, value) for key, value in _texts(config, "")]):
        config = _resolved(config, source)
    look.tree(config, (), None, None)


def check_overrides(
    overrides: Sequence[str],
    source: Path,
    trusted: Collection[str] = (),
    *,
    typed: Collection[str] = (),
) -> None:
    """Checks stored words (``overrides`` of a run.json, words of a search) before Hydra gets them.

    Args:
        overrides: ``key=value`` as they were typed once; a flag such as ``--config-dir`` is refused.
        source: The file that they stand in.
        trusted: As for :func:`check_stored`.
        typed: Keys and groups that the command gives anew.

    Raises:
        StoredError: One line with file, word and the way out.
    """
    for word in overrides:
        _refuse_word(word, source)
        look = _Look(source, packages(trusted), frozenset(typed), trains=True, sweeps=True)
        for key, value in _parsed(word, source):
            part = _block(key.split("."), value)
            for place, text in _texts(part, ""):
                look.reference(place, text)
            look.tree(part, (), None, None)


def check_choices(choices: Mapping[Any, Any], source: Path) -> None:
    """Checks stored options of groups: names, no paths to other files.

    Raises:
        StoredError: One is no name.
    """
    for group, option in choices.items():
        _refuse_option(str(group), str(option), source)


def needed(config: Mapping[Any, Any]) -> list[str]:
    """Packages that a config has to be trusted with before it can be used again, in order of their names.

    Only those of classes that may stand where they do: a function is no matter of trust.
    """
    found: set[str] = set()
    for path, target in _targets(config, ()):
        slot, defined = slot_at(path), definition(target)
        if slot is not None and defined is not None and slot.fits(defined):
            stranger = slot.stranger(target, defined, ())
            found |= {stranger} if stranger is not None else set()
    return sorted(found)


def leaves(text: str) -> bool:
    """Whether a path, of whatever system, leads out of the folder that it is taken to be in."""
    windows = PureWindowsPath(text)
    return (
        PurePosixPath(text).is_absolute()
        or bool(windows.drive or windows.root)
        or ".." in (*windows.parts, *PurePosixPath(text).parts)
        or text.startswith("~")
    )


@dataclass(frozen=True)
class _Look:
    """One look at a config; see :func:`check_stored` for the fields."""

    source: Path
    trusted: frozenset[str]
    typed: frozenset[str]
    trains: bool
    sweeps: bool

    def tree(self, value: Any, path: tuple[str, ...], slot: Slot | None, owner: Slot | None) -> None:
        """Looks at a value.

        Args:
            value: Of any kind.
            path: Its key.
            slot: What may be built here; None: nothing.
            owner: Slot of the object that it is a value of.
        """
        if self._is_typed(path):
            return
        slot = slot or slot_at(path)
        if isinstance(value, Mapping):
            self._block(value, path, slot, owner)
        elif isinstance(value, list | tuple):
            for number, item in enumerate(value):
                self.tree(item, (*path, str(number)), slot, owner)
        elif isinstance(value, str):
            self._text(value, path, owner)
        self._own(value, path)

    def _block(self, value: Mapping[Any, Any], path: tuple[str, ...], slot: Slot | None, owner: Slot | None) -> None:
        found = None
        if "_target_" in value:
            if slot is None:
                raise self._refused(path, value["_target_"], "stands where no object is taken")
            found = self._target(value["_target_"], path, slot)
        # Single keys of an object, whose class stands elsewhere; else objects by name, as the terms of a loss are.
        is_object = "_target_" in value or slot_at(path) is not None
        for key, item in value.items():
            if key in _FORMS and not any(item is form or item == form for form in _FORMS[key]):
                raise StoredError(f"{self.source}: {'.'.join([*path, key])}: found {item!r}, expected {_FORMS[key]}")
            if slot is None or not is_object:
                self.tree(item, (*path, str(key)), slot, owner)
            elif key != "_target_":
                self.tree(item, (*path, str(key)), slot.of_key(str(key), found), slot)

    def _target(self, target: Any, path: tuple[str, ...], slot: Slot) -> Definition | None:
        found = definition(target) if isinstance(target, str) else None
        if found is None or not slot.fits(found):
            top = target.split(".")[0] if isinstance(target, str) else ""
            if found is None and top in self.trusted and not installed(top):
                # Its import will say so, and nothing can run.
                return None
            kind = "is not found in the source of any package" if found is None else _kind(found)
            raise self._refused(path, target, f"{kind}, expected {slot.described}")
        stranger = slot.stranger(str(target), found, self.trusted)
        if stranger is not None:
            raise self._refused(
                path, target, f"is of the package {stranger}, which a stored file may not name by itself", stranger
            )
        return found

    def _refused(self, path: tuple[str, ...], target: Any, why: str, package: str = "my_package") -> StoredError:
        key = ".".join([*path, "_target_"])
        ask = "if you trust it" if package != "my_package" else "a package of your own"
        return StoredError(
            f"{self.source}: {key}: {target!r} {why}; nothing of the file was run. {ask[0].upper()}{ask[1:]}: add "
            f"'trust=[{package}]', in Python trust=[\"{package}\"], or set SEGEXP_TRUST={package} ({PAGE})"
        )

    def reference(self, key: str, text: str) -> bool:
        """Whether a text refers to other keys.

        Raises:
            StoredError: It calls a resolver, which reads the environment or files.
        """
        if "${" not in text:
            return False
        if "${" in _REFERENCE.sub("", text) or key.endswith("_target_"):
            raise StoredError(
                f"{self.source}: {key}: found {text!r}; of a stored file only references to other keys are taken, such "
                "as ${optimizer.lr}, nothing that reads the environment or files; write the value itself"
            )
        return True

    def _text(self, text: str, path: tuple[str, ...], owner: Slot | None) -> None:
        """A text inside an object: no place elsewhere. Images lie where they lie, so a datamodule may have any."""
        if owner is None or path[0] == "datamodule" or path[-1].startswith("_"):
            return
        if not self.trains and (path[0] != "model" or path[-1] in _PUBLISHED):
            # Published weights are not read where a checkpoint brings its own.
            return
        if leaves(text) or _ADDRESS.match(text):
            what = "an address" if _ADDRESS.match(text) else "a path out of its folder"
            raise self._again(path, text, what)

    def _own(self, value: Any, path: tuple[str, ...]) -> None:
        """The keys of segexp that say where to write, connect, or which lines of shell to run."""
        if path == ("name",) and value is not None and (why := wrong_name(value)):
            raise StoredError(f"{self.source}: name: found {value!r}, {why}; give another: name=<name>")
        if not self.trains:
            return
        if path == ("output_dir",) and isinstance(value, str) and leaves(value) and not self._lies_in(value):
            raise self._again(path, value, "a path out of its folder")
        if self.sweeps and value and path[:1] == ("sweep",) and (what := _ELSEWHERE.get(".".join(path[1:]))):
            if value not in ("auto", "local") and (path[-1] != "study" or wrong_name(value)):
                raise self._again(path, value, what)

    def _lies_in(self, output_dir: str) -> bool:
        """Whether the file lies in that folder itself: the run was made there."""
        return Path(output_dir).expanduser().resolve() in self.source.resolve().parents

    def _again(self, path: tuple[str, ...], value: Any, what: str) -> StoredError:
        from segexp.config.quoting import shell_word, typed

        numbers = [index for index, part in enumerate(path) if part.isdigit()]
        key = ".".join(path[: numbers[0]] if numbers else path)
        give = f"give {key} in the command" if numbers else f"give it in the command: {shell_word(typed(key, value))}"
        return StoredError(
            f"{self.source}: {'.'.join(path)}: found {value!r}, {what}, which is not taken from a file; if it is right, "
            f"{give} ({PAGE})"
        )

    def _is_typed(self, path: tuple[str, ...]) -> bool:
        return any(".".join(path[:length]) in self.typed for length in range(1, len(path) + 1))


def wrong_name(name: Any) -> str:
    """What is wrong with a name of a folder below ``output_dir``; empty: nothing."""
    if not isinstance(name, str) or not name.strip() or "\0" in name:
        return "expected a name"
    if leaves(name):
        return "which leads out of output_dir; expected a folder below it, such as a or a/b"
    if PurePosixPath(name.replace("\\", "/")) == PurePosixPath("."):
        return "which is output_dir itself; expected a folder below it, such as a or a/b"
    return ""


def _kind(found: Definition) -> str:
    return "is a class of another kind" if found.is_class else "is a function"


def _refuse_size(config: Any, source: Path) -> None:
    """Refuses what is no plain value, and configs that no hand could have written."""
    left = MOST_VALUES
    waiting: list[tuple[Any, int]] = [(config, 0)]
    while waiting:
        value, depth = waiting.pop()
        left -= 1
        if left < 0 or depth > DEEPEST:
            raise StoredError(f"{source}: is no config: more than {MOST_VALUES} values, or {DEEPEST} blocks in blocks")
        if isinstance(value, Mapping):
            for key in value:
                if not isinstance(key, str | int | float | bool | None):
                    raise StoredError(f"{source}: is no config: a key is a {type(key).__name__}, {str(key)[:80]!r}")
            waiting += [(item, depth + 1) for item in value.values()]
        elif isinstance(value, list | tuple):
            waiting += [(item, depth + 1) for item in value]
        elif not isinstance(value, str | int | float | bool | None) and type(value).__module__ != "datetime":
            raise StoredError(f"{source}: is no config: found a {type(value).__name__}, expected plain values")


def _texts(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """All texts with their keys, texts of keys too."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            below = f"{key}.{name}" if key else str(name)
            if isinstance(name, str):
                yield below, name
            yield from _texts(item, below)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _texts(item, f"{key}.{number}")
    elif isinstance(value, str):
        yield key, value


def _targets(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every ``_target_`` with the key of its block."""
    if isinstance(value, Mapping):
        if isinstance(value.get("_target_"), str):
            yield path, value["_target_"]
        for key, item in value.items():
            yield from _targets(item, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _targets(item, (*path, str(number)))


def _resolved(config: Mapping[Any, Any], source: Path) -> Mapping[Any, Any]:
    """With the values that are referred to; a block that stands in a second place is looked at there too."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        found: Any = OmegaConf.to_container(OmegaConf.create(dict(config)), resolve=True)
    except (OmegaConfBaseException, RecursionError) as error:
        raise StoredError(f"{source}: a reference leads nowhere: {str(error).splitlines()[0]}") from error
    _refuse_size(found, source)
    return dict(found)


def _refuse_word(word: str, source: Path) -> None:
    key, _, value = word.lstrip("+~").partition("=")
    if word.startswith("-"):
        raise StoredError(f"{source}: {word}: a flag is not taken from a file; give it in the command if it is right")
    if re.match(r"hydra\b", key) or "@" in key or "/" in key:
        raise StoredError(f"{source}: {word}: Hydra's own keys are not taken from a file; give it in the command")
    if "." not in key and key not in _PLAIN:
        _refuse_option(key, value, source)


_PLAIN = ("name", "output_dir", "resume", "monitor")
"""Keys without a dot whose values are free texts, and not options of a group."""


def _refuse_option(group: str, option: str, source: Path) -> None:
    if "{" not in option and re.search(r"[/\\]|\.\.|:", option) or re.match(r"hydra\b", group):
        raise StoredError(f"{source}: {group}={option}: found a path, expected the name of an option")


def _parsed(word: str, source: Path) -> Iterator[tuple[str, Any]]:
    """Key and values of an override; a range of a search, which is no override of Hydra's, has none."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    key, _, text = word.lstrip("+~").partition("=")
    if "_target_" not in word and "${" not in word and re.fullmatch(r"(log|float|int)?\(.*\)", text):
        return
    try:
        override = OverridesParser.create().parse_override(word)
        values = list(override.sweep_iterator()) if override.is_sweep_override() else [override.value()]
    except HydraException as error:
        raise StoredError(f"{source}: {word}: is no override: {str(error).splitlines()[0]}") from error
    for value in values:
        yield key, _unquoted(value)


def _unquoted(value: Any) -> Any:
    from hydra.core.override_parser.types import QuotedString

    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, dict):
        return {_unquoted(key): _unquoted(item) for key, item in value.items()}
    return [_unquoted(item) for item in value] if isinstance(value, list) else value


def _block(path: Sequence[str], value: Any) -> dict[str, Any]:
    return {path[0]: _block(path[1:], value) if len(path) > 1 else value}
