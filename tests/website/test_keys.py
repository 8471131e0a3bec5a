"""The reference of keys, which needs no MkDocs: every key of every group and command has its meaning there."""

import html
import re

import pytest

from docs.website.api import api_pages
from docs.website.keys import GROUPS, key_pages
from segexp.commands import COMMANDS
from segexp.config.overrides.comments import keys_of_option
from segexp.config.overrides.groups import groups
from segexp.config.overrides.reference import block_of, shown_command_keys, shown_keys
from segexp.config.paths import conf_dir

PAGES = key_pages()
ROW = re.compile(r"<tr><td><code>(.+?)</code></td><td>(?:<code>(.*?)</code>)?</td><td>(.*?)</td></tr>")


def rows(page: str) -> dict[str, tuple[str, str]]:
    """Default and meaning of each key of a page."""
    return {
        key.replace("<wbr>", ""): (html.unescape(value), html.unescape(text)) for key, value, text in ROW.findall(page)
    }


def test_every_group_has_a_page_and_a_sentence() -> None:
    assert set(groups()) == set(GROUPS)
    assert {f"reference/{group}.md" for group in GROUPS} <= set(PAGES)


@pytest.mark.parametrize("group", groups())
def test_every_key_of_every_option_has_its_meaning(group: str) -> None:
    page = PAGES[f"reference/{group}.md"]
    found = rows(page)
    assert all(re.search(r"\w{2}", text) for _, text in found.values())
    for option in groups()[group]:
        assert f"## {group}={option.name}\n" in page
        home = block_of(group, option.name, [conf_dir()])
        for line in shown_keys(group, option.name, [conf_dir()]):
            assert len(line.comment) > 2, line
            assert f"{home}.{line.key}".lstrip(".") in found, line


def test_every_key_of_every_command_has_its_meaning() -> None:
    commands, training = rows(PAGES["reference/commands.md"]), rows(PAGES["reference/training.md"])
    for command in COMMANDS.values():
        assert f"## {command.name}\n" in PAGES["reference/commands.md"]
        for line in shown_command_keys(command.config, [conf_dir()]):
            assert len(line.comment) > 2, line
            assert line.key in (training if command.name == "train" else commands)
    assert training["seed"][0] == "0"
    assert training["tta"][1].endswith("none | flips | d4</small>")


def test_a_key_has_its_default_its_meaning_and_what_it_takes() -> None:
    value, text = rows(PAGES["reference/loss.md"])["loss.gamma"]
    assert value in ("2.0", "1.3333333")
    assert (
        "<small>a number, a value above 0</small>" in text or "<small>a number, a value of at least 0</small>" in text
    )
    assert "`+optimizer.amsgrad=`" in PAGES["reference/optimizer.md"]
    preset = rows(PAGES["reference/experiment.md"])
    assert preset["trainer.gradient_clip_val"][1].startswith("largest norm of the gradient")
    assert "It chooses `datamodule=drive model=cunet loss=bce" in PAGES["reference/experiment.md"]


def test_classes_of_options_are_in_the_reference_of_python() -> None:
    pages = "\n".join(api_pages().values())
    for group, options in groups().items():
        for option in options:
            for line in keys_of_option(group, option.name, [conf_dir()]):
                if line.key.endswith("_target_") and line.value.startswith("segexp."):
                    assert f"::: {line.value}\n" in pages, line
