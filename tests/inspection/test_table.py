"""The command ``models``: what it prints, and what it says of mistakes without importing torch."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from segexp.config.overrides.groups import groups
from segexp.config.overrides.model_options import ModelOption
from segexp.errors import ConfigError
from segexp.inspection.table import WIDTH, format_scaled, show_models
from segexp.models.contracts import exceptions_of
from segexp.models.sizes import InputSizeError
from tests.lines import run_lines, run_once

CUNET = {
    "_target_": "segexp.models.unet.UNet", "base": 8, "depth": 3, "upsample": "transposed", "norm": "none",
    "padded": True, "init": "he",
}  # fmt: skip
MISTAKES = {
    "models only=[unett]": ["only: no model 'unett'.", "'unet'"],
    "models model=unett": ["model=unett: no such option.", "'unet'"],
    "models model=unet model.bas=4": ["model.bas: no such key.", "'model.base'"],
    "models model=unet model.base=0": ["model.base: found 0, expected a whole number, a value of at least 1"],
    "models model=unet only=[unet]": ["only: found beside model="],
    "models classes=1": ["classes: found 1"],
    "models sze=3": ["sze: no such key.", "'size'"],
    "models size=[64,a]": ["size: found [64, 'a']"],
    "models format=csv": ["format: found 'csv', expected table | json"],
}


class Fussy(nn.Module):
    """A model that promises little."""

    exceptions = {"onnx": "no operator for it", "any_size": "multiples of 32 only"}  # noqa: RUF012 - as a user writes it

    def __init__(self, in_channels: int, out_channels: int, base: int = 2) -> None:
        super().__init__()
        self.layer = nn.Conv2d(in_channels, out_channels, base)

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.layer(image)
        return logits


def option(name: str = "cunet", **keys: Any) -> ModelOption:
    return ModelOption(name, f"Meaning of {name}", {**CUNET, **keys})


def cells(text: str, name: str) -> list[str]:
    return re.split(r"  +", next(line for line in text.splitlines() if line.startswith(f"{name} ")))


def test_row_of_cunet_holds_the_figures_worked_out_by_hand() -> None:
    text = show_models([option()], 256, 3, 2, "table")
    assert text.startswith("models at 1x3x256x256 (batch, channels, height, width), 1 logit per pixel\n")
    assert cells(text, "cunet") == ["cunet", "29,465", "29,465", "408.94 M", "22.0 MiB", "44", "yes", "yes"]
    assert "\ncunet  Meaning of cunet\n" in text
    assert max(map(len, text.splitlines())) <= WIDTH


def test_json_holds_exact_numbers_at_the_size_and_classes_asked_for() -> None:
    answer = json.loads(show_models([option()], [128, 512], 3, 4, "json"))
    assert answer["setting"] == {"height": 128, "width": 512, "in_channels": 3, "out_channels": 4}
    (row,) = answer["models"]
    assert row["cost"]["parameters"] == 29_465 + 3 * (8 + 1)
    # As many pixels as 256x256; three more logits of 8 channels each.
    assert row["cost"]["multiply_adds"] == 408_944_640 + 3 * 8 * 256 * 256
    assert row["receptive_field"] == [44, 44]
    assert row["problem"] == ""


def test_an_autoencoder_is_counted_as_a_run_has_it_with_as_many_channels_out_as_in() -> None:
    cae = ModelOption("cae", "", {"_target_": "segexp.models.cae.ConvAutoencoder"})
    for channels, count in ((1, 51_459), (3, 55_173)):
        (row,) = json.loads(show_models([cae], 64, channels, 2, "json"))["models"]
        assert row["cost"]["parameters"] == count


def test_exceptions_stand_in_the_table_with_their_reasons() -> None:
    fussy = ModelOption("fussy", "Fussy", {"_target_": f"{__name__}.Fussy"}, ("model.base=2",))
    text = show_models([fussy, option()], 64, 3, 2, "table")
    assert cells(text, "fussy")[-3:] == ["2", "no", "no ONNX"]
    assert "\n       onnx: no, no operator for it\n" in text
    assert "\n       here with model.base=2\n" in text


def test_exceptions_may_depend_on_a_key() -> None:
    model = Fussy(1, 1)
    assert exceptions_of(model).keys() == {"onnx", "any_size"}
    model.exceptions = {}
    assert exceptions_of(model) == exceptions_of(nn.Identity()) == {}


def test_one_model_that_fails_does_not_hide_the_others() -> None:
    broken = ModelOption("broken", "Broken", {"_target_": "segexp.models.unet.UNet", "base": 8, "norm": "layer"})
    small = option("small", depth=8)
    text = show_models([broken, option(), small], 64, 3, 2, "table")
    assert cells(text, "broken") == ["broken", *["-"] * 7]
    assert cells(text, "small") == ["small", *["-"] * 7]
    assert cells(text, "cunet")[1] == "29,465"
    assert "none | batch | group | instance" in text
    assert "was given 64x64: use at least 128x128" in text


def test_a_single_model_that_fails_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"none \| batch \| group \| instance"):
        show_models([option(norm="layer")], 64, 3, 2, "table")
    with pytest.raises(ConfigError, match=r"model: .*bas"):
        show_models([option(bas=3)], 64, 3, 2, "table")
    with pytest.raises(InputSizeError, match="3x3"):
        show_models([option()], 3, 3, 2, "table")
    with pytest.raises(ConfigError, match=r"size: found \[3\]"):
        show_models([option()], [3], 3, 2, "table")


@pytest.mark.parametrize(("count", "text"), [(999, "999"), (53_952, "53.95 k"), (48_167_387_136, "48.17 G")])
def test_scaled(count: int, text: str) -> None:
    assert format_scaled(count) == text


def test_nothing_is_computed_or_allocated() -> None:
    """The widest model of all: 16 TB of weights, were they real."""
    row = json.loads(show_models([option(base=2**17, depth=5)], 512, 3, 2, "json"))["models"][0]
    assert row["cost"]["parameters"] > 10**14
    assert torch.get_default_device().type == "cpu"


def test_help_and_mistakes_answer_without_torch() -> None:
    text, *answers = run_lines([["models", "--help"], *(line.split() for line in MISTAKES)])
    assert (text.code, text.err, text.heavy) == (0, "", [])
    assert re.search(r"^  only: null +names of the models", text.out, re.MULTILINE)
    for (line, parts), answer in zip(MISTAKES.items(), answers, strict=True):
        assert answer.code == 2, line
        assert answer.out == "", line
        assert answer.err.count("\n") == 1, answer.err
        for part in parts:
            assert part in answer.err, f"{line}: {answer.err}"
        assert answer.heavy == [], line
        assert answer.files == [], line


def test_command_shows_all_models_and_the_users_own(tmp_path: Path) -> None:
    own = tmp_path / "conf" / "model"
    own.mkdir(parents=True)
    (own / "tiny.yaml").write_text("# A tiny one of my own\ndefaults: [cunet]\nbase: 2  # channels\n")
    every, one = (
        run_once(["--config-dir", "conf", "models", "format=json", *more])
        for more in ([], ["model=tiny", "model.base=4"])
    )
    assert (every.returncode, every.stderr) == (0, "")
    rows = {row["name"]: row for row in json.loads(every.stdout)["models"]}
    assert set(rows) == {"tiny", *(option.name for option in groups()["model"])}
    assert rows["tiny"]["meaning"] == "A tiny one of my own"
    assert rows["cunet"]["cost"]["parameters"] == 29_465
    assert [name for name, row in rows.items() if row["problem"] and "extra" not in row["problem"]] == []
    (row,) = json.loads(one.stdout)["models"]
    assert row["changed"] == ["model.base=4"]
    assert rows["tiny"]["cost"]["parameters"] < row["cost"]["parameters"] < 29_465
    assert [path.name for path in tmp_path.iterdir()] == ["conf"]
