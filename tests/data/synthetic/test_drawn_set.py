"""``datamodule.generate=true``: a drawn set in the layout of a real one, without a root; all results say so."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segexp.cli.app import run
from segexp.data.datasets.salt import SaltDataModule
from segexp.data.synthetic.drawn_set import drawn_keys
from segexp.errors import ConfigError, DataError
from tests.training.runs import TINY, folders, read_json

OF_SCENES = ("datamodule=", "datamodule.size=", "datamodule.t", "datamodule.v")
FEW = tuple(word for word in TINY if not word.startswith(OF_SCENES))
WORDS = (*FEW, "datamodule=salt", "datamodule.generate=true", "trainer.max_epochs=1", "metric=none", "bootstrap=0")


class Nothing(SaltDataModule):
    """Draws nothing."""

    @classmethod
    def write_drawn(cls, folder: Path) -> dict[str, Any]:
        raise NotImplementedError


def test_trains_without_a_root_and_says_that_it_was_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*WORDS]) == 0
    assert "DRAWN IMAGES in the layout of the data set" in "".join(capsys.readouterr())
    (folder,) = folders()
    results = read_json(folder / "results.json")
    assert results["task"]["datamodule"] == "salt (drawn)"
    assert results["notes"][0].startswith("DRAWN IMAGES")
    assert read_json(folder / "run.json")["data"]["name"] == "salt (drawn)"
    assert "on salt (drawn)" in (folder / "report.html").read_text(encoding="utf-8")


def test_a_drawn_run_is_tested_again_on_the_same_images(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*WORDS]) == 0
    (folder,) = folders()
    assert run(["evaluate", f"run={folder}"]) == 0
    (again,) = (folder / "evaluations").glob("salt_drawn_test/*/results.json")
    first, second = (read_json(path)["rows"][0]["dataset"] for path in (folder / "results.json", again))
    assert first == second


def test_without_the_key_the_root_must_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([word for word in WORDS if "generate" not in word]) == 2
    assert "datamodule.root: must be given" in capsys.readouterr().err


def test_files_are_drawn_once_and_are_the_same_each_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = []
    for place in ("one", "other"):
        monkeypatch.setenv("SEGEXP_CACHE", str(tmp_path / place))
        keys = drawn_keys(SaltDataModule)
        root = Path(keys["root"])
        assert root.is_relative_to(tmp_path / place)
        found.append({path.relative_to(root): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()})
        marked = next(root.rglob("*.png"))
        marked.write_bytes(b"kept")
        assert drawn_keys(SaltDataModule) == keys
        assert marked.read_bytes() == b"kept"
        assert [path.name[0] for path in (tmp_path / place / "drawn").iterdir()] == ["S"], "nothing half done is left"
    assert found[0] == found[1]
    assert len(found[0]) > 10
    assert np.unique([len(content) for content in found[0].values()]).size > 1


def test_a_class_that_draws_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"datamodule\.generate: found true, but Nothing draws no images"):
        drawn_keys(Nothing)


def test_a_cache_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SEGEXP_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"drawn.*SEGEXP_CACHE"):
        drawn_keys(SaltDataModule)


def test_a_cache_that_was_spoilt_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SEGEXP_CACHE", str(tmp_path))
    folder = Path(drawn_keys(SaltDataModule)["root"]).parents[1]
    assert json.loads((folder / "keys.json").read_text())["crop_size"] == 32
    (folder / "keys.json").write_text("[")
    with pytest.raises(DataError, match="remove it"):
        drawn_keys(SaltDataModule)
