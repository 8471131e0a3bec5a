"""What every model in conf/model must do; a new YAML is found by itself, and each choice of its Literal keys."""

import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from hydra.utils import get_class
from torch import Tensor, nn
from torch.nn import functional as F

from segexp.cli.hydra_errors import unknown_names
from segexp.config.paths import conf_dir
from segexp.errors import UserError
from segexp.inspection.contracts.models import (
    PROMISES,
    TRAINING,
    ModelCase,
    agrees,
    exported,
    fitting_image,
    random_image,
    runs_as_onnx,
    train_step,
)
from segexp.inspection.contracts.promise import Promise, outcome
from segexp.inspection.rows import InputSetting, build_on_meta, measure_model
from segexp.models.contracts import CONTRACTS, exceptions_of
from segexp.models.sizes import same_size
from tests.contracts.small_models import (
    DISTINCT,
    NAMES,
    case,
    choices_unless_long,
    make,
    section,
    unless_extra,
    unless_long,
)


def by_name(name: str) -> Promise[ModelCase]:
    return next(promise for promise in PROMISES if promise.name == name)


GIVEN = {"in_channels", "out_channels"}


@pytest.fixture(params=NAMES)
def name(request: Any) -> str:
    return str(request.param)


def test_conf_has_models() -> None:
    assert len(NAMES) >= 3


def test_yaml_says_what_it_is_and_names_every_key(name: str) -> None:
    text = (conf_dir() / "model" / f"{name}.yaml").read_text()
    assert text.startswith("# ")
    config = section(name)
    keys = set(inspect.signature(get_class(config["_target_"])).parameters) - GIVEN
    assert set(config) - {"_target_"} == keys
    for key in keys:
        line = next(line for line in text.splitlines() if line.startswith(f"{key}:"))
        assert "#" in line, f"{key} has no comment"


def test_first_line_states_the_parameters_for_rgb_and_one_logit(name: str) -> None:
    model = unless_extra(lambda: build_on_meta(section(name), InputSetting(0, 0, 3, 1)))
    count = sum(parameter.numel() for parameter in model.parameters())
    stated = re.search(r"([\d,]+) parameters", (conf_dir() / "model" / f"{name}.yaml").read_text().splitlines()[0])
    assert stated, f"the first line does not say {count:,} parameters"
    assert stated[1] == f"{count:,}"


def test_table_of_models_knows_its_costs_and_receptive_field(name: str) -> None:
    config = section(name)
    unless_extra(lambda: build_on_meta(config, InputSetting(0, 0, 3, 1)))
    row = measure_model(name, "", (), config, InputSetting(256, 256, 3, 1))
    assert row.cost is not None
    assert row.cost.multiply_adds > 256 * 256
    assert row.cost.activation_bytes > 256 * 256 * 4
    assert row.receptive_field is not None


def test_exceptions_are_of_known_contracts_and_have_reasons(name: str) -> None:
    for contract, reason in exceptions_of(make(name)).items():
        assert contract in CONTRACTS
        assert len(reason.split()) >= 3


def kept(name: str, promise: Promise[ModelCase]) -> None:
    found = outcome(promise, [case(name)], exceptions_of(make(name)))
    if found.state == "excused":
        pytest.xfail(f"{promise.name}: {found.reason}")
    assert found.state == "kept", found.reason


@pytest.mark.parametrize("promise", TRAINING, ids=lambda promise: promise.name)
def test_every_promise_is_kept(name: str, promise: Promise[ModelCase]) -> None:
    kept(name, promise)


@pytest.mark.parametrize("name", unless_long(DISTINCT))
def test_compiled_model_keeps_keys_and_values(name: str) -> None:
    kept(name, by_name("compiled"))


@functools.cache
def exported_by_name(name: str) -> torch.export.ExportedProgram:
    return exported(make(name))


@pytest.mark.parametrize("name", unless_long(DISTINCT))
def test_exported_program_takes_other_sizes(name: str) -> None:
    kept(name, replace(by_name("torch_export"), check=lambda _: agrees(exported_by_name(name).module(), make(name))))


@pytest.mark.parametrize("name", unless_long(DISTINCT))
def test_onnx_takes_other_sizes(name: str) -> None:
    kept(name, replace(by_name("onnx"), check=lambda _: runs_as_onnx(exported_by_name(name), make(name))))


@pytest.mark.parametrize(("name", "key", "choice"), choices_unless_long())
def test_every_choice_trains_and_exports(name: str, key: str, choice: Any) -> None:
    model = make(name, **{key: choice})
    train_step(model, fitting_image(model, 2, 3, 33, 40), bf16=False)
    found = outcome(by_name("torch_export"), [case(name, **{key: choice})], exceptions_of(make(name, **{key: choice})))
    assert found.state in ("kept", "excused"), found.reason


def test_too_small_an_image_is_refused_by_name(name: str) -> None:
    model = make(name).eval()
    with pytest.raises(UserError, match="1x1"):
        same_size(model, random_image(1, 3, 1, 1))


class Faulty(nn.Module):
    """One convolution, with what a fault makes of its logits."""

    def __init__(self, channels: tuple[int, int], fault: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.layer, self.unused, self.fault = nn.Conv2d(*channels, 3, padding=1), None, fault

    def forward(self, image: Tensor) -> Any:
        """Logits."""
        return self.fault(self.layer(image))


@pytest.mark.parametrize(
    ("name", "fault", "words"),
    [
        ("any_size", lambda x: x[..., 1:], r"found logits of \(32, 31\) for an image of \(32, 32\), expected the same"),
        ("any_size", lambda x: x[:, :1], r"found logits \(2, 1, 33, 47\), expected \(2, 2, 33, 47\); use in_channels"),
        ("any_size", lambda x: (x, x), "found a tuple in evaluation mode, expected a tensor"),
        ("gradient", lambda x: x.detach() * torch.ones(1, requires_grad=True), "no gradient at layer.weight"),
        ("deterministic", lambda x: x + torch.rand_like(x), "at the second call in evaluation mode"),
        ("deterministic", lambda x: x - x.mean(dim=0, keepdim=True) + x.flip(0), "where images of a batch are seen"),
        ("onnx", lambda x: x, ""),
    ],
)
def test_a_broken_promise_is_told(name: str, fault: Any, words: str) -> None:
    found = outcome(by_name(name), [ModelCase(lambda channels: Faulty(channels, fault))], {})
    assert found.state == ("broken" if words else "kept"), found.reason
    assert re.search(words, found.reason), found.reason


class Wrong(nn.Conv2d):
    """A layer whose gradient doubles in one order of memory, as that of a faulty kernel may."""

    def forward(self, input: Tensor) -> Tensor:
        """Logits."""
        doubled = self.weight if input.is_contiguous() else 2 * self.weight - self.weight.detach()
        return F.conv2d(input, doubled, self.bias, padding=self.padding)


def test_a_gradient_that_goes_by_the_order_of_memory_is_told() -> None:
    found = outcome(by_name("channels_last"), [ModelCase(lambda channels: Wrong(*channels, 3, padding=1))], {})
    assert found.state == "broken"
    assert re.search(r"gradients at weight that are [\d.]+ apart with channels last, expected [\d.]+", found.reason)


def test_a_narrow_projection_keeps_its_gradient() -> None:
    """In channels-last order oneDNN ends or hangs the process at it, unless it is guarded as in a task."""
    found = outcome(by_name("channels_last"), [ModelCase(lambda channels: Thin(*channels))], {})
    assert found.state == "kept", found.reason


class Thin(nn.Module):
    """A network of somebody else with a strided 1x1 convolution of few channels."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(in_channels, 8, 1, stride=2)
        self.score = nn.ConvTranspose2d(8, out_channels, 2, stride=2)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of the size of the image."""
        height, width = image.shape[-2:]
        return self.score(self.narrow(image))[..., :height, :width]  # type: ignore[no-any-return]


def test_a_declared_exception_must_be_needed() -> None:
    case_ = ModelCase(lambda channels: Faulty(channels, lambda x: x))
    found = outcome(by_name("channels_last"), [case_], {"channels_last": "a reason that no longer holds"})
    assert found.state == "broken"
    assert "take it out of exceptions" in found.reason


def test_mistyped_name_shows_the_nearest(name: str) -> None:
    (line,) = unknown_names("train", [f"model={name}x"], [])
    assert line.startswith(f"model={name}x: no such option. Did you mean '{name}'?")
