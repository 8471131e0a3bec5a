"""For all tests: one thread each, a folder of their own to write into, and no way to a network."""

import gc
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.parsed_once import parse_once

# Before torch is imported: two workers of xdist with two threads each would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

# Each of the many processes that tests start would compile the package again where none may keep what it compiles.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Imports of torch and the like make a million objects that stay: no one looks through them meanwhile, or between tests.
gc.disable()


def pytest_collection_finish() -> None:
    """Everything is imported."""
    parse_once()
    gc.freeze()
    gc.enable()


OFFLINE = {
    "WANDB_BASE_URL": "http://127.0.0.1:9",  # nobody listens there
    "WANDB_ERROR_REPORTING": "false",
    "NETRC": os.devnull,
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test starts in an empty folder: nothing is written into the repository, no key of W&B is found."""
    # Lightning leaves Ctrl-C switched off where a training was broken off, and child processes would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.chdir(tmp_path)
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SEGEXP_CACHE", str(tmp_path / ".segexp_cache"))
    # No key of this user is made, and no test trusts what another one did.
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / ".state"))
    monkeypatch.delenv("SEGEXP_TRUST", raising=False)
    for name, value in OFFLINE.items():
        monkeypatch.setenv(name, value)
    return tmp_path


@pytest.fixture(autouse=True)
def same_algorithms() -> None:
    """Lets torch choose its algorithms: a training before, of a shared fixture too, asks for deterministic ones."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.use_deterministic_algorithms(False)
