"""A signal that asks to end is known until the context is left."""

import os
import signal

import pytest

from segexp.errors import DataError
from segexp.system.signals import is_stopping, stopped_in_order
from segexp.training.endings import was_stopped


def test_errors_after_a_signal_are_its_consequences() -> None:
    lost = RuntimeError("DataLoader worker (pid 7) is killed by signal: Terminated.")
    with pytest.raises(KeyboardInterrupt), stopped_in_order():
        assert not was_stopped(lost)
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            assert is_stopping()
            assert was_stopped(lost)
            assert was_stopped(ConnectionResetError(104, "Connection reset by peer"))
            assert not was_stopped(DataError("the file is broken"))
    assert not is_stopping()
    assert not was_stopped(lost)
