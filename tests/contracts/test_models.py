"""What every model in conf/model must do; a new YAML is found by itself."""

import inspect
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import get_class, instantiate
from torch import Tensor, nn

from segexp.errors import UserError
from segexp.models.sizes import same_size

CONF = Path(__file__).parents[2] / "conf"
NAMES = sorted(path.stem for path in (CONF / "model").glob("*.yaml"))
SHRINK = {"base": 4, "width": 4}  # keys that make a model small enough for a test
SIZES = [(32, 32), (33, 47), (64, 40), (37, 96)]
CHANNELS = [(3, 1), (1, 2), (4, 3)]


def make(name: str, channels: tuple[int, int] = (3, 1)) -> nn.Module:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose(overrides=[f"+model={name}"]).model
    keys = inspect.signature(get_class(config["_target_"])).parameters
    small = {key: value for key, value in SHRINK.items() if key in keys}
    torch.manual_seed(0)
    model: nn.Module = instantiate(config, in_channels=channels[0], out_channels=channels[1], **small)
    return model


def image(batch: int, channels: int, size: tuple[int, int], seed: int = 0) -> Tensor:
    return torch.randn(batch, channels, *size, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=NAMES)
def name(request: Any) -> str:
    return str(request.param)


def test_conf_has_models() -> None:
    assert len(NAMES) >= 3


def test_yaml_says_what_it_is_and_names_every_key(name: str) -> None:
    text = (CONF / "model" / f"{name}.yaml").read_text()
    assert text.startswith("# ")
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose(overrides=[f"+model={name}"]).model
    keys = set(inspect.signature(get_class(config["_target_"])).parameters) - {"in_channels", "out_channels"}
    assert set(config) - {"_target_"} == keys
    for key in keys:
        line = next(line for line in text.splitlines() if line.startswith(f"{key}:"))
        assert "#" in line, f"{key} has no comment"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", CHANNELS)
def test_logits_have_the_size_of_the_image(name: str, size: tuple[int, int], channels: tuple[int, int]) -> None:
    model = make(name, channels).eval()
    with torch.no_grad():
        logits = same_size(model, image(2, channels[0], size))
    assert logits.shape == (2, channels[1], *size)
    assert logits.dtype == torch.float32


@pytest.mark.parametrize("bf16", [False, True])
def test_gradient_reaches_every_parameter(name: str, bf16: bool) -> None:
    model = make(name).train()
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        logits = same_size(model, image(2, 3, (33, 40)))
    assert torch.isfinite(logits).all()
    logits.float().square().mean().backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key


def test_bf16_is_near_float32(name: str) -> None:
    model = make(name).eval()
    batch = image(2, 3, (33, 40))
    with torch.no_grad():
        exact = same_size(model, batch)
        with torch.autocast("cpu", torch.bfloat16):
            rough = same_size(model, batch).float()
    # The mean: rounding moves single maxima to a neighbour, and index unpooling with them.
    assert (rough - exact).abs().mean() < 0.02 * exact.abs().mean()


def test_channels_last_changes_nothing(name: str) -> None:
    model = make(name).eval()
    batch = image(2, 3, (33, 40))
    with torch.no_grad():
        plain = same_size(model, batch)
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        last = same_size(model, batch.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(last, plain, rtol=1e-4, atol=1e-5)


def test_state_dict_round_trip_is_exact(name: str, tmp_path: Path) -> None:
    model, batch = make(name).eval(), image(1, 3, (33, 40))
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    other = make(name).eval()
    for parameter in other.parameters():
        nn.init.zeros_(parameter)
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    with torch.no_grad():
        assert torch.equal(same_size(model, batch), same_size(other, batch))


def test_images_of_a_batch_do_not_see_each_other(name: str) -> None:
    model, batch = make(name).eval(), image(3, 3, (33, 40))
    with torch.no_grad():
        together = same_size(model, batch)
        alone = torch.cat([same_size(model, one) for one in batch.split(1)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [(32, 48), (33, 47)])
def test_export_gives_the_same(name: str, size: tuple[int, int]) -> None:
    model, batch = make(name).eval(), image(1, 3, size)
    exported = torch.export.export(model, (batch,)).module()
    with torch.no_grad():
        torch.testing.assert_close(exported(batch), model(batch), rtol=1e-4, atol=1e-5)


def test_too_small_an_image_is_refused_by_name(name: str) -> None:
    with pytest.raises(UserError, match="1x1"):
        make(name).eval()(image(1, 3, (1, 1)))
