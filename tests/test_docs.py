"""Every command of README.md and docs/ is composed and checked; those that a reader tries first really run."""

import itertools
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from segexp.cli.arguments import split
from segexp.config.checks.monitors import check_monitors
from segexp.config.checks.tree import check_config
from segexp.config.command_schema import schema_of
from segexp.config.migration import for_hydra
from segexp.config.overrides.groups import ORDER
from segexp.config.paths import conf_dir
from segexp.config.retargeted import without_left_over
from segexp.config.schema import TrainConfig
from segexp.sweeps.search.space import read_space
from tests.lines import run_lines
from tests.training.conftest import settings_of_torch

__all__ = ["settings_of_torch"]

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"```\w*\n(.*?)```", re.DOTALL)


def commands_of(text: str) -> set[str]:
    """Commands in fences, and those within the text that leave nothing open (``run=<run folder>`` does)."""
    lines = {line.strip() for block in FENCE.findall(text) for line in block.splitlines()}
    inline = {" ".join(found.split()) for found in re.findall(r"`(python -m segexp [^`<]+)`", FENCE.sub("", text))}
    return {line for line in lines | inline if re.match(r"(python|pip|make|segexp)\s", line) and "..." not in line}


COMMANDS = sorted(set().union(*(commands_of(page.read_text(encoding="utf-8")) for page in PAGES)))
SEGEXP = [command for command in COMMANDS if command.startswith("python -m segexp")]
HELP = [command for command in SEGEXP if "--help" in command or command.split()[3:4] == ["help"]]


def run(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    words = shlex.split(command)
    words[0] = sys.executable
    return subprocess.run(
        words, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, settings_of_torch: None) -> Callable[[str], int]:
    """Runs a command in this process and folder, which saves the imports of another one; gives its exit code."""
    from segexp.cli.app import run as run_line

    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")  # as the command line does for its process

    def run_here(command: str) -> int:
        words = shlex.split(command)[3:]
        monkeypatch.setattr(sys, "argv", ["segexp", *words])
        GlobalHydra.instance().clear()
        return run_line(words)

    return run_here


def test_there_are_commands() -> None:
    assert len(SEGEXP) >= 10


@pytest.mark.parametrize("command", COMMANDS)
def test_no_shell_takes_a_word_for_a_pattern(command: str) -> None:
    """zsh refuses ``write=[mask,overlay]`` without quotes: it would be a pattern that matches no file."""
    assert not re.search(r"[\[\]*?]", re.sub(r"'[^']*'|\"[^\"]*\"", "", command))


@pytest.mark.parametrize("command", [c for c in SEGEXP if c in HELP])
def test_help_is_answered(command: str, here: Callable[[str], int], capsys: pytest.CaptureFixture[str]) -> None:
    assert here(command) == 0
    assert len(capsys.readouterr().out) > 100


def jobs_of(words: list[str]) -> list[list[str]]:
    """All combinations of the options that a sweep names; of its other values, such as seeds, each at least once."""
    swept = []
    for word in (word for word in words if word not in ("-m", "--cfg", "job", "--comments")):
        key, _, values = word.partition("=")
        swept.append([f"{key}={value}" for value in (values.split(",") if "-m" in words else [values])])
    options = [line if line[0].partition("=")[0] in ORDER else ["*"] for line in swept]
    combined = list(itertools.product(*options))
    count = max([len(combined), *(len(line) for line in swept)])
    chosen = itertools.islice(itertools.cycle(combined), count)
    return [
        [line[number % len(line)] if option == "*" else option for option, line in zip(job, swept, strict=True)]
        for number, job in enumerate(chosen)
    ]


@pytest.mark.parametrize("command", [c for c in SEGEXP if c not in HELP and "--config-dir" not in c])
def test_command_composes_and_is_valid(command: str) -> None:
    chosen, rest = split(shlex.split(command)[3:])
    jobs = jobs_of(rest)
    if "sweep=optuna" in rest:
        space = read_space(rest)
        assert space.ranges
        jobs = [space.line(values) for values in space.corners()]
    schema = schema_of(chosen.config)
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        for job in jobs:
            plain = OmegaConf.to_container(compose(chosen.config, for_hydra(job)), resolve=True)
            plain, _ = without_left_over(plain, job)  # type: ignore[arg-type]
            check_config(plain, schema)
            if issubclass(schema, TrainConfig):
                check_monitors(plain)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("python benchmarks/")])
def test_benchmark_exists_and_explains_itself(command: str) -> None:
    assert (ROOT / shlex.split(command)[1]).is_file()
    done = run(" ".join(command.split()[:2]) + " --help", ROOT)
    assert done.returncode == 0
    assert "usage" in done.stdout


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in COMMANDS:
        if command.startswith("make "):
            assert re.search(rf"^{command.split()[1]}:", makefile, re.MULTILINE)


def test_generated_data_trains_as_the_page_says(
    tmp_path: Path, here: Callable[[str], int], capsys: pytest.CaptureFixture[str]
) -> None:
    generate = next(c for c in SEGEXP if "out=drive_like" in c)
    train = next(c for c in SEGEXP if "datamodule.root=drive_like" in c)
    assert here(generate) == 0, capsys.readouterr().err
    assert here(f"{train} datamodule.crops_per_image=1 panels=1") == 0, capsys.readouterr().err
    assert "second observer" in capsys.readouterr().out
    assert list((tmp_path / "outputs").glob("*/*/report.html"))


def test_own_model_and_loss_do_what_the_page_says(
    tmp_path: Path, here: Callable[[str], int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Model and loss of docs/extending.md, outside the repository, are trained by its own command."""
    page = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    for name, text in re.findall(r"^`([\w/]+\.(?:py|yaml))`.*?```\w+\n(.*?)```", page, re.DOTALL | re.MULTILINE):
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    command = next(c for c in SEGEXP if "model=tiny model.width" in c)
    tiny = "trainer.max_epochs=1 datamodule.size=64 datamodule.crop_size=64 datamodule.train_images=2"
    done = run(f"{command} {tiny}", tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "Tiny, 233 parameters" in done.stdout
    config = next((tmp_path / "outputs").glob("*_tiny_margin/*/config.yaml")).read_text(encoding="utf-8")
    assert "my_models.margin.Margin" in config
    monkeypatch.syspath_prepend(tmp_path)
    assert here(f"{command} datamodule.scene=cells") == 2
    assert "loss=margin needs two classes, the data has 3" in capsys.readouterr().err
    assert here(f"{command} model.widht=3") == 2
    assert "Did you mean 'model.width'?" in capsys.readouterr().err


def test_messages_are_answered_as_the_page_of_errors_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\$ python -m segexp (.+)\n(.+)$", page, re.MULTILINE)
    assert len(shown) >= 6
    for (_, message), answer in zip(shown, run_lines([shlex.split(words) for words, _ in shown]), strict=True):
        assert (answer.code, answer.heavy, answer.files) == (2, [], [])
        beginning, cut, _ = message.partition("...")
        assert answer.err.startswith(beginning) if cut else answer.err == f"{message}\n"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere_and_nothing_is_left_open(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"@[A-Z]+@|TODO", text)
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("http") or (page.parent / target).is_file(), target
