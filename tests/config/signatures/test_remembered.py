"""What was not found is looked for again: the user's package may be on the path by then."""

from pathlib import Path

import pytest

from segexp.config.lineage import definition
from segexp.config.signatures.plain_lightning import comes_from, logged_names
from segexp.config.signatures.remembered import remember_found
from segexp.config.signatures.signature import signature
from segexp.config.signatures.source import find, source

MODULE = """
import lightning

class Late(lightning.LightningModule):
    def __init__(self, width: int) -> None:
        self.width = width

    def validation_step(self, batch, index):
        self.log("val_late", 1.0)
"""


def test_a_package_that_comes_later_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, base = "late_comer.parts.Late", "segexp.data.base.ImageDataModule"
    assert (source("late_comer.parts"), definition(target), signature(target), logged_names(target)) == (None,) * 4
    assert comes_from(target, base)
    (tmp_path / "late_comer").mkdir()
    (tmp_path / "late_comer" / "parts.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    assert source("late_comer.parts") == tmp_path / "late_comer" / "parts.py"
    found, keys = definition(target), signature(target)
    assert found is not None
    assert found.dotted == target
    assert keys is not None
    assert list(keys.parameters) == ["width"]
    assert logged_names(target) == {"val_late"}
    assert not comes_from(target, base)


def test_what_was_found_is_looked_up_once() -> None:
    asked: list[str] = []

    def look(name: str) -> str | None:
        asked.append(name)
        return name if name == "there" else None

    looked_up = remember_found(look)
    assert [looked_up(name) for name in ("there", "there", "gone", "gone")] == ["there", "there", None, None]
    assert asked == ["there", "gone", "gone"]


def test_a_definition_is_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand jobs of a sweep are checked: torch.nn hands its layers on through stars, which takes reading files."""
    assert find("torch.nn", "Conv2d").node is not None
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} is read again"))
    assert find("torch.nn", "Conv2d").module == "torch.nn.modules.conv"
