"""Walks through a stored config: what stands where it may, what is refused, and the word that gives it again."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from segexp.config.lineage import Definition, definition, installed
from segexp.config.stored.slots import Slot, slot_at
from segexp.errors import StoredError

PAGE = "docs/trust.md"


PLAIN = (
    "datetime.timedelta",
    "lightning.pytorch.callbacks.progress.rich_progress.RichProgressBarTheme",
)
"""Classes of numbers and words alone that callbacks of Lightning take: a time, the colours of a bar."""


_ADDRESS = re.compile(r"[a-z][\w+.-]*:(?://|:)|(?:file|local|data):|(?:tu-)?(?:hf[-_]hub|local[-_]dir):", re.IGNORECASE)
"""As fsspec and timm read them: ``simplecache::``, ``file:/x`` and ``tu-hf-hub:x`` lead elsewhere, too."""


_UNSEEN = re.compile(r"[\x00-\x20]")
"""Readers of addresses pass these over, in front and inside."""


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


def leads_outside(text: str) -> bool:
    """Returns whether a path, of whatever system, leads out of the folder that it is taken to be in."""
    windows = PureWindowsPath(text)
    return (
        PurePosixPath(text).is_absolute()
        or bool(windows.drive or windows.root)
        or ".." in (*windows.parts, *PurePosixPath(text).parts)
        or text.startswith("~")
    )


@dataclass(frozen=True)
class StoredRules:
    """The file, and what is trusted, given anew and agreed to; see :func:`segexp.config.stored.check.check_stored`."""

    source: Path
    trusted: frozenset[str]
    typed: frozenset[str]
    agreed: frozenset[str]
    built: Collection[str] | None
    sweeps: bool

    @property
    def trains(self) -> bool:
        """True if the config is trained with."""
        return self.built is None

    def builds(self, section: str) -> bool:
        """Returns whether objects of a section are built."""
        return self.built is None or section in self.built


@dataclass(frozen=True)
class TreeCheck:
    """Checks a stored config, or with ``whole`` False a part of one under its whole keys."""

    rules: StoredRules
    config: Any
    whole: bool = False

    def tree(self, value: Any, path: tuple[str, ...], slot: Slot | None, owner: Slot | None) -> None:
        """Checks a value and all that lies below it.

        Args:
            value: Of any kind.
            path: Its key.
            slot: What may be built here; None: nothing.
            owner: Slot of the object that it is a value of.
        """
        if self._is_typed(path):
            return
        place = slot_at(path)
        if place is not None and not place.words and self.whole and not isinstance(value, Mapping | None):
            raise StoredError(
                f"{self.rules.source}: {'.'.join(path)}: found {str(value)[:80]!r}, expected a block with a _target_"
            )
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
        if "_target_" in value and not (path == ("scheduler",) and value["_target_"] is None):
            if slot is not None:
                found = self._target(value["_target_"], path, slot)
            elif path[:1] != ("callbacks",) or value["_target_"] not in PLAIN:
                raise self._refused(path, value["_target_"], "stands where no object is taken")
        # Single keys of an object, whose class stands elsewhere; else objects by name, as the terms of a loss are.
        is_object = "_target_" in value or slot_at(path) is not None
        for key, item in value.items():
            if key in _FORMS and not any(item is form or item == form for form in _FORMS[key]):
                raise StoredError(
                    f"{self.rules.source}: {'.'.join([*path, key])}: found {item!r}, expected {_FORMS[key]}"
                )
            if slot is None or not is_object:
                self.tree(item, (*path, str(key)), slot, owner)
            elif key != "_target_":
                # Only blocks and lists can hold an object.
                holds = isinstance(item, Mapping | list | tuple)
                self.tree(item, (*path, str(key)), slot.of_key(str(key), found) if holds else None, slot)

    def _target(self, target: Any, path: tuple[str, ...], slot: Slot) -> Definition | None:
        found = definition(target) if isinstance(target, str) else None
        unused = not self.rules.builds(path[0])
        if found is None or not slot.fits(found):
            top = target.split(".")[0] if isinstance(target, str) else ""
            if found is None and (unused or top in self.rules.trusted) and top and not installed(top):
                # Nothing can run; its import, where there is one, will say so.
                return None
            kind = "is not found in the source of any package" if found is None else _kind(found)
            raise self._refused(path, target, f"{kind}, expected {slot.described}")
        stranger = slot.stranger(str(target), found, self.rules.trusted)
        if stranger is not None and not unused:
            raise self._refused(
                path, target, f"is of the package {stranger}, which a stored file may not name by itself", stranger
            )
        return found

    def _refused(self, path: tuple[str, ...], target: Any, why: str, package: str = "my_package") -> StoredError:
        key = ".".join([*path, "_target_"])
        ask = "If you trust it" if package != "my_package" else "A package of your own"
        return StoredError(
            f"{self.rules.source}: {key}: {target!r} {why}; nothing of the file was run. {ask}: add "
            f"'trust=[{package}]', " + f'in Python trust=["{package}"], or set SEGEXP_TRUST={package} ({PAGE})'
        )

    def _text(self, text: str, path: tuple[str, ...], owner: Slot | None) -> None:
        """A text inside an object: no place elsewhere. Images lie where they lie, so a datamodule may have any."""
        if owner is None or path[0] == "datamodule" or path[-1] in ("_target_", *_FORMS):
            return
        if not self.rules.trains and (path[0] not in ("model", "metric") or path[-1] in _PUBLISHED):
            # Published weights are not read where a checkpoint brings its own.
            return
        is_address = _ADDRESS.match(_UNSEEN.sub("", text)) is not None
        if is_address or leads_outside(_UNSEEN.sub("", text)):
            self._again(path, text, "an address" if is_address else "a path out of its folder")
        elif path[0] == "callbacks" and "_args_" in path:
            # Only what a folder is called by its name is put below the run folder.
            self._again(path, text, "a text without the name of its key")

    def _own(self, value: Any, path: tuple[str, ...]) -> None:
        """The keys of segexp that say where to write, connect, or which lines of shell to run."""
        if not path:
            return
        if path == ("name",) and value is not None and (why := wrong_name(value)):
            raise StoredError(f"{self.rules.source}: name: found {value!r}, {why}; give another: name=<name>")
        if not self.rules.trains:
            return
        if path == ("init_from",) and isinstance(value, str) and leads_outside(value):
            self._again(path, value, "a path out of its folder")
        if path == ("output_dir",) and isinstance(value, str) and leads_outside(value) and not self._lies_in(value):
            self._again(path, value, "a path out of its folder")
        what = _ELSEWHERE.get(".".join(path[1:])) if self.rules.sweeps and path[0] == "sweep" else None
        if what and value and value not in ("auto", "local") and (path[-1] != "study" or wrong_name(value)):
            self._again(path, value, what)

    def _lies_in(self, output_dir: str) -> bool:
        """Whether the file lies in that folder itself: the run was made there."""
        return Path(output_dir).expanduser().resolve() in self.rules.source.resolve().parents

    def _again(self, path: tuple[str, ...], value: Any, what: str) -> None:
        """Refuses a value that the command may give again, unless it is agreed to."""
        from segexp.config.overrides.quoting import hydra_override, shell_word

        numbers = [index for index, part in enumerate(path) if part.isdigit()]
        key = path[: numbers[0]] if numbers else path
        word = hydra_override(".".join(key), _at(self.config, key))
        if word in self.rules.agreed:
            return
        error = StoredError(
            f"{self.rules.source}: {'.'.join(path)}: found {value!r}, {what}, which is not taken from a file; if it is "
            f"right, give it in the command: {shell_word(word)} ({PAGE})"
        )
        error.word, error.key = word, ".".join(key)
        raise error

    def _is_typed(self, path: tuple[str, ...]) -> bool:
        return any(".".join(path[:length]) in self.rules.typed for length in range(1, len(path) + 1))


def wrong_name(name: Any) -> str:
    """Says what is wrong with a name of a folder below ``output_dir``; empty: nothing."""
    if not isinstance(name, str) or not name.strip() or "\0" in name:
        return "expected a name"
    if leads_outside(name):
        return "which leads out of output_dir; expected a folder below it, such as a or a/b"
    if PurePosixPath(name.replace("\\", "/")) == PurePosixPath("."):
        return "which is output_dir itself; expected a folder below it, such as a or a/b"
    return ""


def _at(config: Any, path: Sequence[str]) -> Any:
    for key in path:
        config = config[key]
    return config


def _kind(found: Definition) -> str:
    return "is a class of another kind" if found.is_class else "is a function"
