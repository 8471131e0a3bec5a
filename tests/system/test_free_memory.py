"""Memory that a process may have: by machine, both versions of control groups, and its own limits."""

from pathlib import Path
from typing import Any

import pytest

from segexp.system import free_memory as measured


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of 9000 kB of which 5000 are free, and a process that holds 1000."""
    for name, folder in (("CGROUP", "cgroup"), ("PROCESS", "self")):
        (tmp_path / folder).mkdir()
        monkeypatch.setattr(measured, name, tmp_path / folder)
    monkeypatch.setattr(measured, "MEMORY", tmp_path / "meminfo")
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:   5000 kB\n")
    (tmp_path / "self/status").write_text("VmSize: 8000 kB\nVmRSS: 1000 kB\nVmHWM: 1500 kB\nVmData: 2000 kB\n")
    return tmp_path


def group(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_of_the_machine_alone(system: Path) -> None:
    assert (measured.free_memory(), measured.memory_limit()) == (5000 * 1024, 9000 * 1024)
    assert (measured.process_memory(), measured.peak_memory()) == (1000 * 1024, 1500 * 1024)


def test_a_group_of_version_2_counts_with_those_above_it(system: Path) -> None:
    (system / "self/cgroup").write_text("0::/slice/job\n")
    group(system / "cgroup/slice", memory__max="700000", memory__current="500000", memory__stat="inactive_file 1000\n")
    group(system / "cgroup/slice/job", memory__max="max\n", memory__current="1")
    assert (measured.free_memory(), measured.memory_limit()) == (201_000, 700_000)


@pytest.mark.parametrize(
    ("most", "limit"), [("max\n", 702_048), ("1000\n", 701_000), ("0\n", 700_000), (None, 702_048)]
)
def test_swap_counts_for_the_limit(system: Path, most: str | None, limit: int) -> None:
    """A machine of 2 kB of swap: it is more that may be held, and none that is free."""
    (system / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:   5000 kB\nSwapTotal: 2 kB\n")
    assert measured.memory_limit() == 9002 * 1024
    (system / "self/cgroup").write_text("0::/job\n")
    swap = {} if most is None else {"memory__swap__max": most}
    group(system / "cgroup/job", memory__max="700000\n", memory__current="500000\n", **swap)
    assert (measured.free_memory(), measured.memory_limit()) == (200_000, limit)


def test_swap_of_a_group_of_version_1_is_limited_with_its_memory(system: Path) -> None:
    (system / "meminfo").write_text("MemTotal: 9000 kB\nSwapTotal: 2 kB\n")
    group(system / "cgroup/memory", memory__limit_in_bytes="800000\n", memory__usage_in_bytes="1\n")
    assert measured.memory_limit() == 802_048
    group(system / "cgroup/memory", memory__memsw__limit_in_bytes="800500\n")
    assert measured.memory_limit() == 800_500


@pytest.mark.parametrize("inside", ["cgroup/memory/docker/x", "cgroup/memory"])
def test_a_group_of_version_1(system: Path, inside: str) -> None:
    """In a container the group itself is mounted as the root, and its path outside leads nowhere."""
    (system / "self/cgroup").write_text("5:cpu:/\n4:memory:/docker/x\n0::/\n")
    group(
        system / inside, memory__limit_in_bytes="800000\n", memory__usage_in_bytes="500000\n",
        memory__stat="inactive_file 1\ntotal_inactive_file 2000\n",
    )  # fmt: skip
    assert (measured.free_memory(), measured.memory_limit()) == (302_000, 800_000)


def test_a_limit_of_the_process(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ulimit -v: of 8400 kB of addresses 8000 are used, so 400 may be added to the 1000 that are held."""

    class Resource:
        RLIM_INFINITY, RLIMIT_AS, RLIMIT_DATA = -1, 9, 2

        @staticmethod
        def getrlimit(which: int) -> tuple[int, int]:
            return (8400 * 1024, -1) if which == 9 else (-1, -1)

    def module(name: str) -> Any:
        return Resource

    monkeypatch.setattr(measured, "import_module", module)
    assert (measured.free_memory(), measured.memory_limit()) == (400 * 1024, 1400 * 1024)


def test_of_a_system_that_says_nothing(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "MEMORY", system / "none")
    monkeypatch.setattr(measured, "PROCESS", system / "none")
    assert (measured.free_memory(), measured.memory_limit(), measured.process_memory()) == (None, None, None)
    assert not measured.forget_peak()


def test_kills_are_those_of_the_own_group(system: Path) -> None:
    assert measured.oom_kills() is None
    group(system / "cgroup/memory", memory__oom_control="oom_kill_disable 0\nunder_oom 0\noom_kill 4\n")
    assert measured.oom_kills() == 4, "version 1"
    (system / "self/cgroup").write_text("0::/slice/job\n")
    group(system / "cgroup/slice", memory__events="low 0\noom 9\noom_kill 9\noom_group_kill 0\n")
    group(system / "cgroup/slice/job", memory__events="low 0\noom 3\noom_kill 2\noom_group_kill 1\n")
    assert measured.oom_kills() == 2
    (system / "self/cgroup").write_text("0::/elsewhere\n")
    group(system / "cgroup", memory__events="oom_kill 5\n")
    assert measured.oom_kills() == 5, "a container, whose group is mounted as the root"
