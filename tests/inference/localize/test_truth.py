from pathlib import Path

import numpy as np
import pytest

from segexp.errors import DataError
from segexp.inference.localize.peaks import Peak
from segexp.inference.localize.truth import of_images, read_objects


def written(name: str, text: str) -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text)
    return name


def test_boxes_and_centres() -> None:
    boxes = written("boxes.csv", "field,x0,y0,x1,y1\na,10,20,30,60\na,100,0,120,40\nb.jpg,1,1,3,3\n\n")
    written("xyc/a.xyc", "21\t41\n110\t20\n")
    written("xyc/c.xyc", "")
    found = read_objects(boxes, "xyc")
    assert found is not None
    assert found["a"].centres.tolist() == [[21, 41], [110, 20]]
    assert found["b"].centres.tolist() == [[2, 2]]
    assert [found["a"].inside(Peak(x, y, 0)) for x, y in ((30, 20), (31, 20), (105, 30))] == [True, False, True]
    assert found["a"].distances(Peak(24, 45, 0)).tolist() == [5, pytest.approx(np.hypot(86, 25))]
    assert found["c"].centres.shape == (0, 2)
    assert found["c"].inside(Peak(0, 0, 0)) is False
    assert set(of_images(found, ["a", "z"], "boxes")) == {"a", "z"}
    only = read_objects(None, "xyc")
    assert only is not None and only["a"].inside(Peak(0, 0, 0)) is None
    assert read_objects(None, None) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("field,x,y\na,1,2\n", "begins with field,x,y, expected a table"),
        ("field,x0,y0,x1,y1\na,1,2,3\n", "line 2: found '1 2 3 ', expected a box"),
        ("field,x0,y0,x1,y1\na,1,2,nan,3\n", "line 2"),
        ("field,x0,y0,x1,y1\na,9,2,3,4\n", "expected x0 <= x1"),
        ("", "begins with nothing"),
    ],
)
def test_tables_that_are_none(text: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_objects(written("boxes.csv", text), None)


def test_what_is_missing_is_said() -> None:
    written("xyc/a.xyc", "1 2 3\n")
    for boxes, centres, words in (
        ("none.csv", None, "boxes: no file none.csv"),
        (None, "nowhere", "centres: no folder nowhere"),
        (None, "xyc", "line 1: found '1 2 3', expected a place"),
    ):
        with pytest.raises(DataError, match=words):
            read_objects(boxes, centres)
    objects = read_objects(written("boxes.csv", "field,x0,y0,x1,y1\na,1,2,3,4\n"), None)
    assert objects is not None
    with pytest.raises(DataError, match="names a, but the images are x, y"):
        of_images(objects, ["x", "y"], "boxes")
