"""What the process beside the ranks does when they end in one way or another; the ranks are tiny programs."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segexp.errors import DataError, Pruned
from segexp.training.distributed import launch as module
from segexp.training.distributed.launch import launch
from segexp.training.distributed.messages import Board, OtherRank, RankError, Report, is_lost
from tests.training.runs import composed

REPOSITORY = Path(__file__).resolve().parents[3]
EXPERIMENT = composed()
BEGIN = """
import os, sys, time, signal, json
sys.path.insert(0, %r)
from segexp.training.distributed.messages import Board, RankError
board, rank = Board.here(), int(os.environ["RANK"])
"""
Ranks = Callable[[str], None]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE", 1.0)


@pytest.fixture
def ranks(monkeypatch: pytest.MonkeyPatch) -> Ranks:
    """Says what a rank does."""

    def does(code: str) -> None:
        program = [sys.executable, "-c", BEGIN % str(REPOSITORY) + code]
        monkeypatch.setattr(module, "python_command", lambda *_: program)

    return does


def run_folder(state: str = "running") -> Path:
    folder = Path("outputs/x/1")
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"state": state}))
    return folder.resolve()


def record(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return content


def test_ranks_know_their_place(ranks: Ranks, capfd: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.setenv("SEGEXP_CORES", "6")
    ranks("""
names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "SEGEXP_CORES", "OMP_NUM_THREADS")
open(f"rank_{rank}", "w").write(" ".join(os.environ[name] for name in names) + board.read_job().run_name)
print("rank", rank, "speaks")
""")
    launch(EXPERIMENT, 3)
    assert [Path(f"rank_{rank}").read_text() for rank in range(3)] == [
        f"{rank} {rank} 3 3 2 2{EXPERIMENT.run_name}" for rank in range(3)
    ]
    assert capfd.readouterr().out == "rank 0 speaks\n"


def test_the_first_error_is_told_and_the_others_end(ranks: Ranks, capfd: pytest.CaptureFixture[str]) -> None:
    folder = run_folder()
    ranks(f"""
from pathlib import Path
if rank == 0:
    board.record_run_dir(Path({str(folder)!r}))
    time.sleep(999)
time.sleep(0.3)
try:
    raise ValueError("the disk caught fire")
except ValueError as error:
    sys.exit(board.report(rank, error))
""")
    begin = time.monotonic()
    with pytest.raises(RankError, match=r"^rank 1: ValueError: the disk caught fire$") as caught:
        launch(EXPERIMENT, 2)
    assert time.monotonic() - begin < 20
    assert caught.value.exit_code == 1
    assert "Traceback" in capfd.readouterr().err
    assert record(folder)["state"] == "failed"
    assert record(folder)["error"] == "rank 1: ValueError: the disk caught fire"


def test_a_mistake_of_the_user_is_told_once(ranks: Ranks, capfd: pytest.CaptureFixture[str]) -> None:
    ranks("""
from segexp.errors import ConfigError
sys.exit(board.report(rank, ConfigError("model: no such thing")))
""")
    with pytest.raises(RankError, match=r"^model: no such thing$") as caught:
        launch(EXPERIMENT, 2)
    assert caught.value.exit_code == 2
    assert capfd.readouterr().err == ""


def test_a_trial_that_a_search_ends_is_no_failure(ranks: Ranks) -> None:
    ranks("""
from segexp.errors import Pruned
sys.exit(board.report(rank, Pruned("pruned after epoch 2")) if rank == 0 else 0)
""")
    with pytest.raises(Pruned, match="pruned after epoch 2"):
        launch(EXPERIMENT, 2)


def test_a_killed_rank_is_named(ranks: Ranks) -> None:
    ranks("""
if rank == 1:
    print("last words", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
time.sleep(0.3)
sys.exit(board.report(rank, RuntimeError("gloo: Connection closed by peer")))
""")
    with pytest.raises(RankError, match=r"rank 1: the process was ended by SIGKILL.*memory.*\nlast words"):
        launch(EXPERIMENT, 2)


def test_what_is_done_by_the_run_itself_stays(ranks: Ranks) -> None:
    folder = run_folder("failed")
    ranks(f"""
from pathlib import Path
board.record_run_dir(Path({str(folder)!r}))
sys.exit(3)
""")
    with pytest.raises(RankError, match="ended with exit code 3"):
        launch(EXPERIMENT, 1)
    assert record(folder) == {"state": "failed"}


@pytest.mark.parametrize(
    ("number", "stubborn"), [(signal.SIGINT, False), (signal.SIGINT, True), (signal.SIGTERM, False)]
)
def test_a_signal_reaches_all(ranks: Ranks, number: signal.Signals, stubborn: bool) -> None:
    folder = run_folder()
    ranks(f"""
from pathlib import Path
board.record_run_dir(Path({str(folder)!r}))
if {stubborn} and rank == 0:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
else:
    signal.signal({int(number)}, signal.default_int_handler)
open(f"ready_{{rank}}", "w")
try:
    time.sleep(999)
except KeyboardInterrupt:
    assert board.interrupted
    sys.exit(board.report(rank, RankError("interrupted; go on", {128 + number})))
""")

    def press() -> None:
        while not (Path("ready_0").exists() and Path("ready_1").exists()):
            time.sleep(0.05)
        os.kill(os.getpid(), number)

    presser = threading.Thread(target=press)
    presser.start()
    with pytest.raises(RankError) as caught:
        launch(EXPERIMENT, 2)
    presser.join()
    assert caught.value.exit_code == 128 + number
    # One that does not listen is ended after a while, and its record is closed for it.
    assert str(caught.value) == ("interrupted" if stubborn else "interrupted; go on")
    assert record(folder)["state"] == "interrupted"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_signals_at_once_are_one_request(tmp_path: Path) -> None:
    crew = module.Crew(Board(tmp_path), 2)
    with crew._counting_presses():
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert (crew._presses, crew.signal) == (1, signal.SIGTERM)
        crew._first -= module.AT_ONCE
        os.kill(os.getpid(), signal.SIGTERM)
        assert crew._presses == 2


def alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has ended")
def test_a_killed_parent_leaves_no_orphan(tmp_path: Path) -> None:
    rank = tmp_path / "rank.py"
    rank.write_text(
        BEGIN % str(REPOSITORY) + "from segexp.system.process import die_with_parent\n"
        "die_with_parent(os.getppid())\nopen(f'pid_{rank}.tmp', 'w').write(str(os.getpid()))\n"
        "os.rename(f'pid_{rank}.tmp', f'pid_{rank}')\ntime.sleep(999)\n"
    )
    parent = tmp_path / "parent.py"
    parent.write_text(
        f"import sys\nsys.path.insert(0, {str(REPOSITORY)!r})\nfrom segexp.training.distributed import launch\n"
        "from tests.training.runs import composed\n"
        f"launch.python_command = lambda *_: [sys.executable, {str(rank)!r}]\n"
        "launch.launch(composed(), 2)\n"
    )
    with subprocess.Popen([sys.executable, str(parent)], cwd=tmp_path) as process:
        files = [tmp_path / f"pid_{rank}" for rank in range(2)]
        end = time.monotonic() + 60
        while not all(file.exists() for file in files):
            assert time.monotonic() < end
            time.sleep(0.05)
        pids = [int(file.read_text()) for file in files]
        assert all(map(alive, pids))
        process.kill()
    end = time.monotonic() + 10
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(alive, pids))


def test_the_cause_is_the_first_error_that_is_not_about_another_rank(tmp_path: Path) -> None:
    board = Board(tmp_path)
    assert board.cause() is None
    board.add(Report(0, 1.0, "Connection closed by peer", lost=True))
    assert board.cause() == Report(0, 1.0, "Connection closed by peer", lost=True)
    board.add(Report(2, 3.0, "later"))
    board.add(Report(1, 2.0, "the cause"))
    cause = board.cause()
    assert cause is not None
    assert cause.text == "the cause"


def test_which_errors_are_about_another_rank() -> None:
    assert is_lost(RuntimeError("[gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:1"))
    assert is_lost(OtherRank("rank 1: x"))
    assert not is_lost(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_lost(DataError("gloomy.png: cannot be read"))
