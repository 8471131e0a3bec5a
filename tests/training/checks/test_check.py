"""The check command: one table, all problems at once, nothing written; exit code 2 if training would be refused."""

import json
import logging
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segexp.cli.app import run
from segexp.data.synthetic.generate import generate
from segexp.errors import ConfigError
from segexp.training.hardware import with_hardware
from segexp.training.prepare import prepare
from tests.data.made import read, write
from tests.training.runs import TINY, composed

SMALL = ("datamodule.crop_size=32", "datamodule.loader.batch_size=2", "model.base=2", "model.depth=2", "speed=off")


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("check") / "DRIVE"
    generate("vessels", "drive", folder, count=12, size=48, seed=0)
    return folder


def said(capsys: pytest.CaptureFixture[str], *line: str) -> tuple[int, str, str]:
    code = run(["check", *line])
    out, err = capsys.readouterr()
    return code, out, err


def found(capsys: pytest.CaptureFixture[str], root: Path, *line: str) -> tuple[int, dict[str, Any]]:
    keys = [f"datamodule.root={root}", "datamodule=drive", *SMALL, *line, "format=json"]
    code, out, err = said(capsys, *keys)
    told: dict[str, Any] = json.loads(out)
    assert told["ok"] is (code == 0)
    assert err == "" if code == 0 else err.startswith("segexp: training would be refused: ")
    return code, told


def test_a_sound_data_set(drive: Path, capsys: pytest.CaptureFixture[str], elsewhere: Path) -> None:
    code, told = found(capsys, drive)
    assert code == 0
    assert told["files"]["count"] == 36
    assert [kind["count"] for kind in told["kinds"]] == [12, 12]
    assert told["classes"] == ["background", "vessel"]
    assert [part["images"] for part in told["parts"].values()] == [5, 1, 6]
    assert [value["value"] for value in told["mask_values"]] == ["0", "255"]
    assert sum(value["pixels"] for value in told["mask_values"]) == 12 * 48 * 48
    for part in told["parts"].values():
        assert part["looked_at"] == part["images"]
        assert sum(part["shares"].values()) == pytest.approx(1)
        assert 0.02 < part["shares"]["vessel"] < 0.4
        assert 0.1 < part["ignored"] < 0.5
        assert (part["height"], part["width"], part["channels"], part["types"]) == ([48, 48], [48, 48], [3], ["uint8"])
    assert [problem for problem in told["problems"] if problem["fatal"]] == []
    assert told["complete"] is True
    assert told["config"]["datamodule"] == "drive"
    assert list(elsewhere.iterdir()) == []


def test_the_shares_are_those_of_the_masks(drive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, told = found(capsys, drive, "datamodule.labels=three_class")
    vessel, inside = [], []
    for number in range(1, 7):
        fov = read(drive / "test" / "mask" / f"{number:02d}_test_mask.gif") > 0
        vessel.append((read(drive / "test" / "1st_manual" / f"{number:02d}_manual1.gif")[fov] > 0).sum())
        inside.append(fov.sum())
    shares = told["parts"]["test"]["shares"]
    assert shares["vessel"] == pytest.approx(sum(vessel) / (6 * 48 * 48))
    assert shares["outside"] == pytest.approx(1 - sum(inside) / (6 * 48 * 48))


def test_the_table_for_people(drive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, "datamodule=drive", f"datamodule.root={drive}", *SMALL)
    assert (code, err) == (0, "")
    assert re.search(r"^files       36, \d+\.\d KiB$", out, re.MULTILINE)
    assert re.search(r"^images      12 x RGB uint8 TIFF, strips", out, re.MULTILINE)
    assert re.search(
        r"^mask values 0: [\d,]+ \(\d+\.\d\d%\), 255: [\d,]+ \(\d+\.\d\d%\) in 12 masks$", out, re.MULTILINE
    )
    assert re.search(r"^images +5 +1 +6$", out, re.MULTILINE)
    assert re.search(r"^vessel, share of pixels +\d+\.\d\d% +\d+\.\d\d% +\d+\.\d\d%$", out, re.MULTILINE)
    assert out.splitlines()[-1].startswith("config is valid: task=segmentation, datamodule=drive, model=cunet")


def test_everything_wrong_is_said_at_once(drive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = Path(shutil.copytree(drive, tmp_path / "DRIVE"))
    (root / "training/1st_manual/21_manual1.gif").unlink()
    (root / "training/images/22_training.tif").write_bytes(b"")
    manual = root / "training/1st_manual/23_manual1.gif"
    write(manual, np.where(read(manual) > 0, 7, 0).astype(np.uint8))
    write(root / "test/mask/01_test_mask.gif", np.full((40, 48), 255, np.uint8))
    shutil.copy(root / "training/images/24_training.tif", root / "test/images/02_test.tif")
    line = ("loss=ce_dice", "monitor=val/dice/vesel", "datamodule.crop_size=64")
    code, told = found(capsys, root, *line)
    assert code == 2
    problems = {(p["kind"], Path(p["subject"] or "").name): p["text"] for p in told["problems"] if p["fatal"]}
    for kind, subject, words in [
        ("folders and files", "21_training.tif", "its vessels is missing, expected"),
        ("unreadable files", "22_training.tif", "it is empty"),
        ("labels", "23_manual1.gif", "datamodule.mask_values='{0:0,7:1,255:1}'"),
        ("sizes", "01_test_mask.gif", "40x48 pixels, but its image"),
        ("duplicates", "24_training.tif", "02_test.tif (test) are the same image, byte for byte"),
        ("crops and batches", "datamodule.crop_size", "found 64, but"),
    ]:
        assert words in problems[kind, subject], problems
    misfits = [p["text"] for p in told["problems"] if p["kind"] == "model, loss and measures"]
    for words in ("val/dice/vesel",):
        assert any(words in text for text in misfits), misfits
    _, out, _ = said(capsys, "datamodule=drive", f"datamodule.root={root}", *SMALL)
    assert "training would be refused: unreadable files (1)\n  " in out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["datamodule.scene=cells", "loss=bce"], "loss=bce needs two classes, the data has 3"),
        (["datamodule.scene=cells", "loss=ce", "monitor=val/auc"], "monitor: val/auc is measured for two classes only"),
        (["model=unet", "model.base=1", "model.depth=7"], "32x32"),
        (["datamodule.positive_classes=[vesel]"], "datamodule.positive_classes: no class 'vesel'"),
    ],
)
def test_misfits_are_those_that_training_finds(line: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, *TINY, *line)
    assert (code, err) == (2, "segexp: training would be refused: 1 problem, see above\n")
    problem = next(text.strip() for text in out.splitlines() if words in text)
    assert run([*TINY, *line]) == 2
    assert capsys.readouterr().err == f"segexp: {problem}\n"


GRID = ("datamodule.scene=buildings", "datamodule.sampling=grid", "datamodule.crop_size=14")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["trainer.devices=3"], "batch_size: found 2 for 3 ranks"),
        (["trainer.devices=2", "datamodule.train_images=5"], "5 samples in batches of 2 leave 1 for the last one"),
        (["trainer.devices=2", "datamodule.train_images=3", *GRID], "27 samples in batches of 2 leave 1 for the last"),
        (["datamodule.loader.drop_last=true", "datamodule.loader.batch_size=5"], "4 samples do not fill one batch"),
    ],
)
def test_batches_that_training_refuses(line: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, *TINY, *line)
    assert code == 2
    (problem,) = [text.strip() for text in out.splitlines() if words in text]
    with pytest.raises(ConfigError) as refused:
        prepare(with_hardware(composed(*line)), allocator=False)
    assert str(refused.value) == problem


def test_a_sample_is_looked_at_unless_all_is_asked_for(
    drive: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segexp.data.checks.review.BUDGET", 48 * 48)
    _, told = found(capsys, drive)
    assert [part["looked_at"] for part in told["parts"].values()] == [2, 1, 2]
    assert told["complete"] is False
    _, told = found(capsys, drive, "full=true")
    assert [part["looked_at"] for part in told["parts"].values()] == [5, 1, 6]


def test_look_alikes_across_parts_are_told_and_not_refused(
    drive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(shutil.copytree(drive, tmp_path / "DRIVE"))
    image = read(root / "test/images/01_test.tif")
    write(root / "training/images/21_training.tif", np.clip(image[:, ::-1] * 1.1, 0, 255).astype(np.uint8))
    code, told = found(capsys, root, "scope=data")
    assert code == 0
    texts = [problem["text"] for problem in told["problems"] if problem["kind"] == "near-duplicates"]
    assert any(re.match(r"21_training \(\w+\) and 01_test \(test\) look alike", text) for text in texts)


def test_same_pixels_in_other_files_are_refused(
    drive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(shutil.copytree(drive, tmp_path / "DRIVE"))
    from PIL import Image

    Image.fromarray(read(root / "test/images/01_test.tif")).save(
        root / "training/images/21_training.tif", compression="tiff_deflate"
    )
    code, told = found(capsys, root, "scope=data")
    assert code == 2
    (text,) = [problem["text"] for problem in told["problems"] if problem["fatal"]]
    assert re.search(r"/21_training\.tif \(\w+\) and .*/01_test\.tif \(test\) hold the same pixels", text)
    assert run(["datamodule=drive", f"datamodule.root={root}", *SMALL]) == 2
    assert "hold the same pixels" in capsys.readouterr().err


def test_lightning_announces_nothing(drive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("lightning.pytorch", "lightning.fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.INFO)  # as at the start of a process
    said(capsys, "datamodule=drive", f"datamodule.root={drive}", *SMALL)
    assert not logging.getLogger("lightning.pytorch.utilities.rank_zero").isEnabledFor(logging.INFO)
