from pathlib import Path

import pytest

from segexp.errors import DataError
from segexp.inference.predict.inputs import find_inputs


def made(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b"x")


def names(given: str | list[str], output: str = "out") -> list[tuple[str, str]]:
    return [(file.address, str(file.stem)) for file in find_inputs(given, Path(output))]


def test_files_folders_globs_and_lists() -> None:
    made("in/b.png", "in/a.TIF", "in/sub/c.jpg", "in/notes.txt", "in/.hidden.png", "in/sub/d.dat")
    assert names("in/notes.txt") == [("in/notes.txt", "notes")]
    folder = [("in/a.TIF", "a"), ("in/b.png", "b"), ("in/sub/c.jpg", "sub/c")]
    assert names("in") == folder
    assert names("in/*.png") == [("in/b.png", "b")]
    assert names("in/*/*") == [("in/sub/c.jpg", "sub/c"), ("in/sub/d.dat", "sub/d")]
    assert names("in/**/*.jpg") == [("in/sub/c.jpg", "sub/c")]
    assert names(["in/sub/c.jpg", "in"]) == [("in/sub/c.jpg", "c"), *folder[:2]]


def test_predictions_are_no_inputs() -> None:
    made("in/a.png", "in/out/a_mask.png")
    assert names("in", "in/out") == [("in/a.png", "a")]
    assert names("in/**/*.png", "in/out") == [("in/a.png", "a")]
    with pytest.raises(DataError, match="the folder of the predictions too"):
        names("in", "in")


def test_nothing_is_said() -> None:
    made("in/a.txt")
    for given, words in (
        ("gone", "no file or folder gone"),
        ("in", "holds no image"),
        ("*.gif", "matches no file"),
        ("nowhere://a/b", "no files can be read from nowhere:// addresses"),
    ):
        with pytest.raises(DataError, match=words):
            names(given)
