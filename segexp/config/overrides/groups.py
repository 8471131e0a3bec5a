"""The groups of ``conf/``, their options and what each option is: its file's first comment line."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from segexp.config.paths import conf_dir

ORDER = (
    "task",
    "datamodule",
    "model",
    "loss",
    "optimizer",
    "scheduler",
    "augment",
    "trainer",
    "callbacks",
    "metric",
    "logger",
    "speed",
    "sweep",
    "experiment",
    "debugging",
)

LISTS = ("metric", "logger", "callbacks")
"""Groups of which several options are taken together: each gives blocks by name."""


@dataclass(frozen=True)
class Option:
    """One YAML of a group; ``base.yaml`` and ``base_*.yaml`` are none, options begin with them."""

    name: str
    meaning: str


def groups(extra: Iterable[Path] = ()) -> dict[str, list[Option]]:
    """Options by group, in the order in which an experiment is thought of.

    Args:
        extra: More config folders (``--config-dir``); their options stand beside ours.
    """
    found: dict[str, dict[str, Option]] = {}
    for folder in (conf_dir(), *extra):
        for path in sorted(folder.glob("*/*.yaml")):
            if not is_base(path):
                found.setdefault(path.parent.name, {})[path.stem] = Option(path.stem, meaning(path))
    names = [name for name in ORDER if name in found] + sorted(set(found) - set(ORDER))
    return {name: list(found[name].values()) for name in names}


def is_base(path: Path) -> bool:
    """Returns whether a YAML holds keys that the options of its group share, and is none of them itself."""
    return path.stem == "base" or path.stem.startswith("base_")


def meaning(path: Path) -> str:
    """The first comment line of a YAML that is not a ``@package`` directive, or an empty string."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#") and "@package" not in line:
            return line.lstrip("# ").rstrip()
        if line.strip() and not line.startswith("#"):
            break
    return ""
