"""The words of a command that searches: whether it does, which of them are the search's own."""

import re
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from segexp.config.overrides.quoting import hydra_override, unquoted
from segexp.config.paths import conf_dir
from segexp.config.schema import SearchConfig
from segexp.config.stored.trust import without_trust
from segexp.errors import ConfigError
from segexp.runs.manifest_files import MANIFEST
from segexp.sweeps.command import ASKING, FLAGS, RESUME
from segexp.sweeps.foreign import same_words, split_off_folders, words_to_take
from segexp.sweeps.manifest import Manifest
from segexp.sweeps.seal import read_sealed
from segexp.sweeps.search.trials import is_sweep_word

SEARCH_KEYS = tuple(field.name for field in fields(SearchConfig))


def names_search(argv: Sequence[str], extra: Sequence[str]) -> bool:
    """Tells whether an option of ``sweep=`` is a search: ``optuna``, or one of the user's that begins with it."""
    chosen = [word.partition("=")[2] for word in argv if word.lstrip("+").startswith("sweep=")]
    if not chosen:
        return False
    paths = [folder / "sweep" / f"{chosen[-1]}.yaml" for folder in (conf_dir(), *map(Path, extra))]
    texts = [path.read_text(encoding="utf-8") for path in paths if path.is_file()]
    return any(re.search(r"^trials:|^\s*-\s*optuna\s*$", text, re.MULTILINE) for text in texts)


def asks_only(argv: Sequence[str]) -> bool:
    """Tells whether Hydra answers and nothing is run."""
    return bool({word.split("=", 1)[0] for word in argv} & set(ASKING))


def resumed_search(argv: Sequence[str]) -> Path | None:
    """The folder of ``sweep.resume=``, if it is that of a search."""
    folders = [Path(unquoted(word.removeprefix(RESUME))) for word in argv if word.startswith(RESUME)]
    if not folders or not (folders[-1] / MANIFEST).is_file():
        return None
    return folders[-1] if "search" in Manifest.read(folders[-1]).facts else None


def refuse_search_keys(argv: Sequence[str]) -> None:
    """Refuses keys of a search where there is none.

    Raises:
        ConfigError: One was found.
    """
    for word in argv:
        key = word.partition("=")[0].lstrip("+")
        if key.removeprefix("sweep.") in SEARCH_KEYS and key.startswith("sweep."):
            raise ConfigError(f"{key}: is a key of a search; add sweep=optuna")


def without_flags(argv: Sequence[str]) -> list[str]:
    """The words that are composed: no ``-m``, which a search implies, and no folder to go on with."""
    return [word for word in argv if word not in FLAGS and not word.startswith(RESUME)]


def experiment_words(arguments: Sequence[str]) -> list[str]:
    """Gives the words of a command that are about the trials."""
    return [word for word in without_trust(arguments) if not is_sweep_word(word) and not word.startswith("debug=")]


def resumed_words(manifest: Manifest, now: Sequence[str]) -> list[str]:
    """The words of a search that goes on: those that it began with, with the keys of the sweep as they are now.

    Raises:
        ConfigError: The command has others.
    """
    search_facts: dict[str, Any] = manifest.facts["search"]
    kept = [hydra_override(f"sweep.{key}", value) for key, value in search_facts["section"].items()]
    arguments, kept = words_to_take(manifest, search_facts["words"], now), words_to_take(manifest, kept, now)
    if (asked := experiment_words(split_off_folders(now)[0])) and not same_words(asked, experiment_words(arguments)):
        raise ConfigError(
            f"sweep.resume: {manifest.folder} searches {' '.join(experiment_words(search_facts['words']))}\n"
            f"  the command has {' '.join(asked)}; a search goes on as it began: leave these words out"
        )
    changed = [word for word in now if word not in asked and not word.startswith("sweep=")]
    # The last word of a key counts.
    return [*arguments, *kept, *changed, *_folders(manifest, now)]


def _folders(manifest: Manifest, now: Sequence[str]) -> list[str]:
    """Folders of options that this user gave at the start, unless there are others now."""
    given = [] if split_off_folders(now)[1] else split_off_folders(read_sealed(manifest.folder))[1]
    return [word for folder in given for word in ("--config-dir", folder)]
