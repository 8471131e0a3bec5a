"""run.json: what it says of code, machine and end."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from segexp.runs import record
from segexp.runs.folder import RunFolder
from segexp.runs.record import RunRecord, git_state


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], capture_output=True, check=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(elsewhere: Path) -> Path:
    git(elsewhere, "init", "-q")
    (elsewhere / "code.py").write_bytes("a = 'ä'\n".encode("latin-1"))
    git(elsewhere, "add", ".")
    git(elsewhere, "commit", "-qm", "first")
    return elsewhere


def read(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return content


def test_states_and_facts(elsewhere: Path) -> None:
    kept = RunRecord(RunFolder(elsewhere), ["segexp", "train", "name=a b"], {"seed": 3})
    first = read(elsewhere)
    assert (first["state"], first["seed"], first["command"]) == ("running", 3, "python -m segexp train 'name=a b'")
    assert first["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert first["versions"]["torch"] == version("torch")
    assert first["machine"]["cores"] >= 1
    kept.update(epochs=2)
    kept.end("failed", error="X: y")
    last = read(elsewhere)
    assert (last["state"], last["error"], last["epochs"]) == ("failed", "X: y", 2)
    assert last["seconds"] >= 0
    assert last["ended"] >= last["started"]
    assert {key: last[key] for key in first if key != "state"} == {k: v for k, v in first.items() if k != "state"}


def test_git_of_a_clean_checkout(checkout: Path) -> None:
    state, diff = git_state()
    commit = git(checkout, "rev-parse", "HEAD")
    assert state == {"commit": commit, "repository": checkout.name, "dirty": False, "untracked": []}
    assert diff == ""


def test_a_file_that_git_does_not_know_is_named(checkout: Path) -> None:
    (checkout / "my_model.py").write_text("x = 1\n")
    state, diff = git_state()
    assert (state["dirty"], state["untracked"], diff) == (True, ["my_model.py"], "")


def test_git_diff_of_bytes_that_are_no_utf8(checkout: Path) -> None:
    (checkout / "code.py").write_bytes("a = 'ö'\nb = 2\n".encode("latin-1"))
    folder = RunFolder(checkout / "run")
    RunRecord(folder, [], {})
    assert read(folder.path)["git"]["dirty"] is True
    assert "+b = 2" in (folder.path / "git.diff").read_text(encoding="utf-8")


def test_long_diff_is_cut_and_says_so(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "MAX_DIFF", 200)
    (checkout / "code.py").write_text("x = 1\n" * 1000)
    _, diff = git_state()
    assert len(diff) < 300
    assert "[cut: " in diff


def test_the_users_folder_counts_before_segexp(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = git_state()[0]["commit"]
    monkeypatch.chdir("/")
    assert git_state()[0]["commit"] != ours


def test_without_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert git_state() == ({"commit": None, "dirty": None}, "")


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "PACKAGES", ("segexp", "no-such-package"))
    assert record.versions()["no-such-package"] == "not installed"
