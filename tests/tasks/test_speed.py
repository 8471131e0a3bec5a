"""What ``auto`` becomes."""

from dataclasses import replace
from typing import Any

import pytest

from segexp.config.schema import SpeedConfig
from segexp.tasks import speed
from segexp.tasks.speed import Speed, resolve_speed

OFF = SpeedConfig(channels_last=False, precision="float32", allocator=False, compile=False)
AUTO = SpeedConfig(channels_last="auto", precision="auto", allocator="auto", compile=False)


def test_off_is_pytorch_as_it_is() -> None:
    assert resolve_speed(OFF, "cpu", allocator=False) == Speed()


@pytest.mark.parametrize("native", [False, True])
def test_auto_follows_the_processor(monkeypatch: pytest.MonkeyPatch, native: bool) -> None:
    monkeypatch.setattr(speed, "native_bfloat16", lambda _: native)
    assert resolve_speed(AUTO, "cpu", allocator=True) == Speed(True, native, False, True)


@pytest.mark.parametrize(("precision", "bfloat16"), [("bfloat16", True), ("float32", False)])
def test_a_precision_asked_for_is_taken(monkeypatch: pytest.MonkeyPatch, precision: str, bfloat16: bool) -> None:
    monkeypatch.setattr(speed, "native_bfloat16", lambda _: not bfloat16)
    assert resolve_speed(replace(AUTO, precision=precision), "cpu", allocator=False).bfloat16 is bfloat16


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("fpu avx512f avx512_bf16", True), ("fpu amx_bf16 amx_tile", True), ("fpu avx2 avx512f", False)],
)
def test_flags_of_the_processor(monkeypatch: pytest.MonkeyPatch, flags: str, expected: bool) -> None:
    class Cpuinfo:
        def __init__(self, *_: Any) -> None: ...

        def is_file(self) -> bool:
            return True

        def read_text(self, **_: Any) -> str:
            return f"processor: 0\nflags : {flags}\n"

    monkeypatch.setattr(speed, "Path", Cpuinfo)
    assert speed.native_bfloat16("cpu") is expected
    assert speed.native_bfloat16("mps") is False


@pytest.mark.parametrize(("capability", "expected"), [((7, 5), False), ((8, 0), True), ((9, 0), True)])
def test_capability_of_the_gpu(monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], expected: bool) -> None:
    monkeypatch.setattr(speed.torch.cuda, "get_device_capability", lambda: capability)
    assert speed.native_bfloat16("cuda") is expected
