"""What every model in conf/model must do; a new YAML is found by itself, and each choice of its Literal keys."""

import functools
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from hydra.utils import get_class
from torch import Tensor, nn

from segexp.cli.hydra_errors import unknown_names
from segexp.errors import UserError
from segexp.inspection.rows import InputSetting, build_on_meta, measure_model
from segexp.models.auxiliary import Supervised
from segexp.models.contracts import CONTRACTS, exceptions_of
from segexp.models.sizes import same_size
from tests.contracts.small_models import (
    CONF,
    DISTINCT,
    NAMES,
    assert_near,
    image,
    kept,
    literal_keys,
    logits_of,
    make,
    section,
    unless_extra,
)

GIVEN = {"in_channels", "out_channels"}
# Image and channels (C, K): even, odd and not square, one and more logits.
SIZES = [((32, 32), (3, 1)), ((33, 47), (1, 2)), ((64, 40), (4, 3)), ((37, 96), (3, 1))]
EXPORTED_WITH, OTHERS = (2, 3, 64, 80), [(1, 3, 96, 72), (3, 3, 75, 107)]


@pytest.fixture(params=NAMES)
def name(request: Any) -> str:
    return str(request.param)


def test_conf_has_models() -> None:
    assert len(NAMES) >= 3


def test_yaml_says_what_it_is_and_names_every_key(name: str) -> None:
    text = (CONF / "model" / f"{name}.yaml").read_text()
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
    stated = re.search(r"([\d,]+) parameters", (CONF / "model" / f"{name}.yaml").read_text().splitlines()[0])
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


@pytest.mark.parametrize(("size", "channels"), SIZES)
def test_logits_have_the_size_of_the_image(name: str, size: tuple[int, int], channels: tuple[int, int]) -> None:
    model = make(name, channels)

    def check() -> None:
        logits = logits_of(model, image(2, channels[0], *size))
        assert logits.shape == (2, channels[1], *size)
        assert logits.dtype == torch.float32

    kept(model, "any_size", check)


def train_step(model: nn.Module, batch: Tensor, *, bf16: bool) -> None:
    """Forward and backward in training mode, with all outputs in the loss; every trained weight has a gradient."""
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        outputs = same_size(model.train(), batch)
    supervised = outputs if isinstance(outputs, Supervised) else Supervised(outputs, (), ())
    assert len(supervised.auxiliary) == len(supervised.weights)
    every = [supervised.logits, *supervised.auxiliary]
    for logits in every:
        assert logits.shape == (batch.shape[0], 1, *batch.shape[-2:])
        assert torch.isfinite(logits).all()
    sum(logits.float().square().mean() for logits in every).backward()  # type: ignore[union-attr]
    trained = {key: parameter for key, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained
    for key, parameter in trained.items():
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gradient_reaches_every_trained_weight(name: str, bf16: bool, layout: torch.memory_format) -> None:
    model = make(name).to(memory_format=layout)  # type: ignore[call-overload]
    train_step(model, image(2, 3, 33, 40).contiguous(memory_format=layout), bf16=bf16)


def test_bf16_is_near_float32(name: str) -> None:
    model, batch = make(name), image(2, 3, 33, 40)
    exact = logits_of(model, batch)
    with torch.autocast("cpu", torch.bfloat16):
        rough = logits_of(model, batch).float()
    # The mean: rounding moves single maxima to a neighbour, and index unpooling with them. It grows with the depth:
    # 0.4 % a convolution, measured up to 9 % for the 26 of SegNet.
    assert float((rough - exact).abs().mean()) < 0.1 * float(exact.abs().mean())


def test_channels_last_changes_nothing(name: str) -> None:
    model, batch = make(name), image(2, 3, 33, 40)
    plain = logits_of(model, batch)
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    last = logits_of(model, batch.contiguous(memory_format=torch.channels_last))
    assert_near(last, plain)


def test_state_dict_round_trip_is_exact(name: str, tmp_path: Path) -> None:
    model, batch = make(name), image(1, 3, 33, 40)
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    other = make(name)
    for parameter in other.parameters():
        nn.init.zeros_(parameter)
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    assert torch.equal(logits_of(model, batch), logits_of(other, batch))


@pytest.mark.parametrize("name", DISTINCT)
def test_compiled_model_keeps_keys_and_values(name: str) -> None:
    """With the plainest backend: what dynamo makes of the model, not the kernels of inductor."""
    model, batch = make(name), image(1, 3, 33, 40)
    keys, plain = list(model.state_dict()), logits_of(model, batch)
    torch.compiler.reset()
    model.compile(backend="eager")
    assert list(model.state_dict()) == keys
    assert_near(logits_of(model, batch), plain, 1e-5)


def test_images_of_a_batch_do_not_see_each_other_and_nothing_is_random(name: str) -> None:
    model, batch = make(name), image(3, 3, 33, 40)
    together = logits_of(model, batch)
    assert torch.equal(logits_of(model, batch), together)
    alone = torch.cat([logits_of(model, one) for one in batch.split(1)])
    assert_near(together, alone)


class SameSize(nn.Module):
    """A model with the border that it asks for, as it is exported."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> Tensor | Supervised:
        return same_size(self.model, image)


def exported(model: nn.Module) -> torch.export.ExportedProgram:
    free = torch.export.Dim.DYNAMIC
    return torch.export.export(
        SameSize(model).eval(), (image(*EXPORTED_WITH),), dynamic_shapes=({0: free, 2: free, 3: free},)
    )


@functools.cache
def exported_by_name(name: str) -> torch.export.ExportedProgram:
    return exported(make(name))


def agrees(run: Callable[[Tensor], Tensor], model: nn.Module) -> None:
    for shape in OTHERS:
        assert_near(run(image(*shape)), logits_of(model, image(*shape)))


@pytest.mark.parametrize("name", DISTINCT)
def test_exported_program_takes_other_sizes(name: str) -> None:
    model = make(name)
    kept(model, "torch_export", lambda: agrees(exported_by_name(name).module(), model))


@pytest.mark.parametrize("name", DISTINCT)
def test_onnx_takes_other_sizes(name: str, tmp_path: Path) -> None:
    model = make(name)

    def check() -> None:
        file = tmp_path / "model.onnx"
        torch.onnx.export(exported_by_name(name), (), str(file), dynamo=True, verbose=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        (given,) = session.get_inputs()
        agrees(lambda batch: torch.from_numpy(session.run(None, {given.name: batch.numpy()})[0]), model)

    kept(model, "onnx", check)


@pytest.mark.parametrize(("name", "key", "choice"), literal_keys())
def test_every_choice_trains_and_exports(name: str, key: str, choice: Any) -> None:
    keys = {key: choice}
    train_step(make(name, **keys), image(2, 3, 33, 40), bf16=False)
    model = make(name, **keys)
    kept(model, "torch_export", lambda: agrees(exported(model).module(), model))


def test_too_small_an_image_is_refused_by_name(name: str) -> None:
    model = make(name).eval()
    with pytest.raises(UserError, match="1x1"):
        same_size(model, image(1, 3, 1, 1))


class Promises(nn.Module):
    exceptions = {"onnx": "a reason that no longer holds"}  # noqa: RUF012 - as a user writes it


def test_a_declared_exception_must_be_needed() -> None:
    def failing() -> None:
        raise RuntimeError

    with pytest.raises(pytest.xfail.Exception, match="a reason"):
        kept(Promises(), "onnx", failing)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        kept(Promises(), "onnx", lambda: None)
    with pytest.raises(RuntimeError):
        kept(Promises(), "torch_export", failing)


def test_mistyped_name_shows_the_nearest(name: str) -> None:
    (line,) = unknown_names("train", [f"model={name}x"], [])
    assert line.startswith(f"model={name}x: no such option. Did you mean '{name}'?")
