"""The allocator setting: only with glibc on Linux, and only when asked for."""

import ctypes
from typing import Any

import pytest

from segexp.system import allocator


class Libc:
    """Stands in for the C library, so that the tests' own process keeps its allocator."""

    def __init__(self, code: int) -> None:
        self.calls: list[tuple[int, int]] = []
        self.code = code

    def mallopt(self, key: int, value: int) -> int:
        self.calls.append((key, value))
        return self.code


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if no job before had turned it on."""
    monkeypatch.setattr(allocator, "_STATE", {"on": False})


@pytest.mark.parametrize("code", [1, 0])
def test_says_whether_it_is_in_force(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    libc = Libc(code)
    monkeypatch.setattr(ctypes, "CDLL", lambda _: libc)
    monkeypatch.setattr(allocator.sys, "platform", "linux")
    monkeypatch.setattr(allocator.platform, "libc_ver", lambda: ("glibc", "2.36"))
    assert allocator.tune_allocator("auto") is bool(code)
    assert sorted(key for key, _ in libc.calls) == [-4, -2, -1]


@pytest.mark.parametrize(
    ("setting", "system", "libc"), [(False, "linux", "glibc"), ("auto", "darwin", ""), (True, "linux", "musl")]
)
def test_otherwise_nothing_is_touched(setting: Any, system: str, libc: str, monkeypatch: pytest.MonkeyPatch) -> None:
    touched: list[Any] = []
    monkeypatch.setattr(ctypes, "CDLL", touched.append)
    monkeypatch.setattr(allocator.sys, "platform", system)
    monkeypatch.setattr(allocator.platform, "libc_ver", lambda: (libc, ""))
    assert allocator.tune_allocator(setting) is False
    assert touched == []


def test_a_later_job_cannot_turn_it_off_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """glibc has no way back: a sweep over speed=auto,off must not record the second as off."""
    monkeypatch.setattr(ctypes, "CDLL", lambda _: Libc(1))
    monkeypatch.setattr(allocator.sys, "platform", "linux")
    monkeypatch.setattr(allocator.platform, "libc_ver", lambda: ("glibc", "2.36"))
    assert allocator.tune_allocator("auto") is True
    assert allocator.tune_allocator(False) is True


@pytest.mark.parametrize(("on", "pixels", "calls"), [(True, 5000**2, 1), (True, 1000**2, 0), (False, 5000**2, 0)])
def test_memory_goes_back_after_large_images_alone(
    on: bool, pixels: int, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    trimmed: list[int] = []

    class Trimming:
        malloc_trim = staticmethod(trimmed.append)

    monkeypatch.setattr(allocator, "_STATE", {"on": on})
    monkeypatch.setattr(ctypes, "CDLL", lambda _: Trimming)
    allocator.return_memory(pixels)
    assert trimmed == [0] * calls
