"""Run folders of somebody else: whatever stands in their files, a line or a page, never a trace, a script or a leak."""

import base64
import json
import os
import re
import shutil
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from segexp.cli.app import run as run_line
from segexp.errors import DataError
from segexp.report.charts.page import scripts
from segexp.report.comparison_page.compare import compare
from segexp.report.run_page.charts.files import save_chart
from segexp.report.run_page.page import write_report
from tests.report.charts.test_page import programs
from tests.report.comparison_page.made import make_run
from tests.report.made_up import measured, write_json, write_picture, write_rows
from tests.report.made_up import run as record
from tests.report.page import Page

IMAGES = {"01": 0.7, "02": 0.8}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "run"
    path.mkdir()
    write_json(path / "results.json", measured())
    write_json(path / "run.json", record())
    return path


def deep(levels: int) -> str:
    return '{"rows": ' + "[" * levels + "]" * levels + "}"


BROKEN: dict[str, str] = {
    "cut short": '{"rows": [',
    "a list": "[]",
    "deep": deep(2000),
    "deeper than Python goes": deep(200_000),
    "digits": '{"rows": [{"dataset": {"miou": ' + "1" * 10_000 + "}}], " + '"confusion": [[' + "9" * 5000 + "]]}",
    "rows of text": '{"rows": ["model"]}',
    "text for an object": '{"rows": [{"name": "model", "dataset": "0.9"}]}',
    "a class that is a number": '{"task": {"classes": [1, 2]}, "rows": [{"name": "model"}]}',
    "colours of two": '{"task": {"classes": ["a"], "colours": [[1, 2]]}}',
    "colours beyond 255": '{"task": {"classes": ["a"], "colours": [[1, 2, 999]]}}',
    "ragged confusion": '{"task": {"classes": ["a", "b"]}, "confusion": [[1], [2, 3]]}',
    "negative confusion": '{"task": {"classes": ["a"]}, "confusion": [[-1]]}',
    "ragged reliability": '{"reliability": {"a": {"probability": [0.1], "share": [], "pixels": [1]}}}',
    "panels of text": '{"panels": "../../etc/passwd"}',
    "a panel that is none": '{"rows": [], "panels": [{"file": 3}]}',
    "an epoch of text": '{"checkpoint": {"epoch": "last"}}',
    "notes": '{"notes": {"a": 1}}',
    "too many classes": json.dumps({"task": {"classes": ["x"] * 300}}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_damaged_results_are_a_line(name: str, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "results.json").write_text(BROKEN[name])
    with pytest.raises(DataError, match=r"results\.json"):
        write_report(folder)
    assert run_line(["report", str(folder)]) == 2
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert "Traceback" not in said


@pytest.mark.parametrize("name", BROKEN)
def test_a_damaged_run_is_left_out_and_the_others_are_compared(name: str, tmp_path: Path) -> None:
    make_run(tmp_path / "good", IMAGES)
    bad = make_run(tmp_path / "bad", IMAGES, model="unet")
    (bad / "results.json").write_text(BROKEN[name])
    found = compare([tmp_path])
    assert [run.path.name for group in found.groups for row in group.rows for run in row.runs] == ["good"]
    (entry,) = found.left_out
    assert (entry.name, entry.state) == ("bad", "unreadable")
    assert "\n" not in entry.reason
    assert found.write(tmp_path / "out")


NUMBERS = ("NaN", "Infinity", "-Infinity", "1e999", "1e308", "-1e-320", "9" * 300)


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_that_are_none_make_a_page(number: str, folder: Path, tmp_path: Path) -> None:
    text = (folder / "results.json").read_text()
    (folder / "results.json").write_text(re.sub(r"(?<=[:\[] )-?\d+\.\d+", number, text))
    page = write_report(folder).read_text(encoding="utf-8")
    assert not re.search(r"\b(nan|inf)\b", page.partition("<body>")[2])
    other = make_run(tmp_path / "other", IMAGES)
    text = (other / "results.json").read_text()
    (other / "results.json").write_text(re.sub(r"(?<=[:\[] )-?\d+\.\d+", number, text))
    assert compare([other]).write(tmp_path / "out")


def test_a_file_of_100_mb_is_not_read(folder: Path) -> None:
    with (folder / "results.json").open("wb") as stream:
        stream.truncate(100_000_000)
    start = time.process_time()
    with pytest.raises(DataError, match="found 100 MB, expected at most 32 MB"):
        write_report(folder)
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("per_image.csv", "image,row,dice/vessel\na,model,much\n"),
        ("thresholds.csv", "threshold,recall\n0.5,1\n"),
        ("thresholds.csv", "threshold,recall,precision,false_positive_rate,dice,iou\na,b,c,d,e,f\n"),
        ("per_image.csv", "image,row,dice/vessel\n\0,model\n" + '"' * 3),
    ],
)
def test_damaged_tables_are_a_line(file: str, text: str, folder: Path, tmp_path: Path) -> None:
    (folder / file).write_text(text)
    try:
        write_report(folder)
    except DataError as error:
        assert "\n" not in str(error)
    make_run(tmp_path / "good", IMAGES)
    bad = make_run(tmp_path / "bad", IMAGES, model="unet")
    (bad / file).write_text(text)
    assert compare([tmp_path / "good", tmp_path / "bad"]).write(tmp_path / "out")


def everywhere(tree: Any, text: str) -> Any:
    """The same with a text before every text and key that is no name of ours."""
    if isinstance(tree, dict):
        return {key: everywhere(value, text) for key, value in tree.items()}
    if isinstance(tree, list):
        return [everywhere(value, text) for value in tree]
    return f"{text}{tree}" if isinstance(tree, str) else tree


EVIL = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>\"'><svg/onload=alert(1)>{{7*7}}"
    "\x1b[31m\udce9\u202e|`[x](javascript:1)"
)


def test_no_text_of_a_folder_is_markup(tmp_path: Path) -> None:
    make_run(tmp_path / "good", IMAGES)
    bad = make_run(tmp_path / "bad", IMAGES, model=f"u{EVIL}", choices={EVIL: EVIL}, overrides=[f"{EVIL}={EVIL}"])
    for name in ("results.json", "run.json"):
        content = json.loads((bad / name).read_text())
        told = everywhere(content, EVIL)
        told |= {key: content[key] for key in ("state",) if key in content}
        if "rows" in content:
            told["rows"][0]["name"] = "model"
            told["task"]["classes"] = ["background", "vessel"]
        (bad / name).write_text(json.dumps(told))
    pages = [write_report(bad), *compare([tmp_path]).write(tmp_path / "out")]
    for path in pages:
        text = path.read_text(encoding="utf-8")
        assert path.suffix == ".csv" or not re.search(r"<script>alert|<img src=x|<svg/onload", text)
        assert path.suffix == ".csv" or "\x1b" not in text
        if path.suffix == ".md":
            assert not re.search(r"(?<!\\)\]\(javascript", text)


CODE = "');alert(1)//\\u0027+alert(1)+{signal:1} datum.s</script><!--<script>${1}"


def evil_run(path: Path) -> Path:
    """A run with names of classes and images that are markup and programs, in everything that is drawn."""
    name = f"{CODE}{EVIL}"
    content = measured()
    content["task"]["classes"] = ["background", name]
    dataset = content["rows"][0]["dataset"]
    content["rows"][0]["dataset"] = dataset | {key: {name: 0.5} for key in ("iou", "dice", "ece", "brier")}
    content["confusion"] = [[3, 1], [1, 2]]
    content["reliability"] = {name: {"probability": [0.1, 0.9], "share": [0.2, 0.8], "pixels": [5, 3]}}
    content["checkpoint"]["monitor"] = f"val/{name}"
    path.mkdir()
    write_json(path / "results.json", content)
    write_json(path / "run.json", record())
    bare = name.encode("utf-8", "replace").decode()
    epochs: list[dict[str, object]] = [
        {"epoch": n, "train/loss": 1, f"train/loss/{bare}": 1, "train/loss/b": 1, f"val/iou/{bare}": 1, f"lr/{bare}": 1}
        for n in range(3)
    ]
    write_rows(path / "metrics.csv", epochs)
    write_rows(path / "per_image.csv", [{"image": bare, "row": "model", f"iou/{bare}": 0.5, "iou/background": 0.5}])
    return path


def template_text(name: str) -> str:
    return Path(str(files("segexp.report") / "templates" / name)).read_text(encoding="utf-8").rstrip("\n")


def test_no_text_of_a_folder_is_a_program(tmp_path: Path) -> None:
    for number in range(3):
        images = {f"{CODE}{EVIL}".encode("utf-8", "replace").decode(): 0.5 + number / 10, "b": 0.5}
        config = {CODE + EVIL.replace("\udce9", "").replace("\x1b", ""): f"{CODE}{number}"}
        make_run(tmp_path / "runs" / str(number), images, config=config, train_seconds=10.0 + number)
    pages = [write_report(evil_run(tmp_path / "evil")), tmp_path / "out" / "summary.html"]
    compare([tmp_path / "runs"]).write(tmp_path / "out")
    for path in pages:
        page = Page(path.read_text(encoding="utf-8"))
        assert len(page.data) >= 3
        assert "alert(1)" in str(page.data)
        assert [program for chart in page.data for program in programs(chart)] == []
        # what is a program on this page is ours, to the last letter
        assert set(page.scripts) <= {
            f"\n{script}\n" for script in (*scripts(), *(template_text(name) for name in ("sort.js", "viewer.js")))
        }


def test_figures_of_such_a_folder_are_drawn(tmp_path: Path) -> None:
    folder = evil_run(tmp_path / "evil")
    for name in ("curves", "confusion", "reliability"):
        root = ElementTree.parse(save_chart(folder, f"{name}.svg")).getroot()
        assert not {element.tag.rpartition("}")[2] for element in root.iter()} & {"script", "img", "foreignObject"}
        assert not [key for element in root.iter() for key in element.attrib if key.startswith("on")]


@pytest.mark.parametrize(
    "name", ["../secret.png", "/{}/secret.png", "panels/link.png", "panels/../../secret.png", "\0", "x" * 5000]
)
def test_no_picture_from_elsewhere_is_shown(name: str, folder: Path, tmp_path: Path) -> None:
    write_picture(tmp_path / "secret.png")
    secret = (tmp_path / "secret.png").read_bytes()
    (folder / "panels").mkdir()
    (folder / "panels" / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "class_maps").symlink_to(tmp_path)
    shutil.copytree(tmp_path, tmp_path / "layers", ignore=lambda *_: ["run", "layers"])
    content = measured()
    name = name.format(str(tmp_path).lstrip("/"))
    content["panels"] = [{"file": name, "image": "a", "rank": "best", "layers": "../layers", "figures": {}}]
    content["checkpoint"] |= {"path": str(tmp_path / "secret.png")}
    write_json(folder / "results.json", content)
    page = write_report(folder).read_text(encoding="utf-8")
    assert base64.b64encode(secret).decode() not in page
    assert "on disk" not in page


def test_a_small_picture_that_is_a_large_one_is_not_opened(folder: Path) -> None:
    header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0" + b"\0" * 50
    place = folder / "panels" / "layers" / "a"
    place.mkdir(parents=True)
    for name in ("image", "truth", "prediction", "probability"):
        (place / f"{name}.png").write_bytes(header)
    content = measured()
    content["task"]["colours"] = [[0, 0, 0], [255, 0, 0]]
    content["panels"] = [{"file": "panels/a.png", "image": "a", "rank": "best", "layers": "panels/layers/a"}]
    (folder / "panels" / "a.png").write_bytes(header)
    write_json(folder / "results.json", content)
    page = write_report(folder).read_text(encoding="utf-8")
    assert "image.png is no PNG of 8 bits" in page
    assert len(page) < 200_000


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize("text", [bomb(9), "a: " * 3 + "[" * 3000, "a: &a {b: *a}"])
def test_a_config_that_stands_for_millions_of_entries(text: str, tmp_path: Path) -> None:
    path = make_run(tmp_path / "a", IMAGES)
    (path / "config.yaml").write_text(text)
    start = time.process_time()
    assert compare([path]).write(tmp_path / "out")
    assert time.process_time() - start < 5


@pytest.mark.parametrize("change", [Path.mkdir, os.mkfifo, lambda p: p.symlink_to("/dev/zero")])
def test_what_is_no_plain_file_is_missing(change: Callable[[Path], None], folder: Path) -> None:
    (folder / "results.json").unlink()
    change(folder / "results.json")
    assert "was not tested" in write_report(folder).read_text(encoding="utf-8")
