"""Patterns on the command line, and what else may stand there."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from segexp.config.quoting import as_typed, quote_patterns, quoted


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
        "datamodule.unit=null",
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
    assert quote_patterns(["datamodule=folder", "datamodule.unit={stem:a}"])[1] == "datamodule.unit='{stem:a}'"


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
