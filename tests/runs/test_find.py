"""Which folders are compared, and what is said of the others."""

from pathlib import Path

import pytest

from segexp.errors import DataError
from segexp.runs.find import find_runs
from segexp.runs.manifest_files import CHANGES, append_change
from tests.report.comparison_page.made import make_run
from tests.report.made_up import write_json

ONE = {"a": 0.5, "b": 0.7}


def names(places: list[str | Path]) -> list[str]:
    return [run.path.name for run in find_runs(places)[0]]


def test_run_folders_folders_above_them_and_globs(tmp_path: Path) -> None:
    for name in ("x/2", "x/1", "y/deep/3"):
        make_run(tmp_path / name, ONE)
    (tmp_path / "x" / "1" / "checkpoints" / "odd").mkdir(parents=True)
    write_json(tmp_path / "x" / "1" / "checkpoints" / "odd" / "run.json", {})
    assert names([tmp_path / "x" / "2"]) == ["2"]
    assert names([tmp_path]) == ["1", "2", "3"]
    assert names([f"{tmp_path}/x/*"]) == ["1", "2"]
    assert names([f"{tmp_path}/**/3"]) == ["3"]
    assert names([tmp_path / "y", tmp_path / "x", tmp_path / "x" / "1"]) == ["3", "1", "2"]


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nowhere", "nowhere: no such folder"),
        ("nowhere*", r"nowhere\*: no such folder, nothing matches"),
        ("empty", "empty holds no run: no run.json"),
        ("emp*", r"emp\* holds no run"),
        ("file", "file is a file; give the folder"),
    ],
)
def test_a_place_without_runs_is_named(tmp_path: Path, place: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=message):
        find_runs([place])


def test_no_place_at_all() -> None:
    with pytest.raises(DataError, match="no run folders were given"):
        find_runs([])


def test_runs_without_figures_are_left_out_with_the_reason(tmp_path: Path) -> None:
    make_run(tmp_path / "good", ONE)
    make_run(tmp_path / "died", ONE, state="failed", error="ValueError: no")
    make_run(tmp_path / "bare", ONE, results={"rows": []})
    make_run(tmp_path / "cut", ONE)
    (tmp_path / "cut" / "results.json").write_text("{")
    found, left_out = find_runs([tmp_path])
    assert [run.path.name for run in found] == ["good"]
    told = {entry.name: str(entry) for entry in left_out}
    assert told["died"] == "died (failed): ValueError: no"
    assert told["bare"] == "bare (finished): results.json holds no figures"
    assert "cut (unreadable)" in told["cut"]
    assert "no valid JSON" in told["cut"]


def test_jobs_of_a_manifest_are_told_and_know_better_than_a_run_that_was_killed(tmp_path: Path) -> None:
    make_run(tmp_path / "good", ONE)
    make_run(tmp_path / "killed", ONE, state="running")
    jobs = [
        {"number": 0, "state": "finished", "folder": "good", "overrides": ["seed=0"]},
        {"number": 1, "state": "interrupted", "folder": "killed", "overrides": ["seed=1"], "error": None},
        {"number": 2, "state": "failed", "folder": "2", "overrides": ["seed=2"], "error": "out of memory\n  at line 3"},
        {"number": 3, "state": "waiting", "folder": "3", "overrides": [], "label": "model=unet"},
        {"number": 4, "state": "waiting"},
    ]
    write_json(tmp_path / "manifest.json", {"jobs": jobs})
    found, left_out = find_runs([tmp_path])
    assert [run.path.name for run in found] == ["good"]
    assert [str(entry) for entry in left_out] == [
        "seed=1 (interrupted)", "seed=2 (failed): out of memory", "model=unet (waiting)", "job 4 (waiting)",
    ]  # fmt: skip
    assert left_out[0].path == tmp_path / "killed"
    # The sweep was killed before it wrote these into its manifest, and nobody has gone on with it.
    for state in ("running", "failed"):
        append_change(tmp_path, {**jobs[3], "state": state, "error": "no\nmore"})
    assert str(find_runs([tmp_path])[1][2]) == "model=unet (failed): no"
    (tmp_path / CHANGES).write_text("{\n{}\n")
    (told,) = (entry for entry in find_runs([tmp_path])[1] if entry.state == "unreadable")
    assert told.reason.startswith(f"{tmp_path / CHANGES}: line 1: Expecting")
    (tmp_path / CHANGES).unlink()
    (tmp_path / "manifest.json").write_text("{")
    assert [str(entry).partition(":")[0] for entry in find_runs([tmp_path])[1]] == [
        "killed (running)", "manifest.json (unreadable)",
    ]  # fmt: skip
