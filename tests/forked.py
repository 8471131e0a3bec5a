"""Command lines on two ranks as forks of a process that has imported torch: a new Python takes 4 seconds for that.

How a new Python starts is seen by the tests that use none of this; what it does then is the same. That process is one
of its own that has computed nothing: threads of OpenCV and of charts, which a test may have begun, are lost in a fork.
"""

import atexit
import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any
from unittest import mock

import segexp.evaluation.test
import segexp.training.distributed.rank
import segexp.training.prepare
import segexp.training.train  # noqa: F401 - what is not imported here, every fork imports itself
from segexp.cli.app import run
from segexp.training.distributed import launch

LIMIT = 300
"""Seconds."""


def fork_server() -> ForkServerContext:
    """Starts that process, where it does not run yet."""
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["tests.forked"])
    # It starts in whatever folder a test has made.
    with mock.patch.dict(os.environ, {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}):
        forkserver.ensure_running()
    return server


class Fork:
    """What the process beside the ranks uses of a Popen; the words are those of :func:`python_command`."""

    def __init__(
        self, words: Sequence[str], *, env: Mapping[str, str], stdout: IO[bytes] | None, stderr: Any, **_: Any
    ) -> None:
        self.returncode: int | None = None
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _work(words, env, (stdout, stderr))

    def poll(self) -> int | None:
        """Its exit code, once it has ended."""
        return self._ended(os.WNOHANG)

    def wait(self) -> int | None:
        return self._ended(0)

    def _ended(self, how: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, how)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _work(words: Sequence[str], env: Mapping[str, str], streams: Sequence[IO[bytes] | None]) -> None:
    """What a new Python would do, without coming back."""
    try:
        os.setpgrp()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # What others want done at their end is not the business of a rank.
        atexit._clear()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        _redirect(streams)
        os.environ.clear()
        os.environ.update(env)
        module, function, *arguments = words
        sys.argv = ["-c", *arguments]
        getattr(importlib.import_module(module), function)()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _redirect(streams: Sequence[IO[bytes] | None]) -> None:
    for handle, stream in enumerate(streams, start=1):
        if stream is not None:
            os.dup2(stream.fileno(), handle)
    sys.stdout, sys.stderr = (open(handle, "w", buffering=1, closefd=False) for handle in (1, 2))  # noqa: SIM115


def _command(words: Sequence[str], folder: str, environment: Mapping[str, str], said: str) -> None:
    """Does what ``python -m segexp`` does, with ranks that are forks."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    with Path(f"{said}.out").open("wb") as out, Path(f"{said}.err").open("wb") as err:
        _redirect((out, err))
    launch.python_command = lambda *words: list(words)
    launch.subprocess = SimpleNamespace(Popen=Fork, DEVNULL=subprocess.DEVNULL)  # type: ignore[assignment]
    code = run(words)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def forked(*words: str) -> "subprocess.CompletedProcess[str]":
    """Runs a command line of segexp in the present folder."""
    said = str(Path(".said").absolute())
    process = fork_server().Process(target=_command, args=(words, str(Path.cwd()), dict(os.environ), said))
    process.start()
    process.join(LIMIT)
    if process.exitcode is None:
        process.kill()
        raise TimeoutError(f"still running after {LIMIT} s: {' '.join(words)}")
    texts = []
    for end in ("out", "err"):
        path = Path(f"{said}.{end}")
        texts.append(path.read_text(encoding="utf-8"))
        path.unlink()
    return subprocess.CompletedProcess(words, process.exitcode, *texts)
