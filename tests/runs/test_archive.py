"""Weights are as they were written, or refused: torch itself does not look at its checksums."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from segexp.errors import DataError
from segexp.runs.archive import check_archive


def test_one_flipped_bit_is_refused_or_changes_nothing(tmp_path: Path) -> None:
    weights = torch.arange(5000, dtype=torch.float32)
    path = tmp_path / "a.ckpt"
    torch.save({"weights": weights}, path)
    content = path.read_bytes()
    check_archive(path)
    refused = 0
    for bit in np.random.default_rng(0).choice(8 * len(content), 160, replace=False).tolist():
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            check_archive(path)
            found = torch.load(path, weights_only=True)["weights"]
        except Exception as error:
            assert str(path) in str(error) or not isinstance(error, DataError)
            refused += 1
        else:
            assert torch.equal(found, weights)
    assert refused > 130


def test_the_entry_is_named(tmp_path: Path) -> None:
    torch.save({"weights": torch.zeros(1000)}, tmp_path / "a.ckpt")
    content = bytearray((tmp_path / "a.ckpt").read_bytes())
    content[content.index(bytes(4000)) + 100] = 1
    (tmp_path / "a.ckpt").write_bytes(content)
    assert torch.load(tmp_path / "a.ckpt", weights_only=True)["weights"].any()  # without a word
    with pytest.raises(DataError, match=r"a\.ckpt: is damaged: the checksum of a/data/0 does not fit; copy it again"):
        check_archive(tmp_path / "a.ckpt")


def test_what_is_no_archive_is_for_others_to_tell(tmp_path: Path) -> None:
    (tmp_path / "a.ckpt").write_bytes(b"no archive")
    check_archive(tmp_path / "a.ckpt")


@pytest.mark.parametrize("whole", [True, False])
def test_a_packed_archive_is_refused_before_it_is_unpacked(whole: bool, tmp_path: Path) -> None:
    """A few kB of it can stand for gigabytes; torch packs nothing."""
    torch.save({"weights": torch.zeros(100_000)}, tmp_path / "a.ckpt")
    check_archive(tmp_path / "a.ckpt", whole=whole)
    with (
        zipfile.ZipFile(tmp_path / "a.ckpt") as plain,
        zipfile.ZipFile(tmp_path / "b.ckpt", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in plain.namelist():
            packed.writestr(name, plain.read(name))
    with pytest.raises(DataError, match="takes more memory than the file has bytes"):
        check_archive(tmp_path / "b.ckpt", whole=whole)
