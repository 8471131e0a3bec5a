"""Patterns of images, and what is made of the parts of their names."""

import pytest

from segexp.data.folder.patterns import FilePattern, Match, Template
from segexp.errors import ConfigError


def match(pattern: str, path: str) -> Match:
    found = FilePattern(pattern, "datamodule.images").match(path)
    assert found is not None
    return found


def fill(template: str, found: Match, **more: str) -> list[str]:
    return Template(template, "datamodule.masks").fill(found, more)


@pytest.mark.parametrize(
    ("pattern", "path", "stars", "fields"),
    [
        ("images/*.png", "images/a b.png", ("a b",), {"stem": "a b", "folder": "images"}),
        ("*.png", "x.png", ("x",), {"stem": "x", "folder": ""}),
        ("**/*.png", "a/b/x.png", ("a/b/", "x"), {"stem": "x"}),
        ("**/*.png", "x.png", ("", "x"), {"stem": "x"}),
        ("im/*.{png,tif}", "im/x.tif", ("x",), {"stem": "x"}),
        ("im/{id}_training.tif", "im/21_training.tif", (), {"id": "21", "stem": "21_training"}),
        ("im/{stem}_sat.jpg", "im/7_sat.jpg", (), {"stem": "7"}),
        ("im/{city:[a-z-]+}{tile:[0-9]{1,2}}.tif", "im/tyrol-w36.tif", (), {"city": "tyrol-w", "tile": "36"}),
        ("{patient}/{patient}_{slice}.png", "p1/p1_03.png", (), {"patient": "p1", "slice": "03"}),
        ("{split}/x/*.png", "val/x/1.png", ("1",), {"split": "val"}),
        ("im (1)/*.png", "im (1)/1.png", ("1",), {}),
    ],
)
def test_parts_of_names(pattern: str, path: str, stars: tuple[str, ...], fields: dict[str, str]) -> None:
    found = match(pattern, path)
    assert found.stars == stars
    assert fields.items() <= found.fields.items()


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("images/*.png", "images/a/x.png"),
        ("images/*.png", "images/x.PNG"),
        ("images/*.png", "images/xpng"),
        ("im/*.{png,tif}", "im/x.gif"),
        ("{patient}/{patient}_{slice}.png", "p1/p2_03.png"),
        ("{tile:[0-9]+}.png", "a1.png"),
    ],
)
def test_what_does_not_fit(pattern: str, path: str) -> None:
    assert FilePattern(pattern, "datamodule.images").match(path) is None


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("gt/{stem}.png", ["gt/21_training.png"]),
        ("gt/*_gt.png", ["gt/21_gt.png"]),
        ("gt/{stem:[0-9]+}_manual1.gif", ["gt/21_manual1.gif"]),
        ("gt/{stem:([0-9]+)_tr}.gif", ["gt/21.gif"]),
        ("gt/{stem:(?P<number>[0-9]+)_tr}.gif", ["gt/21.gif"]),
        ("{patient}", ["p7"]),
        ("gt/{stem}.{png,gif}", ["gt/21_training.png", "gt/21_training.gif"]),
        ("{stem:[0-9]{2}}", ["21"]),
        (r"{stem:\d+}", ["21"]),
    ],
)
def test_other_names_are_made_of_the_parts(template: str, expected: list[str]) -> None:
    assert fill(template, match("images/*_training.tif", "images/21_training.tif"), patient="p7") == expected


def test_stars_stand_for_those_of_the_images() -> None:
    found = match("images/*/*.png", "images/rome/3.png")
    assert fill("gt/*/*_gt.png", found) == ["gt/rome/3_gt.png"]
    with pytest.raises(ConfigError, match=r"'gt/\*\.png' has 1 \*, but datamodule\.images has 2"):
        fill("gt/*.png", found)


def test_a_part_that_there_is_not_and_one_that_does_not_fit() -> None:
    found = match("images/*.png", "images/x.png")
    with pytest.raises(ConfigError, match=r"no \{city\} in '\{city\}'; there are \{folder\}, \{stem\}"):
        fill("{city}", found)
    with pytest.raises(LookupError, match=r"nothing in stem 'x' fits '\[0-9\]\+'"):
        fill("{stem:[0-9]+}", found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("images/{stem.png", "a brace is not closed"),
        ("{}", r"expected \{name\}, \{name:regex\} or \{a,b\}"),
        ("{tile:[0-9}", "is no regular expression"),
        ("/abs/*.png", "expected a pattern below datamodule.root"),
        ("../x/*.png", "expected a pattern below datamodule.root"),
        ("", "expected a pattern below datamodule.root"),
    ],
)
def test_what_is_no_pattern(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Template(text, "datamodule.masks")
    with pytest.raises(ConfigError, match=r"^datamodule\.images: .*" + words):
        FilePattern(text, "datamodule.images")


def test_names_of_parts_of_images_are_words() -> None:
    with pytest.raises(ConfigError, match="names of parts are plain words"):
        FilePattern("{image ID}.png", "datamodule.images")
    assert Template("{image ID}", "datamodule.split_by").names == {"image ID"}


def test_which_paths_could_be_masks() -> None:
    masks = Template("gt/{stem}_gt.{png,gif}", "datamodule.masks")
    assert masks.could_be("gt/x_gt.gif")
    assert not masks.could_be("gt/x.gif")
    assert not masks.could_be("gt/a/x_gt.gif")
