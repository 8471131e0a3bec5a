"""The real cells, where they are."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from segexp.data.datasets.cells import CellsDataModule
from segexp.data.splits.rules import PHASES
from segexp.errors import DataError

ROOT = Path(__file__).resolve().parents[4] / "shared" / "data" / "cells"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not (ROOT / "Dataset 1").is_dir(), reason=f"the real cells are not in {ROOT}"),
]


def make(**keys: object) -> CellsDataModule:
    data = CellsDataModule(str(ROOT), crop_size=128, pad_to_crop=True, **keys)  # type: ignore[arg-type]
    data.setup()
    return data


def test_a_fifth_of_dataset_1_is_held_out_by_type() -> None:
    data = make()
    parts = {phase: Counter(item.group for item in data.items(phase)) for phase in PHASES}
    assert {phase: sum(found.values()) for phase, found in parts.items()} == {"train": 163, "val": 29, "test": 48}
    every = sum(parts.values(), Counter())
    assert every == {"neutrophil": 139, "lymphocyte": 43, "monocyte": 40, "eosinophil": 17, "basophil": 1}
    for kind in ("neutrophil", "lymphocyte", "monocyte", "eosinophil"):
        assert parts["test"][kind] == pytest.approx(every[kind] / 5, abs=1), kind
    sizes = Counter(item.shape for phase in PHASES for item in data.items(phase))
    assert (len(sizes), sizes[120, 120], min(sizes)) == (28, 178, (88, 88))
    shares = data.class_pixels("train").sum(axis=0) / data.class_pixels("train").sum()
    # Measured once.
    assert shares == pytest.approx([0.689, 0.188, 0.123], abs=0.001)


def test_three_masks_of_dataset_2_hold_stray_values() -> None:
    with pytest.raises(DataError) as caught:
        make(split="across")
    assert [line.split("/")[-1][:7] for line in str(caught.value).splitlines()] == ["034.png", "047.png", "076.png"]
    data = make(split="across", unknown_values="nearest")
    assert {phase: len(data.items(phase)) for phase in PHASES} == {"train": 204, "val": 36, "test": 80}
    assert [note.split("/")[-1] for note in data.notes if "nearest" in note] == [
        "034.png: 97 pixels of 2, 7, 25, 42, 44, 45 set to the nearest legal value",
        "047.png: 179 pixels of 7 set to the nearest legal value",
        "076.png: 3 pixels of 24, 37, 50 set to the nearest legal value",
    ]
    assert {item.shape for item in data.items("test")} == {(300, 300)}
    assert all(set(np.unique(item.target)) == {0, 1, 2} for item in data.items("test"))
