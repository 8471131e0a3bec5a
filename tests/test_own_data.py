"""docs/own-data.md: what a reader would type is run, in its order, and does what the page says."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from segexp.cli.arguments import split
from segexp.config.paths import conf_dir
from segexp.invocation import Invocation

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "own-data.md").read_text(encoding="utf-8")
TINY = (
    "trainer.max_epochs=1 trainer.accelerator=cpu datamodule.crops_total=2 datamodule.crop_size=32 metric=[] "
    "bootstrap=0 baselines=false panels=1 model=cunet model.base=2 model.depth=2 speed=off"
)


GUESSED = (
    "guessed from names: 12 images images/*.png have their masks in masks/{stem}.png",
    "guessed from mask values: 0 is background, 255 is foreground; the 12 masks that were looked at hold 0",
    "names of images begin alike: p01 (2), p02 (2), p03 (2)",
)


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def commands(text: str) -> list[str]:
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("python -m segexp")]


def run(command: str, folder: Path) -> str:
    """Runs a command as the command line does, but in this process; gives what it said.

    A process of its own for each takes minutes on a busy machine; tests/test_docs.py has some of those.
    """
    chosen, rest = split(shlex.split(command)[3:])
    search = []
    if "--config-dir" in rest:
        place = rest.index("--config-dir")
        search = [f"hydra.searchpath=[file://{folder / rest[place + 1]}]"]
        rest = rest[:place] + rest[place + 2 :]
    tiny = [] if chosen.name == "generate" else shlex.split(TINY)
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose(chosen.config, [*rest, *tiny, *search])
    chosen.run(config, Invocation())
    return "" if chosen.name == "generate" else (last_run(folder) / "log.txt").read_text(encoding="utf-8")


def last_run(folder: Path) -> Path:
    return max((folder / "outputs").glob("*/*/"), key=lambda path: path.stat().st_mtime_ns)


def results(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((last_run(folder) / "results.json").read_text(encoding="utf-8"))
    return content


def test_black_and_white_masks(tmp_path: Path) -> None:
    text = section("Masks of black and white PNG")
    generate, guessing, naming = commands(text)
    run(generate, tmp_path)
    said = run(guessing, tmp_path)
    for line in GUESSED:
        assert line in text
        assert line in said
        assert any(line in note for note in results(tmp_path)["notes"])
    report = (last_run(tmp_path) / "report.html").read_text(encoding="utf-8")
    assert "guessed from mask values: 0 is background" in report
    # The line that it prints fixes the guess.
    fixed = next(line for line in said.splitlines() if "to fix what was guessed, add: " in line).split("add: ")[1]
    assert "guess" not in run(f"python -m segexp datamodule=folder datamodule.root=eyes {fixed}", tmp_path)
    run(naming, tmp_path)
    assert "vessel" in (last_run(tmp_path) / "report.html").read_text(encoding="utf-8")
    split = json.loads((last_run(tmp_path) / "split.json").read_text(encoding="utf-8"))
    patients = [{name[:3] for name in names} for names in split.values()]
    assert sum(map(len, patients)) == len(set.union(*patients)) == 6


def test_classes_as_colours(tmp_path: Path) -> None:
    text = section("Classes as colours")
    generate, guessing, own = commands(text)
    run(generate, tmp_path)
    said = run(guessing, tmp_path)
    for word in ("black", "colour_80_170_230", "colour_150_60_190"):
        assert f"`{word}`" in text
        assert f"is {word}" in said
    path = tmp_path / "my_conf" / "datamodule" / "blood.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0], encoding="utf-8")
    said = run(own, tmp_path)
    assert "background, cytoplasm, nucleus" in said
    assert "guessed from" not in said
    split = json.loads((last_run(tmp_path) / "split.json").read_text(encoding="utf-8"))
    patients = [{name[:3] for name in names} for names in split.values()]
    assert sum(map(len, patients)) == len(set.union(*patients)) == 8


def test_tiles_by_city(tmp_path: Path) -> None:
    generate, train = commands(section("GeoTIFF tiles, scored by city"))
    run(generate, tmp_path)
    run(train, tmp_path)
    split = json.loads((last_run(tmp_path) / "split.json").read_text(encoding="utf-8"))
    cities = [{name.rstrip("0123456789") for name in names} for names in split.values()]
    assert sum(map(len, cities)) == len(set.union(*cities)) == 5
    rows = results(tmp_path)["rows"]
    assert set(rows[0]["groups"]) == cities[2]


def test_table_of_refusals_has_the_keys_that_there_are() -> None:
    from segexp.config.signatures.signature import signature

    found = signature("segexp.data.folder.FolderDataModule")
    assert found is not None
    keys = set(re.findall(r"`datamodule\.(\w+)=", section("What is refused, and what to write then")))
    assert keys == {"ignored", "unknown_values", "unpaired", "on_bad", "channels", "crop_size"}
    assert keys <= set(found.parameters)


@pytest.mark.parametrize("title", ["Patterns", "What is guessed", "What is refused, and what to write then"])
def test_page_has_its_sections(title: str) -> None:
    assert len(section(title)) > 500
