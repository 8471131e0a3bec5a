"""What check says of a data set."""

from typing import Any

from segexp.report.data_check import format_data_check


def facts(used: int) -> dict[str, Any]:
    part = {"images": used, "looked_at": used, "height": [8, 8], "width": [8, 8], "channels": [3], "types": ["uint8"]}
    return {
        "files": {"count": 46, "bytes": 10},
        "kinds": [{"role": role, "kind": "PNG", "count": 23} for role in ("image", "mask")],
        "classes": [],
        "parts": {"train": part},
        "mask_values": [{"value": 0, "pixels": 64, "share": 1.0}],
        "masks_read": used,
        "complete": True,
        "notes": [],
    }


def test_numbers_say_what_they_count() -> None:
    told = format_data_check(facts(22))
    assert "images      23 x PNG" in told
    assert "in 22 of 23 masks" in told
    assert "in split    22 of 23 images" in told
    whole = format_data_check(facts(23))
    assert "in 23 masks" in whole
    assert "in split" not in whole
