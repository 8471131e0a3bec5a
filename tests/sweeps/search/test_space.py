"""Ranges on the command line: how they are read, what is refused, and the words that a trial is composed of."""

import pytest

from segexp.errors import ConfigError
from segexp.sweeps.search.dimensions import Dimension, Numbers, Options
from segexp.sweeps.search.space import first_of_ranges, read_space, refuse_ranges

READ: dict[str, tuple[str, Dimension, str]] = {
    "a.b=log(1e-4,1e-2)": ("a.b", Numbers(1e-4, 1e-2, log=True), "log(0.0001,0.01)"),
    "a=log( 1e-4 , 1e-2 )": ("a", Numbers(1e-4, 1e-2, log=True), "log(0.0001,0.01)"),
    "a=interval(-1,0.5)": ("a", Numbers(-1, 0.5), "interval(-1,0.5)"),
    "a=tag(log,interval(0.1,1))": ("a", Numbers(0.1, 1, log=True), "log(0.1,1)"),
    "a=int(2,8)": ("a", Numbers(2, 8, whole=True), "int(2,8)"),
    "+a=int_log(1,64)": ("a", Numbers(1, 64, log=True, whole=True), "int_log(1,64)"),
    # Hydra leaves the stop out, and so does a search.
    "a=range(1,4)": ("a", Numbers(1, 3, step=1, whole=True), "int(1,3)"),
    "a=range(8,33,8)": ("a", Numbers(8, 32, step=8, whole=True), "int(8,32) in steps of 8"),
    "a=range(0.1,0.5,0.1)": ("a", Numbers(0.1, 0.4, step=0.1), "interval(0.1,0.4) in steps of 0.1"),
    "model=cunet,unet": ("model", Options(("cunet", "unet")), "cunet,unet"),
    "metric=[hd95],[cldice]": ("metric", Options(("[hd95]", "[cldice]")), "[hd95],[cldice]"),
    "a=choice(1,2,1)": ("a", Options(("1", "2")), "1,2"),
}


@pytest.mark.parametrize("word", READ)
def test_a_range_is_read(word: str) -> None:
    name, dimension, text = READ[word]
    found = read_space(["x=1", word]).dimensions
    assert found == {name: dimension}
    assert str(found[name]) == text
    assert [type(end) for end in found[name].ends] == [type(end) for end in dimension.ends]


def test_a_pattern_takes_the_options_of_its_group() -> None:
    (dimension,) = read_space(["model=glob(unet*,exclude=*_small)"]).dimensions.values()
    assert isinstance(dimension, Options)
    assert "unet" in dimension.values
    assert all(value.startswith("unet") and not value.endswith("_small") for value in dimension.values)


def test_what_has_one_value_is_left_alone() -> None:
    words = ["-m", "--config-dir", "a,b", "from=a,b", "x=1", "x=[1,2]", "x=int(3.7)", "~x", "y={a: 1}", "word"]
    space = read_space(words)
    assert space.ranges == {}
    assert space.line({}) == words
    assert space.corners() == [{}]


WRONG = {
    "a=log(1)": "expected two numbers, low and high",
    "a=log(x,y)": "expected two numbers, low and high",
    "a=log(0,1)": "found 0 as low end, expected a value above 0",
    "a=log(2,1)": "expected low < high",
    "a=interval(1,1)": "expected low < high",
    "a=log(1,inf)": "expected low < high, both finite",
    "a=int(1.5,3)": "expected two whole numbers",
    "a=range(3,1)": "expected at least two values",
    "a=choice(1)": "found 1 value, expected two or more",
    "model=glob(nothing*)": "found 0 values",
    "seed=0,1": "seed cannot be searched: it would pick the lucky one",
    "datamodule.split_seed=range(0,5)": "it would pick the lucky one",
    "datamodule.fold=0,1": "values on different validation images cannot be compared",
    "datamodule=drive,inria": "values on different validation images cannot be compared",
    "monitor=val/miou,val/mdice": "values of different measures cannot be compared",
    "sweep.jobs=1,2": "it has no part in the value that is searched by",
    "tta=none,d4": "it has no part in the value that is searched by",
}


@pytest.mark.parametrize("word", WRONG)
def test_what_is_wrong_with_a_range_is_said(word: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_space([word])
    assert str(caught.value).startswith(f"{word}: ")
    assert WRONG[word] in str(caught.value)


def test_a_key_has_one_range() -> None:
    with pytest.raises(ConfigError, match="a has a range already"):
        read_space(["a=1,2", "+a=int(1,2)"])


def test_words_and_corners_of_trials() -> None:
    space = read_space(["--config-dir", "mine", "x=1", "+a.b=log(1e-4,1e-2)", "c=int(1,3)", "model=u,v,w"])
    assert space.corners() == [
        {"a.b": 1e-4, "c": 1, "model": "u"},
        {"a.b": 1e-2, "c": 3, "model": "v"},
        {"a.b": 1e-4, "c": 1, "model": "w"},
    ]
    values = {"a.b": 0.00123456789, "c": 2, "model": "v"}
    assert space.line(values) == ["--config-dir", "mine", "x=1", "+a.b=0.00123456789", "c=2", "model=v"]
    assert space.label(values) == "a.b=0.001235 c=2 model=v"
    assert first_of_ranges(["a=log(1e-4,1)", "sweep=optuna"]) == ["a=0.0001", "sweep=optuna"]


def test_ranges_are_for_searches() -> None:
    refuse_ranges(["a=1,2", "a=range(1,3)", "a=int(3.5)", "--x=log(1,2)", "name=catalog(1)"])
    for word in ("a=log(1,2)", "a=log(1)", "a.b=int(1,2)", "a=interval(0,1)", "a=tag(log,interval(1,2))"):
        with pytest.raises(ConfigError, match="is for a search: python -m segexp sweep=optuna"):
            refuse_ranges([word])
