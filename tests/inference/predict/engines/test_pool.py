"""Files handed out to workers that die as they are told to."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from segexp.inference.predict.engines.pool import LostError, Pool, PoolError
from segexp.inference.predict.inputs import Input
from segexp.inference.predict.worker import FileResult


class PretendCrew:
    """Workers 0, 1, ...; what was begun first ends first."""

    def __init__(self, lost: Sequence[str] = (), never_ready: Sequence[int] = ()) -> None:
        self.lost, self.never_ready = list(lost), never_ready
        self.hired = 0
        self.begun: list[tuple[int, str, bool]] = []
        self.dismissed: list[int] = []
        self.cleaned: list[str] = []

    def start_worker(self) -> tuple[int, tuple[int, Input | None, int]]:
        self.hired += 1
        return self.hired - 1, (self.hired - 1, None, 0)

    def submit(self, worker: int, file: Input, *, overwrite: bool) -> tuple[int, Input | None, int]:
        assert worker not in self.dismissed
        self.begun.append((worker, file.name, overwrite))
        return worker, file, len(self.begun)

    def wait(self, tickets: Sequence[tuple[int, Input | None, int]]) -> Sequence[tuple[int, Input | None, int]]:
        return tickets[:1]

    def result(self, ticket: tuple[int, Input | None, int]) -> FileResult | None:
        worker, file, _ = ticket
        if file is None:
            if worker in self.never_ready:
                raise LostError(f"worker {worker} has no torch")
            return None
        if file.name in self.lost:
            self.lost.remove(file.name)
            raise LostError("out of memory")
        return FileResult(file, "done")

    def stop_worker(self, worker: int) -> None:
        self.dismissed.append(worker)

    def remove_partial(self, file: Input) -> None:
        self.cleaned.append(file.name)


def files(count: int) -> list[Input]:
    return [Input(f"{number}", Path(f"{number}")) for number in range(count)]


def run(crew: PretendCrew, count: int, size: int = 2, retries: int = 2) -> list[FileResult]:
    pool = Pool(crew, size, retries=retries, overwrite=False)
    found = list(pool.run(files(count)))
    assert pool.under_way == []
    assert sorted(outcome.file.name for outcome in found) == [str(number) for number in range(count)]
    return found


def test_each_file_goes_to_one_worker_and_all_work() -> None:
    crew = PretendCrew()
    assert {outcome.state for outcome in run(crew, 6)} == {"done"}
    assert [name for _, name, _ in crew.begun] == list("012345")
    assert sorted(worker for worker, _, _ in crew.begun) == [0, 0, 0, 1, 1, 1]
    assert (crew.hired, crew.dismissed) == (2, [0, 1])
    few = PretendCrew()
    run(few, 1, size=5)
    assert few.hired == 1


def test_a_lost_file_is_begun_again_elsewhere_and_made_anew() -> None:
    crew = PretendCrew(lost=["1", "1"])
    assert {outcome.state for outcome in run(crew, 4)} == {"done"}
    # By whoever is free.
    assert [(worker, overwrite) for worker, file, overwrite in crew.begun if file == "1"] == [
        (1, False),
        (0, True),
        (2, True),
    ]
    assert crew.cleaned == ["1", "1"]
    assert (crew.hired, sorted(crew.dismissed)) == (4, [0, 1, 2, 3])


def test_a_file_that_kills_every_worker_fails_and_the_rest_goes_on() -> None:
    crew = PretendCrew(lost=["2"] * 9)
    found = {outcome.file.name: outcome for outcome in run(crew, 5)}
    assert [found[name].state for name in "01234"] == ["done", "done", "failed", "done", "done"]
    assert found["2"].error == "2: its process was lost 3 times, at last: out of memory"
    assert [name for _, name, _ in crew.begun].count("2") == 3


def test_workers_that_never_get_ready() -> None:
    assert {outcome.state for outcome in run(PretendCrew(never_ready=[0, 2, 4, 5]), 4)} == {"done"}
    # One place is given up, the other does it all.
    assert {outcome.state for outcome in run(PretendCrew(never_ready=range(1, 99)), 4)} == {"done"}
    with pytest.raises(PoolError, match=r"no process gets its model ready: worker . has no torch"):
        run(PretendCrew(never_ready=range(99)), 4)
