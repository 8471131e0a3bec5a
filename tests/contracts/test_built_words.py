"""A word that the command line refuses is refused of Python code too: every part of every group; new YAML is found."""

import importlib
import inspect
import typing
from collections.abc import Iterator
from typing import Any

import pytest
import torch
import yaml

from segexp.config.checks.built_words import check_words
from segexp.config.paths import conf_dir
from segexp.config.signatures.signature import signature
from segexp.errors import ConfigError

GROUPS = ("model", "loss", "metrics", "datamodule")
NEEDED = {"in_channels": 3, "out_channels": 2, "root": "no_such_folder", "loss": torch.nn.BCEWithLogitsLoss()}


def targets(node: Any) -> Iterator[dict[str, Any]]:
    """Blocks of a part that name a class of this project."""
    if isinstance(node, dict):
        if str(node.get("_target_")).startswith("segexp."):
            yield node
        for value in node.values():
            yield from targets(value)


def is_words(annotation: Any) -> bool:
    members = typing.get_args(annotation)
    return typing.get_origin(annotation) is typing.Literal or any(map(is_words, members))


def parameters() -> Iterator[Any]:
    """Each class with each of its own and inherited parameters of words."""
    seen = set()
    for group in GROUPS:
        for file in sorted((conf_dir() / group).glob("*.yaml")):
            for node in targets(yaml.safe_load(file.read_text(encoding="utf-8"))):
                module, _, name = node["_target_"].rpartition(".")
                cls = getattr(importlib.import_module(module), name)
                found = signature(node["_target_"])
                for key, parameter in found.parameters.items() if found else ():
                    if is_words(parameter.annotation) and (cls, key) not in seen:
                        seen.add((cls, key))
                        yield pytest.param(group, cls, key, id=f"{name}-{key}")


@pytest.mark.parametrize(("group", "cls", "key"), [*parameters()])
def test_a_word_that_there_is_not_is_refused(group: str, cls: type, key: str) -> None:
    wanted = inspect.signature(cls).parameters
    given = {name: value for name, value in NEEDED.items() if name in wanted}
    with pytest.raises(ConfigError, match=rf"{key}: found 'nonsense', expected .+"):
        made = cls(**{**given, key: "nonsense"})
        if group == "datamodule":
            made.setup()


class Base:
    """Parameters of words."""

    def __init__(self, mode: typing.Literal["sum", "mean"] = "sum", size: int | typing.Literal["auto"] = 3) -> None:
        self.mode, self.size = mode, size


class Other(Base):
    """Gives one of them another meaning."""

    def __init__(self, mode: str = "all", **more: Any) -> None:
        super().__init__(**more)
        self.mode = mode  # type: ignore[assignment]


def test_the_nearest_word_is_proposed_and_another_meaning_is_let_through() -> None:
    with pytest.raises(ConfigError, match=r"^part\.mode: found 'men', expected sum \| mean\. Did you mean 'mean'\?$"):
        check_words(Base("men"), "part")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"^part\.size: found 'automatic', expected a whole number \| auto$"):
        check_words(Base(size="automatic"), "part")  # type: ignore[arg-type]
    check_words(Base(size=8), "part")
    check_words(Other("anything"), "part")
