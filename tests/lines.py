"""Runs command lines of segexp in one process without torch, since each start of Python costs a third of a second."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

DRIVER = """
import contextlib, io, json, os, sys
from hydra.core.global_hydra import GlobalHydra
from segexp.cli.app import run
from tests.parsed_once import parse_once
parse_once()
for argv in json.load(sys.stdin):
    GlobalHydra.instance().clear()
    sys.argv = ["segexp", *argv]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(argv)
    heavy = sorted({"torch", "lightning", "torchmetrics", "numpy", "albumentations"} & set(sys.modules))
    answer = {"code": code, "out": out.getvalue(), "err": err.getvalue(), "heavy": heavy, "files": os.listdir(".")}
    print(json.dumps(answer))
"""


CHECK = ("check", "scope=config")


@dataclass(frozen=True)
class Answer:
    """What one command line did.

    Attributes:
        code: Exit code.
        out: Standard output.
        err: Standard error.
        heavy: Heavy packages imported so far in the process.
        files: What lies in the working folder afterwards.
    """

    code: int
    out: str
    err: str
    heavy: list[str]
    files: list[str]


def run_lines(lines: Sequence[Sequence[str]], path: str = "", **environment: str) -> list[Answer]:
    """The answers of several command lines, run one after the other in the present folder."""
    done = subprocess.run(
        [sys.executable, "-c", DRIVER],
        input=json.dumps(lines),
        capture_output=True,
        text=True,
        check=False,
        env=_environment(path, environment),
    )
    assert done.returncode == 0, done.stderr
    return [Answer(**json.loads(line)) for line in done.stdout.splitlines()]


def check_lines(lines: Sequence[Sequence[str]]) -> list[Answer]:
    """The answers of checks of the config with some words each."""
    return run_lines([[*CHECK, *words] for words in lines])


def run_once(line: Sequence[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """``python -m segexp`` as a user starts it."""
    return subprocess.run(
        [sys.executable, "-m", "segexp", *line],
        capture_output=True,
        text=True,
        check=False,
        env=_environment("", environment),
    )


def _environment(path: str, more: dict[str, str]) -> dict[str, str]:
    # The installed package may be another checkout.
    roots = [str(ROOT), *([path] if path else [])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(roots), **more}
