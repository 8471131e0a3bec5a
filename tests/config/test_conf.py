"""Every YAML of conf/: found by itself, composes, is valid, and says what each key is."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from segexp.config.command_schema import GenerateConfig
from segexp.config.composed import checked, checked_train
from segexp.config.overrides.groups import ORDER, groups
from segexp.config.paths import conf_dir
from segexp.errors import ConfigError

FILES = sorted(conf_dir().rglob("*.yaml"))
OPTIONS = [(group, option.name) for group, found in groups().items() for option in found]
STRUCTURE = {"defaults", "hydra", "_target_", "_partial_"}


def relative(path: Path) -> str:
    return path.relative_to(conf_dir()).as_posix()


def leaves(node: yaml.Node, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], int, bool]]:
    """Keys of a document: path, line number from 0, and whether a block of further keys stands below."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = isinstance(value, yaml.MappingNode) and not value.flow_style
            yield (*at, key.value), key.start_mark.line, below
            yield from leaves(value, (*at, key.value))


def composed(overrides: list[str], name: str = "train") -> Any:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose(name, overrides)


def test_the_order_of_groups_names_the_folders() -> None:
    assert {path.parent.name for path in FILES if path.parent != conf_dir()} == set(ORDER)
    assert list(groups()) == list(ORDER)


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_every_key_has_a_comment_and_the_file_a_meaning(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    first = next(line for line in lines if line.startswith("#") and "@package" not in line)
    assert re.fullmatch(r"# \S.{9,}", first), f"{relative(path)} does not begin with a line that says what it is"
    if path.parent.name == "experiment":  # keys of other groups, explained there
        return
    root = yaml.compose(text)
    assert isinstance(root, yaml.MappingNode)
    for keys, line, block in leaves(root):
        # A value that a preset changes is explained where the key is introduced.
        if keys[0] in STRUCTURE or keys[-1] in STRUCTURE or block or _introduced_elsewhere(path, keys):
            continue
        assert re.search(r"#\s*\S.{3,}", lines[line]), f"{relative(path)}:{line + 1}: {'.'.join(keys)} has no comment"


def _introduced_elsewhere(path: Path, keys: tuple[str, ...]) -> bool:
    """Whether a preset of the same group, named in the defaults list, holds the key with a comment."""
    defaults = yaml.safe_load(path.read_text(encoding="utf-8")).get("defaults", [])
    for name in (d for d in defaults if isinstance(d, str) and d != "_self_" and "@" not in d):
        text = (path.parent / f"{name}.yaml").read_text(encoding="utf-8")
        for found, line, _ in leaves(yaml.compose(text)):  # type: ignore[arg-type]
            if found == keys and "#" in text.splitlines()[line]:
                return True
    return False


# Keys of these are names of blocks, and the user may add some.
FREE = ("experiment", "debugging", "metric", "logger", "callbacks")


@pytest.mark.parametrize(("group", "name"), OPTIONS)
def test_every_option_composes_and_is_valid(group: str, name: str) -> None:
    overrides = [f"{group}={name}"]
    config = composed(overrides)
    if group not in FREE:
        an_unknown_key_is_refused(config, group)
    if OmegaConf.is_missing(config.datamodule, "root"):
        with pytest.raises(ConfigError, match=r"^datamodule\.root: must be given; add datamodule\.root=<value>"):
            checked_train(config)
        config.datamodule.root = "/data"
    if name == "lightning":
        with pytest.raises(ConfigError, match=rf"^{group}\._target_: must be given; add {group}\._target_=<package"):
            checked_train(config)
        config = composed([*overrides, f"{group}._target_=tests.training.plain.parts.{OF_TESTS[group]}"])
    experiment = checked_train(config)
    assert "_target_" in experiment.model or group == "task"
    assert experiment.direction in ("min", "max")


def an_unknown_key_is_refused(config: Any, group: str) -> None:
    """As ``+<group>.no_such_key_at_all=1`` adds it."""
    config = copy.deepcopy(config)
    OmegaConf.update(config, f"{group}.no_such_key_at_all", 1, force_add=True)
    with pytest.raises(
        ConfigError,
        match=rf"(?m)^{group}\.(no_such_key_at_all: no such key\.|_target_: found null, which takes no no_such|"
        r"_target_: must be given)",
    ):
        checked_train(config)


OF_TESTS = {"task": "LitAutoEncoder", "datamodule": "Digits"}
"""Classes for the options that take any."""


@pytest.mark.parametrize("name", [name for group, name in OPTIONS if group == "metric" and name not in ("all", "none")])
def test_an_unknown_key_of_a_measure_is_refused(name: str) -> None:
    config = composed([f"metric=[{name}]", f"+metric.{name}.no_such_key_at_all=1"])
    with pytest.raises(ConfigError, match=rf"^metric\.{name}\.no_such_key_at_all: no such key\."):
        checked_train(config)


def test_a_measure_is_a_block() -> None:
    with pytest.raises(ConfigError, match=r"^metric\.mine: found 3, expected a block of keys"):
        checked_train(composed(["metric=[hd95]", "+metric.mine=3"]))


@pytest.mark.parametrize(
    ("override", "wanted"),
    [
        ("metric=[hd95,cldice]", ["hd95", "cldice"]),
        ("metric=hd95", ["hd95"]),
        ("metric=none", []),
        ("metric=[]", None),
        ("~metric.hd95", ["calibration", "boundary_iou", "cldice", "asd", "components", "objects"]),
    ],
)
def test_measures_are_chosen_by_name(override: str, wanted: list[str] | None) -> None:
    found = checked_train(composed([override])).plain().get("metric")
    assert (None if found is None else list(found)) == wanted


def test_the_preset_of_all_measures_names_options_and_holds_the_usual_ones() -> None:
    names = {name for group, name in OPTIONS if group == "metric"} - {"all", "none"}
    usual, preset = (set(checked_train(composed(words)).metric) for words in ([], ["metric=all"]))
    assert usual <= preset <= names


def test_generate_is_valid_once_it_knows_where() -> None:
    asked = checked(composed(["out=there"], "generate"), GenerateConfig)
    assert (asked.out, asked.layout, asked.size) == ("there", "drive", None)
