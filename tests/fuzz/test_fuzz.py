"""A short fuzz at every change: some files, some drawn configs that are checked and started; make fuzz does more."""

import mmap
import os
import random
import zlib
from pathlib import Path

import pytest

from tests.fuzz import configs, files
from tests.fuzz.mutations import change, change_tree, change_within
from tests.fuzz.server import BAD, Limits, WrongError, run_cases

FILES, STARTED = 600, 5
"""With the properties and the faulty commands beside it about a minute of processor time."""


def test_files_are_refused_in_a_line_or_read_rightly(tmp_path: Path) -> None:
    files.warm()
    cases = files.Fuzz(0, tmp_path)
    found = list(run_cases(range(FILES), cases.run, files.LIMITS))
    assert [(outcome, cases.name(outcome.number)) for outcome in found if outcome.kind in BAD] == []
    assert {outcome.number for outcome in found} == set(range(FILES))
    assert {outcome.kind.partition(" ")[0] for outcome in found} == {"refused", "right"}


@pytest.mark.parametrize("part", range(4))
def test_what_check_accepts_starts_and_what_it_refuses_has_a_known_reason(
    part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGEXP_CACHE", str(tmp_path / "cache"))
    configs.warm()
    found = configs.run(0, accepted=STARTED, started=STARTED, seconds=600, jobs=1, first=100 * part)
    assert found.bad == []
    assert len(found.starts) == STARTED


def take_memory(size: int) -> mmap.mmap:
    """Takes memory of the system, not of the heap, which may hold as much that was freed by the tests before."""
    try:
        taken = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE)
    except OSError as error:
        raise MemoryError from error
    taken.write(bytes(size))
    return taken


KINDS = {
    "crash": lambda: os.kill(os.getpid(), 9),
    "hang": lambda: [None for _ in iter(int, 1)],
    "memory": lambda: take_memory(3 * 10**8),
    "trace": lambda: 1 / 0,
    "wrong": lambda: (_ for _ in ()).throw(WrongError("other pixels")),
    "right with noise": lambda: os.write(2, b"a library speaks"),
    "right": lambda: None,
}


def test_the_server_tells_every_kind_of_end_and_goes_on() -> None:
    limits = Limits(memory=10**8, cpu=0.3, wall=60, cases=3)

    def work(number: int) -> str:
        list(KINDS.values())[number]()
        return "right"

    found = {outcome.number: outcome.kind for outcome in run_cases(range(len(KINDS)), work, limits, jobs=2)}
    assert found == dict(enumerate(KINDS))


def test_memory_that_stays_with_a_process_is_no_fault_of_the_next_case() -> None:
    kept = []

    def work(number: int) -> str:
        if number == 0:
            kept.append(take_memory(15 * 10**7))
        return "right"

    found = [(each.number, each.kind) for each in run_cases(range(3), work, Limits(memory=10**8, cpu=5.0, wall=60))]
    assert found == [(0, "memory"), (1, "right"), (2, "right")]


def test_changes_are_those_of_their_seed_and_stay_where_they_should() -> None:
    content = bytes(range(256)) * 4
    changed = [change(content, [content[::-1]], random.Random(seed)) for seed in range(300)]
    assert changed == [change(content, [content[::-1]], random.Random(seed)) for seed in range(300)]
    assert len(set(changed)) > 250
    for seed in range(100):
        within = change_within(content, [(100, 200), (300, 310)], random.Random(seed))
        assert len(within) == len(content)
        assert (within[:100], within[200:300], within[310:]) == (content[:100], content[200:300], content[310:])
    pieces = [(0, 24)]  # two pieces of one sum
    twins = bytes(range(12)) + bytes(reversed(range(12)))
    assert all(zlib.adler32(change_within(twins, pieces, random.Random(seed))) != zlib.adler32(twins) or
               change_within(twins, pieces, random.Random(seed)) == twins for seed in range(300))  # fmt: skip
    trees = [change_tree({"a": [1, {"b": 2}], "c": "x"}, random.Random(seed)) for seed in range(100)]
    assert sum(tree != {"a": [1, {"b": 2}], "c": "x"} for tree in trees) > 90
