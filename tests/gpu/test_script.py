"""The script for a machine with a GPU: its steps name what is there, and one that is cut off leaves word."""

import json
import os
import sys
from pathlib import Path
from unittest import mock

import pytest

from tests.gpu import script
from tests.gpu.script import ROOT, Step


def test_its_steps_name_every_test_and_fit_into_eight_minutes() -> None:
    words = {word for step in script.steps("cuda", Path("figures.jsonl")) for word in step.words}
    own = {f"tests/gpu/{path.name}" for path in Path(__file__).parent.glob("test_*.py")} - {"tests/gpu/test_script.py"}
    assert own == {word for word in words if word.startswith("tests/gpu/")}
    assert all((ROOT / word).is_file() for word in own)
    with mock.patch.object(sys, "argv", ["script"]):
        assert script._arguments().seconds < 480


def test_a_step_that_takes_too_long_is_cut_off_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = "from pathlib import Path; import os; print('said'); Path(os.environ['SEGEXP_GPU_FIGURES']).write_text('1')"
    plan = [
        Step("tells", ("-c", told), 60),
        Step("hangs", ("-c", "import time; time.sleep(60)"), 0.2),
        Step("fails", ("-c", "raise SystemExit('no')"), 60),
    ]
    monkeypatch.setattr(script, "steps", lambda device, figures: plan)
    monkeypatch.setattr(sys, "argv", ["script", "--out", str(tmp_path / "out"), "--device", "cpu"])
    assert script.main() == 1
    found = json.loads((tmp_path / "out" / "steps.json").read_text(encoding="utf-8"))
    assert [(each["name"], each["code"]) for each in found] == [("tells", 0), ("hangs", None), ("fails", 1)]
    assert (found[0]["last"], found[2]["last"]) == ("said", "no")
    assert (tmp_path / "out" / "figures.jsonl").read_text(encoding="utf-8") == "1"
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["tells", "hangs", "fails"]
    assert not list((tmp_path / "out").glob(".*"))


def test_without_the_device_it_ends_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = [Step("versions", ("-c", "raise SystemExit('no CUDA')"), 60), Step("tests", ("-c", ""), 60)]
    monkeypatch.setattr(script, "steps", lambda device, figures: plan)
    monkeypatch.setattr(sys, "argv", ["script", "--out", str(tmp_path)])
    assert script.main() == 1
    assert len(json.loads((tmp_path / "steps.json").read_text(encoding="utf-8"))) == 1
    assert "SEGEXP_GPU_FIGURES" not in os.environ
