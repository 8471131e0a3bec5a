"""A training that is ended in any phase, by any signal, goes on in its folder as if nobody had ended it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
CODES = {"SIGKILL": -9, "SIGTERM": 143, "SIGHUP": 129, "SIGINT": 130}


def lines(folder: Path, *words: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.interruptions", str(folder), *words],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.mark.slow
def test_each_phase_and_each_signal(tmp_path: Path) -> None:
    *found, thrice, summary = lines(tmp_path / "plain")
    assert summary == {"equal": 40, "total": 40}
    for line in found:
        assert line["code"] == CODES[line["signal"]], line
        assert "Traceback" not in line["said"]
        assert line["said"].count("\n") == 0
        if line["signal"] != "SIGKILL":
            assert line["said"].startswith("segexp: interrupted")
        if line["phase"] == "data":
            continue
        late = line["phase"] in ("pictures", "page") and line["signal"] != "SIGKILL"
        assert line["state"] == ("finished" if late or line["phase"] == "page" else "interrupted")
        assert (line["resumed"], line["ends"], line["differences"]) == (0, "finished", [])
        assert "python -m segexp " in line["said"] or line["signal"] == "SIGKILL"
    assert (thrice["code"], thrice["state"]) == (130, "interrupted")
    assert thrice["said"].startswith("segexp: is ending; once more ends it at once")


@pytest.mark.slow
def test_trackers_have_no_gap_and_nothing_twice(tmp_path: Path) -> None:
    *_, summary = lines(tmp_path / "tracked", "tracked")
    assert summary == {"equal": 6, "total": 6}
