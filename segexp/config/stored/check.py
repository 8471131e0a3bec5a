"""Checks what a stored file (config of a run, checkpoint, sweep) asks for, before anything in it is imported or used.

A run from somebody else is data. It may choose among classes and numbers; it may not name code of other packages,
functions, the environment, lines of shell, or places outside of its folder. Everything is read from source, by the role
of each place (:mod:`segexp.config.stored.slots`): a list of what is forbidden, as Hydra has one, forgets most.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from segexp.config.lineage import definition
from segexp.config.stored.arguments import parts, refuse_word
from segexp.config.stored.plain_values import refers, refuse_references, refuse_size, resolved, targets, texts
from segexp.config.stored.slots import slot_at
from segexp.config.stored.tree import StoredRules, TreeCheck
from segexp.config.stored.trust import packages
from segexp.errors import StoredError


def check_stored(
    config: Mapping[Any, Any],
    source: Path,
    trusted: Collection[str] = (),
    *,
    typed: Collection[str] = (),
    built: Collection[str] | None = None,
    sweeps: bool = False,
    agreed: Collection[str] = (),
) -> None:
    """Checks a stored config before anything in it is imported or resolved.

    Args:
        config: As it was read (YAML, checkpoint); values may refer to others, ``${optimizer.lr}``.
        source: The file, for messages; paths are judged by the folder that it lies in.
        trusted: Packages beside segexp's own, see :func:`segexp.config.stored.trust.trusted_packages`; those of
            the variable SEGEXP_TRUST count always.
        typed: Keys and groups that the command gives anew; what is stored there is not used.
        built: Sections whose objects are built, where nothing is trained; None: the config is trained with. A class of
            another package in any other section is not refused, since it is never imported.
        sweeps: Whether its section ``sweep`` starts jobs.
        agreed: Words, ``key=value``, that take a value all the same.

    Raises:
        StoredError: One line with file, key, what was found, and the way out.
    """
    if not isinstance(config, Mapping):
        raise StoredError(f"{source}: is no config: found a {type(config).__name__}, expected a block of keys")
    refuse_size(config, source)
    for key in ("hydra", "defaults"):
        if key in config:
            raise StoredError(f"{source}: {key}: a block of Hydra's own, which is not taken from a file; remove it")
    if sum(refers(source, key, value) for key, value in texts(config, "")):
        config = resolved(config, source)
        # Built of pieces, it would be resolved where the object is built.
        refuse_references(config, source)
    rules = StoredRules(source, packages(trusted), frozenset(typed), frozenset(agreed), built, sweeps)
    TreeCheck(rules, config, whole=True).tree(config, (), None, None)


def check_overrides(
    overrides: Sequence[str],
    source: Path,
    trusted: Collection[str] = (),
    *,
    typed: Collection[str] = (),
    agreed: Collection[str] = (),
) -> None:
    """Checks stored words (``overrides`` of a run.json, words of a search) before Hydra gets them.

    Args:
        overrides: ``key=value`` as they were typed once; a flag such as ``--config-dir`` is refused.
        source: The file that they stand in.
        trusted: As for :func:`check_stored`.
        typed: Keys and groups that the command gives anew.
        agreed: As for :func:`check_stored`.

    Raises:
        StoredError: One line with file, word and the way out.
    """
    rules = StoredRules(source, packages(trusted), frozenset(typed), frozenset(agreed), None, sweeps=True)
    for word in overrides:
        refuse_word(word, source)
        for part in parts(word, source):
            for place, text in texts(part, ""):
                refers(source, place, text)
            TreeCheck(rules, part).tree(part, (), None, None)


def needed(config: Mapping[Any, Any]) -> list[str]:
    """Packages that a config has to be trusted with before it can be used again, in order of their names.

    Only those of classes that may stand where they do: a function is no matter of trust.
    """
    found: set[str] = set()
    for path, target in targets(config, ()):
        slot, defined = slot_at(path), definition(target)
        if slot is not None and defined is not None and slot.fits(defined):
            stranger = slot.stranger(target, defined, ())
            found |= {stranger} if stranger is not None else set()
    return sorted(found)


def again(config: Mapping[Any, Any], source: Path, *, sweeps: bool = False) -> list[str]:
    """Words that a command needs to use a config again from where it is stored; none for most.

    Args:
        config: Of one's own run.
        source: Where it lies.
        sweeps: As for :func:`check_stored`.
    """
    packages_needed = needed(config)
    arguments = [f"trust=[{','.join(packages_needed)}]"] if packages_needed else []
    keys: set[str] = set()
    while True:
        try:
            check_stored(config, source, packages_needed, typed=keys, sweeps=sweeps)
        except StoredError as error:
            if not error.word or error.key in keys:
                return arguments
            keys.add(error.key)
            arguments.append(error.word)
        else:
            return arguments
