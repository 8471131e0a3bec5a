"""The word ``last`` in place of a run folder."""

import json
import shlex
from pathlib import Path

import pytest

from segexp.cli.app import run
from segexp.cli.last_run import with_last_run
from segexp.errors import DataError

NEW = "outputs/it is/2026-11-30_11-00-00_bbbb"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for folder, hour in (("outputs/a/2026-11-30_10-00-00_aaaa", 10), (NEW, 11), ("elsewhere/c", 9)):
        Path(folder).mkdir(parents=True)
        record = {"started": f"2026-11-30T{hour:02}:00:00+00:00", "state": "failed"}
        Path(folder, "run.json").write_text(json.dumps(record))
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "meant"),
    {
        "resume=last": f"resume=\"{NEW}\"",
        "from=last seed=1": f"from={NEW}",
        "check init_from='last'": f"init_from=\"{NEW}\"",
        "+resume=last output_dir=elsewhere": "+resume=elsewhere/c",
        "report last pages=none": NEW,
        "compare last outputs/a base=last": NEW,
        "inspect last": NEW,
        "evaluate 'run=[last,outputs/a]'": f"run=['{NEW}',outputs/a]",
        "predict run=last input=last": f"run=\"{NEW}\"",
        "-m init_from=last,null seed=1,2": f"init_from='{NEW}',null",
        "from_cam classifier=last": f"classifier=\"{NEW}\"",
    }.items(),
)  # fmt: skip
def test_it_becomes_the_path_of_the_newest_run(typed: str, meant: str) -> None:
    words, folder = with_last_run(shlex.split(typed))
    assert folder == Path("elsewhere/c" if "elsewhere" in typed else NEW)
    assert meant in words
    assert [word for word in words if "last" in word] == (["input=last"] if "input" in typed else [])


@pytest.mark.parametrize(
    "typed",
    ["name=last", "checkpoint=last", "seed=1", "data last", "last", "predict run=lasting", "run=./last", "resume=",
     "report --config-dir last", "generate out=last", "help last", "model.base=last", "run=[]", "sweep.resume=lasting"],
)  # fmt: skip
def test_elsewhere_it_is_a_word_like_others(typed: str) -> None:
    assert with_last_run(typed.split()) == (typed.split(), None)


def test_of_a_sweep_it_is_the_newest_one(here: Path) -> None:
    for name, created in {"one": "2026-11-30T09:00:00+0000", "two": "2026-11-30T11:00:00+0100"}.items():
        Path("sweeps", name).mkdir(parents=True)
        Path("sweeps", name, "manifest.json").write_text(json.dumps({"created": created, "jobs": []}))
    words, sweep = with_last_run(["-m", "sweep.resume=last", "output_dir=sweeps"])
    assert (words[1], sweep) == ("sweep.resume=sweeps/two", Path("sweeps/two"))
    with pytest.raises(DataError, match=r"^last: no sweep lies in outputs \(looked in .*; give the folder of a sweep"):
        with_last_run(["sweep.resume=last"])


def test_a_path_of_that_name_wins(here: Path) -> None:
    Path("last").mkdir()
    assert with_last_run(["resume=last"]) == (["resume=last"], None)


def test_without_a_run_it_says_where_it_looked(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DataError, match=r"^last: no run lies in gone \(looked in /.*/gone\); give the path of a run"):
        with_last_run(["resume=last", "output_dir=gone"])
    assert run(["resume=last", "output_dir=gone"]) == 2
    assert capsys.readouterr().err.startswith("segexp: last: no run lies in gone")


def test_it_is_said_and_the_page_is_made_in_the_real_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "last", "write=[html]"]) == 0
    said = capsys.readouterr()
    assert said.err == f"segexp: note: last is {NEW}\n"
    assert said.out == f"{NEW}/report.html\n"
    assert not Path("last").exists()
