"""A hundred faulty command lines: exit code 2, one line that names the key, nothing heavy imported, no run folder."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from segexp.cli.app import run
from tests.fuzz.faulty import SMALL, TRIED, TYPED

EVERY = 5
"""Of the table one in so many is tried at every change, all of it by ``make test-slow`` and ``make fuzz``."""
PROGRAM = """
import contextlib, io, json, sys
from segexp.cli.app import run
from segexp.training import commands

commands.run_training = lambda experiment: print("segexp: it was taken", file=sys.stderr)
found = []
for line in json.load(sys.stdin):
    said, answer = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(answer):
        code = run(line)
    heavy = sorted({"torch", "lightning", "cv2", "albumentations", "torchmetrics"} & set(sys.modules))
    found.append([code, said.getvalue(), heavy])
print(json.dumps(found))
"""


def words_of(line: str) -> list[str]:
    """What a shell hands over; a line that begins with a key and a colon is one word."""
    return [line] if line.startswith("model:") else line.split(" ")


def shares(table: Any) -> list[Any]:
    """The cases of a table, most of them for the long tests."""
    return [
        pytest.param(*case, id=case[0], marks=[] if number % EVERY == 0 else [pytest.mark.slow])
        for number, case in enumerate(table)
    ]


@pytest.fixture(scope="session")
def answers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Exit code, what was said, heavy modules and files of each line of the table that is tested, from one process."""
    asked = [item.callspec.params["line"] for item in request.session.items if item.name.startswith(TEST)]  # type: ignore[attr-defined]
    folder = tmp_path_factory.mktemp("typed")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=json.dumps([words_of(line) for line in asked]), cwd=folder,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert list(folder.iterdir()) == []
    return dict(zip(asked, json.loads(done.stdout), strict=True))


TEST = "test_words_alone"


@pytest.mark.parametrize(("line", "expected"), shares(TYPED))
def test_words_alone(line: str, expected: tuple[str, ...], answers: dict[str, Any]) -> None:
    code, said, heavy = answers[line]
    check(code, said, expected)
    assert heavy == []


@pytest.mark.parametrize(("line", "expected"), shares(TRIED))
def test_before_there_is_a_run_folder(
    line: str, expected: tuple[str, ...], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {word.partition("=")[0] for word in line.split(" ")}
    own = "datamodule" in given
    small = [word for word in SMALL if word.partition("=")[0] not in given and not (own and "datamodule." in word)]
    code = run([*small, *line.split(" ")])
    said = "".join(part for part in capsys.readouterr().err.splitlines(keepends=True) if "segexp: note" not in part)
    check(code, said, expected)
    assert [path for path in elsewhere.iterdir() if path.name[0] != "."] == []


def check(code: int, said: str, expected: tuple[str, ...]) -> None:
    assert code == 2
    # What is no command is followed by the list of those that there are.
    lines = [line for line in said.splitlines() if not line.startswith("  ")]
    assert len(lines) == 1, said
    assert lines[0].startswith("segexp: ")
    assert [word for word in expected if word not in said] == [], said


def test_there_are_a_hundred_of_them() -> None:
    lines = [line for line, _ in (*TYPED, *TRIED)]
    assert len(lines) == len(set(lines)) >= 100
