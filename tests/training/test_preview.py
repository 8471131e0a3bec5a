"""The preview command: a contact sheet, shares of the classes, speed of loading; nothing is trained or kept."""

import json
import re
from pathlib import Path

import cv2
import pytest

from segexp.cli.app import run
from segexp.data.sampling.samples import RandomCrops
from segexp.data.sampling.throughput import measure
from tests.training.runs import TINY

QUICK = ("images=3", "epochs=2", "datamodule.crop_size=16", "datamodule.crops_per_image=4")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segexp.training.preview.SECONDS", 0.01)


def without_model() -> list[str]:
    return [key for key in TINY if not key.startswith("model")]


def test_a_folder_with_page_picture_and_numbers(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segexp.data.sampling.border_share.MUCH", 0.05)
    assert run(["preview", *without_model(), *QUICK, "workers=[0,2]", "augment=strong"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert re.search(r"^note: \d+% of the pixels of training samples lie beyond the border .*crop_size=8", out, re.M)
    folder = Path(re.search(r"^html +(.*)/preview\.html$", out, re.MULTILINE)[1])  # type: ignore[index]
    assert sorted(path.name for path in folder.iterdir()) == ["preview.html", "preview.json", "preview.png"]
    assert folder.parent == Path("outputs/preview")
    facts = json.loads((folder / "preview.json").read_text())
    assert (facts["samples_per_epoch"], facts["counted"], facts["classes"]) == (16, 16, ["background", "vessel"])
    for key in ("share_in_samples", "share_in_images"):
        assert sum(facts[key]) == pytest.approx(1)
    assert 0 < facts["ignored"] < 1
    assert [one["workers"] for one in facts["timing"]["loading"]] == [0, 2]
    assert all(one["samples"] > 0 and one["batch"] > 0 for one in facts["timing"]["loading"])
    assert facts["timing"]["step"] is None
    assert cv2.imread(str(folder / "preview.png")).shape[0] > 3 * 256
    page = (folder / "preview.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert "synthetic, augment=strong: crops of 16×16, seed 0" in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert "<script" not in page


def test_a_model_on_the_line_is_timed_beside_the_loading(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["preview", *TINY, *QUICK, "workers=[0]"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"a training step on cpu takes \d+ ms", out)
    (path,) = Path("outputs/preview").glob("*/preview.json")
    timing = json.loads(path.read_text())["timing"]
    assert timing["step"] > 0
    assert timing["loading"][0]["waiting"] == timing["loading"][0]["batch"]


def test_foreground_crops_show_in_the_shares(capsys: pytest.CaptureFixture[str]) -> None:
    line = ["preview", *without_model(), *QUICK, "workers=[0]", "datamodule.positive_fraction=1.0"]
    assert run(line) == 0
    (path,) = Path("outputs/preview").glob("*/preview.json")
    assert json.loads(path.read_text())["samples_with"][1] == 1.0


def test_mistakes_are_those_of_a_training(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["preview", *TINY, "datamodule.crop_size=64"]) == 2
    assert "datamodule.crop_size: found 64, but" in capsys.readouterr().err
    assert run(["preview", "epochs=0"]) == 2
    assert "epochs: found 0, expected a whole number, a value of at least 1" in capsys.readouterr().err
    assert not Path("outputs").exists()


def test_loading_is_timed_over_several_epochs() -> None:
    from segexp.types import LoaderOptions
    from tests.data.sampling.test_samples import crops

    data: RandomCrops = crops(count=6)
    (found,) = measure(data, LoaderOptions(batch_size=4), [0], 0.05)
    assert found.workers == 0
    assert found.batches > 2
    assert found.samples == pytest.approx(3 / found.batch, rel=0.5)


def test_a_picture_that_fails_costs_no_figure(tmp_path: Path) -> None:
    from segexp.training.preview import _file

    def broken() -> None:
        raise MemoryError("sheet")

    assert _file(tmp_path / "preview.png", broken) == f"not made: {tmp_path / 'preview.png'} (not enough memory)"
    assert _file(tmp_path / "preview.html", lambda: None) == f"html      {tmp_path / 'preview.html'}"
