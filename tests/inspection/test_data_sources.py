"""The command data: facts of published data sets, and what lies on disk."""

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segexp.cli.app import run as run_line
from segexp.config.paths import conf_dir
from segexp.data.sources.data_source import DataSource, read_sources
from segexp.errors import DataError

SOURCES = read_sources()
ASKED = ("drive", "stare", "chase_db1", "inria", "cells", "allidb", "salt", "mnist")

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in this process; gives its exit code."""

    def run_here(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["segexp", *words])
        return run_line(list(words))

    return run_here


def test_the_data_sets_that_people_ask_for_are_known() -> None:
    assert set(ASKED) <= set(SOURCES)


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_source_says_all_of_it(source: DataSource) -> None:
    assert (conf_dir() / f"datamodule/{source.datamodule}.yaml").is_file()
    assert source.home.startswith("http")
    assert source.bibtex.startswith("@")
    assert source.bibtex.count("{") == source.bibtex.count("}")
    assert source.files
    # The overview has a line for it.
    assert len(source.title) <= 100
    year = source.bibtex.split("year")[1].split("{")[1][:4]
    assert year in source.cite


def test_files_are_counted_below_the_folders_that_may_hold_them(tmp_path: Path) -> None:
    (tmp_path / "MNIST/raw").mkdir(parents=True)
    (tmp_path / "MNIST/raw/train-images-idx3-ubyte.gz").touch()
    (tmp_path / "MNIST/raw/t10k-labels.idx1-ubyte").touch()
    found = SOURCES["mnist"].count(tmp_path)
    assert [*found.values()] == [1, 0, 0, 1]
    with pytest.raises(DataError, match="no folder"):
        SOURCES["mnist"].count(tmp_path / "absent")


def test_what_is_missing_stands_in_capitals(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "training/images").mkdir(parents=True)
    for number in range(21, 40):
        (tmp_path / f"training/images/{number}_training.tif").touch()
    assert run("data", "drive", f"root={tmp_path}") == 0
    text = capsys.readouterr().out
    assert "training/images/*_training.tif     19 FOUND, 20 in the complete set" in text
    assert "test/images/*_test.tif             NONE FOUND" in text
    assert "test/2nd_manual/*_manual2.gif      0 found, may be missing" in text
    assert run("data", "drive", "format=json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["drive"]["found"] is None
    assert facts["drive"]["licence"].startswith("research")


def test_an_unknown_name_is_told_the_nearest(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    for typed, meant in (("chase", "chase_db1"), ("DRIV", "drive")):
        assert run("data", typed) == 2
        assert f"Did you mean '{meant}'?" in capsys.readouterr().err
    assert run("data", "root=x") == 2
    assert "data drive root=" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("chase_db1", [(f"Image_{child:02d}{eye}.jpg", f"Image_{child:02d}{eye}_1stHO.png") for child in range(1, 7)
                       for eye in "LR"]),
        ("stare", [(f"stare-images/im{number:04d}.ppm", f"labels-ah/im{number:04d}.ah.ppm") for number in range(1, 9)]),
    ],
)  # fmt: skip
def test_the_line_that_reads_all_of_it_works_on_the_layout(
    name: str, files: list[tuple[str, str]], run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    for image, mask in files:
        (tmp_path / image).parent.mkdir(exist_ok=True)
        (tmp_path / mask).parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (24, 24, 3), dtype=np.uint8)).save(tmp_path / image)
        Image.fromarray(np.where(rng.random((24, 24)) < 0.3, 255, 0).astype(np.uint8)).save(tmp_path / mask)
    words = shlex.split(SOURCES[name].check_command(str(tmp_path)))[3:]
    assert run(*words) == 0, capsys.readouterr().err
    text = capsys.readouterr().out
    assert f"{len(files)} images" in text or str(len(files)) in text
