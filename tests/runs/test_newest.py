"""The newest run below a folder, and the runs that a wrong path may have meant."""

import json
import os
import shlex
from pathlib import Path

import pytest

from segexp.config.overrides.from_argument import run_folder
from segexp.errors import DataError
from segexp.runs.near_runs import near_runs
from segexp.runs.newest import newest_run


def make_run(folder: str, started: object, changed: int = 0, **record: object) -> Path:
    path = Path(folder)
    path.mkdir(parents=True)
    (path / "config.yaml").write_text("seed: 0\n")
    (path / "run.json").write_text(json.dumps({"started": started, **record}))
    if changed:
        os.utime(path / "run.json", (changed, changed))
    return path


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_run_that_was_started_last_wherever_it_lies() -> None:
    make_run("outputs/a/2026-11-30_10-00-00_aaaa", "2026-11-30T10:00:00+00:00")
    sweep = make_run("outputs/multirun/s/001_seed-1", "2026-11-30T11:00:00+00:00")
    make_run("outputs/b/2026-11-30_09-00-00_bbbb", "2026-11-30T12:30:00+02:00")  # half past ten in UTC
    assert newest_run(Path("outputs")) == sweep
    (sweep.parent / "manifest.json").write_text("{}")
    assert newest_run(Path("outputs"), single=True) == Path("outputs/b/2026-11-30_09-00-00_bbbb")
    with pytest.raises(DataError, match=r"goes on with: python -m segexp -m sweep\.resume=outputs/multirun/s$"):
        newest_run(Path("outputs/multirun"), single=True)
    broken = {"none": "[]", "cut": '{"started": "2027', "timeless": "{}", "odd": '{"started": 9e99}'}
    for name, content in broken.items():
        make_run(f"outputs/{name}", "").joinpath("run.json").write_text(content)
    make_run("outputs/evaluated", "2027-01-01T00:00:00", command="python -m segexp evaluate run=x")
    make_run("outputs/.hidden", "2027-01-01T00:00:00+00:00")
    make_run(f"{sweep}/archive", "2027-01-01T00:00:00+00:00")
    assert newest_run(Path("outputs")) == sweep


def test_of_one_second_the_last_by_its_path_and_a_copy_is_as_old_as_its_run() -> None:
    second = "2026-11-30T10:00:00+00:00"
    for number in (1, 3, 2):
        make_run(f"outputs/m/00{number}_seed-{number}", second, changed=1_800_000_000 + number % 3)
    assert newest_run(Path("outputs")).name == "003_seed-3"
    make_run("outputs/copied", "2026-11-29T10:00:00+00:00", changed=1_900_000_000)
    assert newest_run(Path("outputs")).name == "003_seed-3"


@pytest.mark.parametrize("make", [lambda: None, lambda: Path("outputs/x").mkdir(parents=True)])
def test_no_run_at_all(make: object, here: Path) -> None:
    make()  # type: ignore[operator]
    with pytest.raises(DataError, match=f"^last: no run lies in outputs \\(looked in {here}/outputs\\); give"):
        newest_run(Path("outputs"))


def test_near_runs_are_words_to_paste(here: Path) -> None:
    wanted = make_run("outputs/retina a'b/2026-11-30_10-00-00_ab12", "")
    other = make_run("outputs/retina a'b/2026-11-29_21-13-44_c0de", "")
    make_run("outputs/evaluated/2026-11-30_10-00-00_ab13", "", command="segexp evaluate run=x")
    for typed in ("outputs/retina a'b/2026-11-30_10-00-00_ab1", "2026-11-30_10-00-00_ab12", f"{wanted}x/config.yaml"):
        told = near_runs("from", typed)
        assert told.endswith(f"? (looked for {here}/{typed})")
        words = shlex.split(told.removeprefix(". Did you mean ").rpartition("?")[0])
        assert run_folder(words[0]) == wanted
    assert shlex.quote(f"from={other}") in told
    assert "ab13" not in told
    assert near_runs("resume", here / "outputs" / "retina a'b" / "2026-11-30_10-00-00_ab13").startswith(
        f". Did you mean {shlex.quote(f'resume={wanted}')}"
    )


def test_what_is_near_none_gets_the_last_ones_and_at_most_three(here: Path) -> None:
    name = "outputs/cells/2026-11-{}_10-00-00_ab12"
    runs = [make_run(name.format(day), "", changed=1_800_000_000 + day) for day in range(10, 16)]
    last = ", ".join(f"init_from={run}" for run in runs[:-4:-1])
    assert near_runs("init_from", "zzz.pth") == f"; runs that are there: {last} (looked for {here}/zzz.pth)"
    assert near_runs("init_from", "outputs/cells") == f"; runs that are there: {last}"
    assert near_runs("from", "outputs/cells/2026-11-15_10-00-00_ab21").count("from=") == 3


@pytest.mark.parametrize("typed", ["", ".", "a\0b", "a" * 5000, "~nobody_of_this_name/x", "/", "../..", "*", "'"])
def test_odd_paths_and_no_runs(typed: str, here: Path) -> None:
    assert "from=" not in near_runs("from", typed)
    make_run("outputs/a/2026-11-30_10-00-00_ab12", "")
    assert isinstance(near_runs("from", typed), str)


def test_a_folder_is_not_told_to_be_near_itself(here: Path) -> None:
    (here / "last").mkdir()
    (here / "lasting").mkdir()
    assert near_runs("from", "last") == f" (looked for {here}/last)"
