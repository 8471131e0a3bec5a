"""Patterns on the command line, and what else may stand there."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from segexp.config.overrides.quoting import (
    as_typed,
    command_line,
    hydra_override,
    printed,
    quote_patterns,
    quoted,
    texts_inside,
    unquoted,
)

ODD = [
    "outputs/a", "a b", " a ", "lr=0.1 (données)", "it's", 'a"b', "'a'", "$HOME", "${x}", r"\${x}", r"\\${x}'",
    r"a${b}c${d}\\", "back\\slash", "back\\", "a\\'", "#a", "a#b", "a,b", "[a]", "a[1]", "{a}", "{a:b}", "a\nb", "a\tb",
    "-x", "--x", "~", "~/x", "%H", "*", "a?", "`ls`", "$(ls)", "!x", "a;b", "a&b", "a|b", "<a>", "@a", "a:b", "(a)", "",
    "null", "True", "1", "1e3", "1_0", ".5", "nan", "inf", "...", "caf\udce9", "\x1b[0m", "a\u2028b", "日本", "a\\nb",
    "\\x41", "\x011",
]  # fmt: skip
"""Names that somebody's folder may have."""


@pytest.mark.parametrize(
    "text", ["masks/{stem}.png", "{stem:[a-z]+}", r"{stem:\d+}", "{patient}", "it's/{stem}.{png,gif}", "a\\'{x}\\"]
)
def test_pattern_arrives_as_it_was_written(text: str) -> None:
    (argument,) = quote_patterns([f"datamodule.masks={text}"])
    assert OverridesParser.create().parse_override(argument).value() == text
    assert as_typed([argument]) == [f"datamodule.masks={text}"]
    assert OverridesParser.create().parse_override(f"key={quoted(text)}").value() == text


@pytest.mark.parametrize(
    "argument",
    [
        "datamodule.images=images/*.png",
        "datamodule.masks='masks/{stem}.png'",
        'datamodule.masks="masks/{stem}.png"',
        "datamodule.root=${oc.env:HOME}/data",
        "datamodule.mask_values={0:background,255:road}",
        "datamodule.split_by=null",
        "-m",
        "model=unet",
    ],
)
def test_what_is_left_alone(argument: str) -> None:
    assert quote_patterns([argument]) == [argument]


def test_blocks_of_other_data_sets_are_left_alone() -> None:
    block = "datamodule.images={a:1,b:2}"
    assert quote_patterns(["datamodule=mine", block]) == ["datamodule=mine", block]
    assert quote_patterns(["datamodule=mine", "datamodule.masks=m/{stem}.png"])[1] == "datamodule.masks='m/{stem}.png'"
    assert quote_patterns(["datamodule=folder", "datamodule.split_by={stem:a}"])[1] == "datamodule.split_by='{stem:a}'"


def test_paths_of_commands_that_start_from_a_run() -> None:
    given = ["run=outputs/a=b/{x}", "input=in/2[1-3]*.tif", "output='quoted'", "run=[a,b]", "run=???", "run=", "rund=a"]
    assert quote_patterns(given) == [
        "run='outputs/a=b/{x}'", "input='in/2[1-3]*.tif'", "output='quoted'", "run=[a,b]", "run=???", "run=", "rund=a",
    ]  # fmt: skip


def test_words_are_recorded_as_they_were_typed() -> None:
    typed = ["run=outputs/it's/{x}", "input=in/2[1-3]*.tif", "run=[a,b]", "name='a,b'", "-m", "seed=0", "name=''"]
    assert as_typed(quote_patterns(typed)) == typed
    # These need the quotes: a list and a block would begin.
    assert as_typed(["run='[a]'", "run='${x}'"]) == ["run='[a]'", "run='${x}'"]


@pytest.mark.parametrize("text", ODD)
def test_a_typed_text_arrives_in_the_config_as_it_is(text: str) -> None:
    override = OverridesParser.create().parse_override(hydra_override("output_dir", text))
    assert override.key_or_group == "output_dir"
    config = OmegaConf.create({"output_dir": None})
    OmegaConf.update(config, "output_dir", override.value())
    assert OmegaConf.to_container(config, resolve=True) == {"output_dir": text}


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (None, "key=null"),
        (True, "key=true"),
        (3, "key=3"),
        (0.5, "key=0.5"),
        (1e-12, "key=1e-12"),
        ("unet", "key=unet"),
        ([1, "a b", None], 'key=[1,"a b",null]'),
        ({0: "background", "my class": "x,y"}, r'key={0:background,my\ class:"x,y"}'),
    ],
)
def test_typed_values(value: Any, word: str) -> None:
    assert hydra_override("key", value) == word
    assert OverridesParser.create().parse_override(word).value() == value


def test_a_line_survives_a_shell() -> None:
    line = command_line(["check", *(hydra_override("name", text) for text in ODD)])
    assert line.startswith("python -m segexp check name=outputs/a ")
    assert line.isprintable()
    script = f"python() {{ printf '%s\\0' \"$@\"; }}; {line}"
    done = subprocess.run(["bash", "-c", script.encode("utf-8", "surrogateescape")], capture_output=True, check=True)
    words = done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]
    assert words == ["-m", "segexp", "check", *(hydra_override("name", text) for text in ODD)]


@pytest.mark.parametrize("text", [text for text in ODD if text not in ("", "null")])
def test_one_folder_may_be_typed_without_quotes_of_hydra(text: str) -> None:
    """A printed line leaves them out where they come back by themselves, and only there."""
    for key in ("resume", "output_dir", "run", "sweep.resume", "name"):
        (again,) = quote_patterns(as_typed([hydra_override(key, text)]))
        value = OverridesParser.create().parse_override(again).value()
        assert OmegaConf.to_container(OmegaConf.create({"key": value}), resolve=True) == {"key": text}, key
        assert unquoted(again.partition("=")[2]) == text, key
    assert quote_patterns(["resume=lr=0.1 (é)", "output_dir=a,b=c", r"out=a\ b", "resume=null", "out=[a b]"]) == [
        "resume='lr=0.1 (é)'", "output_dir=a,b=c", r"out=a\ b", "resume=null", "out=[a b]",
    ]  # fmt: skip


def test_from_is_read_before_hydra_and_has_no_quotes_of_its_grammar() -> None:
    assert command_line([hydra_override("from", "a b")]) == "python -m segexp 'from=a b'"


@pytest.mark.parametrize("name", [name for name in ODD if name not in ("", "null") and "\n" not in name])
def test_a_folder_as_a_shell_gives_its_name(name: str, tmp_path: Path) -> None:
    """Where there is such a folder, its name means the folder, whatever Hydra's grammar would make of it."""
    Path(name.replace("~/", "./~/")).mkdir(parents=True)
    for key in ("root", "split_file"):
        argument = f"datamodule.{key}={'./' if name.startswith('~') else ''}{name}"
        (word,) = quote_patterns(["datamodule=folder", argument])[1:]
        (override,) = OverridesParser.create().parse_overrides([word])
        value = OmegaConf.create({"value": override.value()})
        assert f"datamodule.{key}={value.value}" == argument
        assert as_typed([word]) in ([argument], [word])


def test_names_of_files_that_are_not_there() -> None:
    """They are refused by what reads them; what may be a sweep stays one."""
    for argument, expected in (
        ("datamodule.root=Müller (50%) #1", "datamodule.root='Müller (50%) #1'"),
        ("datamodule.masks=Ground Truth/*.png", "datamodule.masks='Ground Truth/*.png'"),
        ("datamodule.root=a,b", "datamodule.root=a,b"),
        ("datamodule.root=choice(a,b)", "datamodule.root=choice(a,b)"),
        ("datamodule.root=/data/x-1", "datamodule.root=/data/x-1"),
        ("datamodule.table=null", "datamodule.table=null"),
    ):
        assert quote_patterns(["datamodule=folder", argument])[1] == expected


def test_texts_of_a_list_or_block_are_found_without_quotes() -> None:
    assert texts_inside("[#ff8800,#000000]") == ["#ff8800", "#000000"]
    block = texts_inside("{0:background,1:vessel (thin)}")
    assert block == {"0": "background", "1": "vessel (thin)"}
    assert printed("datamodule.mask_values", block) == ("""'datamodule.mask_values={0:background,1:"vessel (thin)"}'""")
    assert [texts_inside(value) for value in ("[a", "a", "[[a],b]", "{a}", "['a']", "{}")] == [None] * 6
