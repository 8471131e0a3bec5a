"""Training says in one line that images of two parts look alike, also where they were looked at before."""

import json
from pathlib import Path

import numpy as np
import pytest

from segexp.data.checks.likeness import compute_fingerprint, pack_fingerprint, unpack_fingerprint
from segexp.data.checks.lookalikes import Lookalike, describe_lookalikes
from segexp.data.datasets.salt import SaltDataModule
from segexp.data.items.item import Image
from segexp.data.synthetic.generate import generate
from tests.data.made import read, write


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alike")
    generate("buildings", "salt", folder, count=12, size=64, seed=0)
    return folder


def notes(root: Path) -> list[str]:
    names = sorted(path.stem for path in (root / "images").iterdir())
    split = root / "split.json"
    split.write_text(json.dumps({"train": names[:7], "val": names[7:9], "test": names[9:]}), encoding="utf-8")
    data = SaltDataModule(str(root), split_file=str(split), cache="none")
    data.setup()
    return [note for note in data.notes if "alike" in note]


def test_a_note_names_the_pair_also_where_it_was_looked_at_before(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert notes(root) == []
    files = sorted((root / "images").iterdir())
    write(files[2], np.clip(read(files[10])[:, ::-1] * 1.1, 0, 255).astype(np.uint8))
    (note,) = first = notes(root)
    assert note.startswith(f"{files[2].stem} (train) and {files[10].stem} (test) look alike (0.9")
    assert "datamodule.split_file" in note
    monkeypatch.setattr("segexp.data.checks.survey.compute_fingerprint", lambda _: pytest.fail("looked at twice"))
    assert notes(root) == first


def test_many_pairs_are_one_line_with_the_most_alike_first() -> None:
    pairs = [Lookalike(f"a{number}", "train", f"b{number}", "test", number / 10) for number in range(10)]
    note = describe_lookalikes(pairs)
    assert note.startswith("a9 (train) and b9 (test) look alike (0.90 of 1); a8")
    assert "and 7 more (all of them: python -m segexp check" in note
    assert "\n" not in note and "a6" not in note
    assert "more" not in describe_lookalikes(pairs[:3])


def test_a_packed_fingerprint_is_the_same_to_a_sixteenth() -> None:
    image: Image = np.random.default_rng(0).integers(0, 256, (90, 70, 3)).astype(np.uint8)
    whole = compute_fingerprint(image)
    assert whole is not None
    again = unpack_fingerprint(pack_fingerprint(whole))
    np.testing.assert_allclose(again, whole, atol=1 / 32 + 1e-6)
    assert len(pack_fingerprint(whole)) < 5500
    assert unpack_fingerprint(pack_fingerprint(None)) is None
