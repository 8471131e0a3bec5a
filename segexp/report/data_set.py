"""What the data of a run is called by people: its own name, where the option chosen for it says none."""

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from segexp.config.stored.plain_values import refuse_size
from segexp.errors import StoredError
from segexp.runs import entries
from segexp.runs.contents import RunContents
from segexp.runs.json_yaml import parse_yaml
from segexp.runs.text import printable, shortened

ANY_FILES = ("folder", "image_folder", "images", "arrays")
"""Options of ``datamodule`` for files of any data set: the folder that they lie in has its name."""
DRAWN = " (drawn)"
"""Ending of a name whose images are drawn in place of real ones."""
LONGEST_NAME = 60
"""Letters of a name in a title."""


def data_set_name(folder: RunContents) -> str:
    """Names the data set of a run: the option chosen for it, or for files of any data set the folder they lie in.

    Args:
        folder: The run; its results, else its record, name the option, and its config the folder or scene.

    Returns:
        ``drive``; ``my_leaves`` of ``datamodule=folder datamodule.root=data/my_leaves``; ``synthetic vessels`` of drawn
        scenes; empty where nothing tells.
    """
    option = entries.to_text(
        entries.get_in(folder.results, "task", "datamodule") or entries.get_in(folder.run, "data", "name")
    )
    plain, drawn = option.removesuffix(DRAWN), DRAWN if option.endswith(DRAWN) else ""
    if plain in ANY_FILES:
        root = config_section(folder.config, "datamodule").get("root")
        name = PurePosixPath(root.replace("\\", "/")).name if isinstance(root, str) else ""
        return (shortened(printable(name), LONGEST_NAME) or plain) + drawn
    if plain == "synthetic":
        scene = config_section(folder.config, "datamodule").get("scene")
        return f"synthetic {printable(scene)}" if isinstance(scene, str) else option
    return option


def config_section(config: str, name: str) -> Mapping[str, Any]:
    """Reads one section of the text of config.yaml; empty where it is not there, is no mapping or none of a config."""
    section = config_value(config, name)
    return section if isinstance(section, Mapping) else {}


def config_value(config: str, name: str) -> Any:
    """Reads the value of one key of the text of config.yaml; None where it is not there or none of a config.

    The rest is not parsed: a page of hundreds of runs asks for a few keys of each.
    """
    found = re.search(rf"^{re.escape(name)}:[^\n]*\n(?:[ \t#-][^\n]*\n?|\n)*", config, re.MULTILINE)
    try:
        section = parse_yaml(found[0]).get(name) if found else None
        # a few lines of references in YAML can stand for millions of entries
        refuse_size(section, Path("config.yaml"))
    except (ValueError, AttributeError, StoredError):
        return None
    return section
