"""A signal that asks to end is known until the context is left."""

import signal
import subprocess
import sys
from typing import Any

import pytest

from segexp.cli.given_words import compose_plain
from segexp.config.paths import conf_dir
from segexp.errors import DataError
from segexp.system import signals
from segexp.system.signals import interrupt_held, is_stopping, stopped_in_order
from segexp.training.endings import was_stopped


def test_errors_after_a_signal_are_its_consequences() -> None:
    lost = RuntimeError("DataLoader worker (pid 7) is killed by signal: Terminated.")
    with pytest.raises(KeyboardInterrupt), stopped_in_order():
        assert not was_stopped(lost)
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            assert is_stopping()
            assert was_stopped(lost)
            assert was_stopped(ConnectionResetError(104, "Connection reset by peer"))
            assert not was_stopped(DataError("the file is broken"))
    assert not is_stopping()
    assert not was_stopped(lost)


@pytest.mark.parametrize(
    ("then", "code"), [("SIGHUP", 143), ("SIGUSR1", 143), ("SIGTERM", -9)], ids=["logout", "slurm", "pressed"]
)
def test_other_signals_at_once_are_the_same_request(then: str, code: int) -> None:
    """Only the same signal three times ends at once; here the process would kill itself after that."""
    program = (
        "import os, signal, sys\n"
        "from segexp.system.signals import exit_code, stopped_in_order\n"
        "with stopped_in_order():\n"
        "    try:\n"
        "        signal.raise_signal(signal.SIGTERM)\n"
        "    except KeyboardInterrupt:\n"
        f"        other = signal.{then}\n"
        "        os._exit = lambda code: signal.raise_signal(signal.SIGKILL)\n"
        "        [os.kill(os.getpid(), other) for _ in range(2)]\n"
        "        sys.exit(exit_code())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert ("once more ends it" in done.stderr) == (code == -9)


def test_a_closed_terminal_is_let_go_whatever_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go: list[bool] = []
    monkeypatch.setattr(signals, "_let_go_of_the_terminal", lambda: let_go.append(True))
    usual = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # these tests may be run below nohup
    with pytest.raises(KeyboardInterrupt), stopped_in_order():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGHUP)
            assert signals.name_of_stop() == "SIGTERM"
    signal.signal(signal.SIGHUP, usual)
    assert let_go == [True]


def test_ctrl_c_waits_for_what_cannot_be_broken_off() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), interrupt_held():
        signal.raise_signal(signal.SIGINT)
        done.append("went on")
        raise ValueError("half built")
    assert done == ["went on"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with interrupt_held():
        pass


def test_what_composes_a_config_is_not_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    from omegaconf import DictConfig

    usual, calls = DictConfig._set_flag, []

    def pressed(self: DictConfig, *given: Any) -> Any:
        calls.append(1)
        if len(calls) == 60:
            signal.raise_signal(signal.SIGINT)
        return usual(self, *given)

    monkeypatch.setattr(DictConfig, "_set_flag", pressed)
    with pytest.raises(KeyboardInterrupt):
        compose_plain("train", [conf_dir()], ["seed=1"], resolve=True)
    assert len(calls) > 100
