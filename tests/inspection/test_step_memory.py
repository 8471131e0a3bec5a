"""Memory of a training step, counted from shapes: against counts by hand."""

import pytest
import torch
from torch import Tensor, nn

from segexp.inspection.step_memory import LiveBytes, forward_memory, step_memory


def test_a_chain_of_two_convolutions() -> None:
    """What autograd keeps is the input of each convolution; the backward pass adds the gradient of one map."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.Conv2d(4, 1, 1, bias=False))
    pixels = 2 * 16 * 16 * 4
    image, features, logits = 3 * pixels, 4 * pixels, pixels
    weights = 4 * (4 * 3 * 9 + 4)
    found = step_memory(model, (2, 3, 16, 16))
    assert (found.saved, found.outputs) == (image + features + logits, logits)
    # Gradients of the logits, of the last weight and of its input come to what is kept.
    assert found.saved + logits + features <= found.peak <= found.saved + logits + features + weights
    assert forward_memory(model, (2, 3, 16, 16)) == image + features + logits
    assert step_memory(model, (4, 3, 16, 16)).saved == 2 * found.saved
    assert step_memory(model, (2, 3, 16, 16), torch.bfloat16).saved == found.saved // 2
    assert step_memory(model, (2, 3, 16, 16), reorders=True).peak > found.peak


def test_nothing_of_the_model_changes() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Conv2d(4, 1, 1))
    model[1].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state()
    step_memory(model, (2, 3, 16, 16))
    assert torch.equal(random, torch.get_rng_state())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert (model[0].training, model[1].training) == (True, False)
    assert all(weight.grad is None for weight in model.parameters())


def test_a_model_that_needs_values_says_so() -> None:
    class Looks(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return image if float(image.sum()) > 0 else -image

    with pytest.raises(RuntimeError):
        step_memory(Looks(), (2, 3, 4, 4))


def test_what_is_freed_counts_no_more() -> None:
    with LiveBytes() as live:
        first = torch.zeros(100)
        view = first[10:]
        assert live.now == 400
        del first, view
        second = torch.zeros(25)
        second += 1
    assert (live.now, live.peak) == (100, 400)
