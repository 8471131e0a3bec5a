"""The check of values: what fits, how it is said, and how whole trees are walked."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from segexp.commands import COMMANDS
from segexp.config.checks.annotation_fit import describe, hint, matches
from segexp.config.checks.tree import check_config
from segexp.config.command_schema import schema_of
from segexp.config.schema import Supplied
from segexp.config.signatures.signature import UNKNOWN
from segexp.errors import ConfigError
from segexp.types import Angle, Fraction, LoaderOptions, PositiveFloat, PositiveInt, Tag

NAN = float("nan")


@pytest.mark.parametrize(
    ("annotation", "good", "bad"),
    [
        (int, [0, -3], [1.0, "1", True, None, [1]]),
        (float, [0, 1.5, -2], ["1", False, None]),
        (bool, [True, False], [0, 1, "true", None]),
        (str, ["", "a"], [1, None, True]),
        (PositiveInt, [1, 9], [0, -1, 1.0]),
        (PositiveFloat, [1e-9, 3], [0, 0.0, -1.0, NAN]),
        (Fraction, [0, 0.5, 1], [-0.1, 1.1, NAN]),
        (Angle, [0, 180], [-1, 181]),
        (Literal["a", 1, True], ["a", 1, True], ["b", 2, False, 1.0]),
        (PositiveInt | None, [1, None], [0, "1"]),
        (bool | Literal["warn"], [True, "warn"], ["wran", 1]),
        (float | list[float], [1.0, [1.0, 2]], [["a"], "a"]),
        (list[int], [[], [1, 2]], [[1, "a"], (1,), 1]),
        (list[Tag], [[], ["a", "week 3", "x" * 64]], [[""], ["a", "x" * 65], [1]]),
        (tuple, [[1, 2]], [1, "ab"]),
        (dict[int, int], [{}, {0: 0, 255: 1}], [{"a": 1}, {0: "a"}, 1, []]),
        (dict[str, Any] | None, [{"a": [1]}, None], [3, {1: 2}]),
        (LoaderOptions, [{}], [3, None]),
        (Any, [None, 1, "a", object()], []),
        (UNKNOWN, [None, 1, "a"], []),
    ],
)
def test_matches(annotation: Any, good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if not matches(value, annotation)] == []
    assert [value for value in bad if matches(value, annotation)] == []


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (int, "a whole number"),
        (PositiveInt, "a whole number, a value of at least 1"),
        (PositiveFloat | None, "a number, a value above 0 | null"),
        (Fraction, "a number, 0 <= value <= 1"),
        (bool | Literal["warn"], "true | false | warn"),
        (list[float], "a list of a number"),
        (dict[int, int], "a block of a whole number: a whole number"),
        (LoaderOptions | dict[str, Any] | None, "a block of keys | null"),
        (str, "text"),
    ],
)
def test_describe(annotation: Any, words: str) -> None:
    assert describe(annotation) == words


@dataclass(frozen=True)
class Inner:
    rate: PositiveFloat
    mode: Literal["fast", "slow"] = "fast"


@dataclass(frozen=True)
class Outer:
    seed: int
    inner: Inner
    model: Annotated[dict[str, Any], Supplied(("in_channels",), auto=True)]
    extra: list[Annotated[dict[str, Any], Supplied()]]
    loader: LoaderOptions | dict[str, Any] | None = None


GOOD: dict[str, Any] = {"seed": 1, "inner": {"rate": 0.1}, "extra": [], "model": {"_target_": "nets.Net", "width": 3}}


@pytest.fixture(autouse=True)
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "class Net:\n    def __init__(self, in_channels: int, width: int, head: 'Net | None' = None) -> None: ...\n\n\n"
        "class Head:\n    def __init__(self, size: int = 1) -> None: ...\n"
    )
    (tmp_path / "nets.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))


def problems(**changes: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        check_config({**GOOD, **changes}, Outer)
    return str(caught.value).splitlines()


def test_good_trees_pass() -> None:
    check_config(GOOD, Outer)
    check_config({**GOOD, "loader": {"batch_size": 3, "num_workers": None}}, Outer)
    check_config({**GOOD, "model": {"_target_": "nets.Net", "width": "auto"}}, Outer)
    check_config({**GOOD, "model": {"_target_": "nets.Net", "_partial_": True}}, Outer)
    nested = {"_target_": "nets.Net", "width": 3, "head": {"_target_": "nets.Head", "size": 2}}
    check_config({**GOOD, "model": nested}, Outer)


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"sead": 1}, ["sead: no such key. Did you mean 'seed'?"]),
        ({"seed": "???"}, ["seed: must be given; add seed=<value> to the command"]),
        ({"inner": {}}, ["inner.rate: missing; leave the key in, every key has a value"]),
        ({"inner": 3}, ["inner: found 3, expected a block of keys."]),
        ({"inner": {"rate": 0}}, ["inner.rate: found 0, expected a number, a value above 0."]),
        (
            {"inner": {"rate": 1, "mode": "fsat"}},
            ["inner.mode: found 'fsat', expected fast | slow. Did you mean 'fast'?"],
        ),
        (
            {"loader": {"batch_size": 0}},
            ["loader.batch_size: found 0, expected a whole number, a value of at least 1 | auto."],
        ),
        ({"loader": {"bacth_size": 1}}, ["loader.bacth_size: no such key. Did you mean 'loader.batch_size'?"]),
        ({"loader": 3}, ["loader: found 3, expected a block of keys | null."]),
        ({"model": {"width": 3}}, ["model: no _target_, the class to build; choose an option: model=<name>"]),
        ({"model": {"_target_": "nets.Net"}}, ["model.width: must be given; add model.width=<value> to the command"]),
        ({"model": {"_target_": "nets.Nett", "width": 1}}, ["model._target_: nets has no 'Nett'. Did you mean 'Net'?"]),
        (
            {"model": {"_target_": "nets.Net", "width": 1, "in_channels": 3}},
            ["model.in_channels: is taken from the data or the program and cannot be set; remove it"],
        ),
        (
            {"model": {"_target_": "nets.Net", "width": "b", "head": {"_target_": "nets.Head", "siez": 2}}},
            [
                "model.width: found 'b', expected a whole number.",
                "model.head.siez: no such key. Did you mean 'model.head.size'?",
            ],
        ),
        (
            {"extra": [{"_target_": "nets.Head"}, {"_target_": "nets.Head", "size": "a"}]},
            ["extra[1].size: found 'a', expected a whole number."],
        ),
    ],
)
def test_wrong_trees(changes: dict[str, Any], lines: list[str]) -> None:
    assert problems(**changes) == lines


def test_all_problems_are_named() -> None:
    assert len(problems(seed="a", inner={"rate": -1}, loader={"prefetch_factor": 0})) == 3


@dataclass(frozen=True)
class Named:
    parts: dict[str, Annotated[dict[str, Any], Supplied()]] = field(default_factory=dict)


def test_blocks_under_names_of_the_users_are_checked() -> None:
    check_config({}, Named)
    check_config({"parts": {"one": {"_target_": "nets.Head"}, "two": {"_target_": "nets.Head", "size": 3}}}, Named)
    with pytest.raises(ConfigError) as caught:
        check_config({"parts": {"one": {"_target_": "nets.Head", "size": "a"}, "two": 3, "three": {}}}, Named)
    assert str(caught.value).splitlines() == [
        "parts.one.size: found 'a', expected a whole number.",
        "parts.two: found 3, expected a block of keys.",
        "parts.three: no _target_, the class to build; choose an option: parts.three=<name>",
    ]


def test_every_command_has_the_schema_that_is_named_after_it() -> None:
    for name in COMMANDS:
        assert schema_of(name).__name__ == "".join(part.capitalize() for part in name.split("_")) + "Config"


@pytest.mark.parametrize(
    ("path", "value", "annotation", "told"),
    [
        ("tags", "week 3", list[str], """ Write 'tags=["week 3"]'."""),
        ("tags", 3, list[str], """ Write 'tags=["3"]'."""),
        ("tags", None, list[str], " Write 'tags=[]'."),
        ("tags", "\ud800", list[str], ""),
        ("panel_epochs", "untrained", int | list[int | Literal["untrained"]], " Write 'panel_epochs=[untrained]'."),
        # No list was forgotten where another number, or anything else, was meant.
        ("trainer.devices", 0, PositiveInt | list[int], ""),
        ("trainer.devices", None, PositiveInt | list[int], ""),
        # Hydra gives items of lists, and such names of keys, no word of their own.
        ("datamodule.augment[0].sizes", 3, list[int], ""),
        ("logger.of mine.tags", "x", list[str], ""),
    ],
)
def test_a_list_is_proposed_where_it_can_be_pasted(path: str, value: object, annotation: Any, told: str) -> None:
    assert hint(path, value, annotation) == told
