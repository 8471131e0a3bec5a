"""Flags may stand anywhere in a command line."""

import pytest

from segexp.cli.flags import flags_first
from segexp.errors import ConfigError
from tests.lines import run_lines

MORE = ["hydra.sweep.dir='x'"]


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["a=1", "--config-dir", "x", "b=2"], ["--config-dir", "x", "a=1", "b=2"]),
        (["a=1,2", "~b", "-m"], ["-m", "a=1,2", "~b"]),
        (["a=1", "--cfg", "job", "+b=2", "--resolve"], ["--cfg", "job", "--resolve", "a=1", "+b=2"]),
        (["a=1", "--cfg=job", "b=2", "-cd", "x"], ["--config-dir", "x", "--cfg=job", "a=1", "b=2"]),
        (["a=1", "--info", "b=2", "-i", "defaults", "c=3"], ["--info", "-i", "defaults", "a=1", "b=2", "c=3"]),
        (["-p", "model", "a=1", "-m", "b=2"], ["-p", "model", "-m", "a=1", "b=2"]),
        ([], []),
    ],
)
def test_flags_come_first_with_their_values(argv: list[str], expected: list[str]) -> None:
    assert flags_first(argv, MORE) == [*expected, *MORE]


def test_more_folders_of_options_are_searched() -> None:
    found = flags_first(["--config-dir", "a", "x=1", "--config-dir=b c"], [])
    assert found[:3] == ["--config-dir", "a", "x=1"]
    assert found[3].startswith("hydra.searchpath=['file:///")
    assert found[3].endswith("/b c']")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--lr", "0.1"], "^--lr: no such flag"),
        (["--multirum", "a=1,2"], "Did you mean '--multirun'"),
        (["a=1", "--config-dir"], "^--config-dir: found nothing behind it; expected a folder"),
        (["--cfg", "jobs"], "^--cfg: found 'jobs', expected job, hydra or all"),
        (["-x=3"], "^-x=3: no such flag"),
    ],
)
def test_what_is_no_flag_is_said_in_one_line(argv: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        flags_first(argv, [])


def test_every_command_takes_flags_anywhere() -> None:
    lines = [
        "check model=cunet --config-dir . scope=config", "check -m scope=config seed=0,1",
        "scope=config seed=0,1 check -m", "model=cunet --cfg job panels=0", "generate --cfg job out=x",
        "compare a --cfg job base=b", "evaluate run=x --cfg job panels=1", "predict run=x --cfg job input=y",
        "check --config-dir . from=nowhere --cfg job",
    ]  # fmt: skip
    answers = run_lines([line.split() for line in lines])
    assert [answer.code for answer in answers] == [0] * 8 + [2]
    assert not any("usage:" in answer.err for answer in answers)
    assert answers[-1].err.startswith("segexp: from=nowhere: no file")
