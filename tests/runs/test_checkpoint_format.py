"""The number of a checkpoint's format."""

from typing import Any

import pytest

from segexp.errors import DataError
from segexp.runs.checkpoint_format import FORMAT, STAMP, format_number, refuse_newer
from segexp.version import VERSION


@pytest.mark.parametrize(
    ("record", "number"),
    [
        ({"config": {}}, 0),
        ({"config": {"inference": {}}}, 1),
        ({"config": {"inference": {}}, "split": {}}, 2),
        ({"config": {}, "format": 3}, 3),
        ({"format": 1_000}, 1_000),
    ],
)
def test_the_first_ones_have_no_number(record: dict[str, Any], number: int) -> None:
    assert format_number(record) == number


def test_every_checkpoint_says_its_format_and_version() -> None:
    assert STAMP == {"format": FORMAT, "segexp": VERSION}
    refuse_newer(STAMP, "x.ckpt")


def test_a_later_one_is_refused_with_what_to_do() -> None:
    with pytest.raises(DataError) as caught:
        refuse_newer({"format": FORMAT + 1, "segexp": "9.9\x1b[31m\n"}, "x.ckpt")
    assert str(caught.value) == (
        f"x.ckpt: found format {FORMAT + 1}, written by segexp 9.9\\x1b[31m\\n; this one, {VERSION}, reads formats up "
        f"to {FORMAT}: pip install --upgrade segexp"
    )


@pytest.mark.parametrize("number", ["3", -1, 2, True, 3.0, [3], float("nan"), "x" * 1000])
def test_what_is_no_number_is_refused(number: object) -> None:
    with pytest.raises(DataError, match=r"x\.ckpt: is no checkpoint of segexp \(its format is .{1,60}whole number"):
        refuse_newer({"format": number}, "x.ckpt")
