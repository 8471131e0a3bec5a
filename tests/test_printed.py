"""Every command that is printed can be pasted, whatever the folders are called."""

import functools
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from segexp.cli.arguments import split
from segexp.config.overrides.quoting import unquoted
from segexp.config.paths import conf_dir
from segexp.errors import ConfigError, DataError
from segexp.evaluation.afterwards import evaluate_line, report_line
from segexp.report.run_page.reproduce import commands
from segexp.runs.checkpoints import find_sources
from segexp.runs.contents import RunContents
from segexp.sweeps.layout import resume_command
from segexp.training.resuming.source import checkpoint_of, command, how_to_go_on, in_place
from tests.config.overrides.test_quoting import ODD

NAMES = [name for name in ODD if name and "/" not in name and name not in ("...", "~")]


def words_of(text: str) -> list[str]:
    """What a shell hands over when a line of the text is pasted."""
    line = next(line for line in text.splitlines() if "python -m segexp" in line)
    pasted = line[line.index("python -m segexp") :]
    script = f"python() {{ printf '%s\\0' \"$@\"; }}; {pasted}"
    done = subprocess.run(["bash", "-c", script.encode("utf-8", "surrogateescape")], capture_output=True, check=True)
    found = done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]
    assert found[:2] == ["-m", "segexp"]
    return found[2:]


@functools.cache
def known(name: str) -> Any:
    """A config as it is without words."""
    return composed(name)


def composed(name: str, *words: str) -> Any:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return OmegaConf.to_container(compose(name, list(words)))


def part(config: Any, key: str) -> Any:
    return functools.reduce(lambda block, name: block[name], key.split("."), config)


def value(words: list[str], key: str) -> str:
    """What the command finds under a key that it has: ``from`` by itself, the rest through Hydra's grammar."""
    command, rest = split(words)
    word = next(word for word in rest if word.startswith(f"{key}="))
    if key == "from":
        return word.removeprefix("from=")
    part(known(command.config), key)
    override = OverridesParser.create().parse_override(word)
    assert override.key_or_group == key
    return resolved(override.value())


def resolved(found: Any) -> str:
    found = found[0] if isinstance(found, list) else found
    return str(OmegaConf.to_container(OmegaConf.create({"a": found}), resolve=True)["a"])  # type: ignore[index, call-overload]


@pytest.fixture(params=NAMES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with a run in it whose name is odd."""
    folder = tmp_path / request.param / "run"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.yaml").write_text("seed: 0\n")
    (folder / "checkpoints" / "last.ckpt").touch()
    return folder


def test_commands_about_a_run(place: Path) -> None:
    last = place / "checkpoints" / "last.ckpt"
    lines: list[tuple[str, dict[str, Path]]] = [
        (command(last), {"from": place, "resume": last}),
        (how_to_go_on(place), {"resume": place}),
        (evaluate_line(place), {"run": place}),
        (report_line(place), {"run": place}),
        (resume_command(place), {"sweep.resume": place}),
    ]
    told = RunContents(place, {"command": "segexp train", "overrides": [], "state": "failed"}, {}, "seed: 0\n", [], "")
    lines += [(line, {"from": place}) for name, line in commands(told) if name == "from its folder"]
    lines += [(line, {"resume": place}) for name, line in commands(told) if name.startswith("go on")]
    assert len(lines) == 7
    for line, expected in lines:
        for key, path in expected.items():
            assert Path(value(words_of(line), key)).absolute() == path, line


def test_the_word_that_goes_on(place: Path) -> None:
    (word,) = words_of(in_place(place))[-1:]
    # As a run gets it, with all that Hydra does beside.
    assert resolved(composed("train", *split([word])[1])["resume"]) == str(place)


def test_advice_of_refusals(place: Path) -> None:
    (place / "manifest.json").write_text("{}")
    (place / "checkpoints" / "last.ckpt").unlink()
    with pytest.raises(ConfigError) as caught:
        checkpoint_of(str(place))
    assert value(words_of(str(caught.value)), "sweep.resume") == str(place)
    with pytest.raises(DataError) as refused:
        find_sources(place.parent)
    found = re.search(r"all of them: (.*)", str(refused.value))
    assert found is not None
    (word,) = words_of(f"python -m segexp {found[1]}")
    assert unquoted(word.removeprefix("run=")) == f"{place.parent}/*"
