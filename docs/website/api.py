"""Markdown of the reference of Python: what is meant to be imported, and the class behind every option."""

from collections.abc import Sequence

from segexp.config.overrides.comments import keys_of_option
from segexp.config.overrides.groups import groups
from segexp.config.overrides.reference import EXPERIMENT, targets_of
from segexp.config.paths import conf_dir

PUBLIC = (
    "segexp.train", "segexp.compose", "segexp.Run", "segexp.load", "segexp.inference.model.Model", "segexp.load_task",
    "segexp.inference.task_model.TaskModel", "segexp.load_autoencoder",
    "segexp.inference.autoencoder.AutoencoderModel",
)  # fmt: skip
"""What a program of your own imports, and what it gets."""
PARTS = (
    "segexp.spec", "segexp.types", "segexp.errors", "segexp.losses.base", "segexp.metrics.base", "segexp.data.files",
    "segexp.data.base", "segexp.data.hooks", "segexp.data.read_images", "segexp.tasks.base", "segexp.tasks.hooks",
    "segexp.tasks.steps.forward", "segexp.tasks.steps.training", "segexp.tasks.steps.evaluation",
    "segexp.training.loggers.tracking",
)  # fmt: skip
"""Modules that parts of your own are written with."""
INDEX = """# Python

`from segexp import train, compose, load, Run`: experiments and models from Python, by the words of the command line.
Examples with their figures: [Python](../../lightning.md#python).
"""
BASES = """# What parts are written with

Base classes, types of keys, and errors. [How a part is written](../../extending.md), with a complete example of each.
"""


def api_pages() -> dict[str, str]:
    """The pages of the reference of Python: Markdown by path below docs/."""
    pages = {"reference/api/index.md": _listed(INDEX, PUBLIC), "reference/api/parts.md": _listed(BASES, PARTS)}
    return pages | {f"reference/api/{group}.md": _page(group, targets) for group, targets in _targets().items()}


def _targets() -> dict[str, list[str]]:
    """The classes of segexp behind the options of each group; a class of several groups stands in the first."""
    found: dict[str, list[str]] = {}
    seen: set[str] = set()
    for group, options in groups().items():
        for option in () if group == EXPERIMENT else options:
            for target in targets_of(keys_of_option(group, option.name, [conf_dir()])).values():
                if target.startswith("segexp.") and target not in seen:
                    seen.add(target)
                    found.setdefault(group, []).append(target)
    return found


def _page(group: str, targets: Sequence[str]) -> str:
    head = f"# Classes of {group}\n\nWhat the options of [`{group}`](../{group}.md) build, from their docstrings.\n"
    return _listed(head, targets)


def _listed(head: str, names: Sequence[str]) -> str:
    return "\n".join([head, *(f"::: {name}\n" for name in names)])
