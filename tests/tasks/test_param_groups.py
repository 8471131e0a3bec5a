"""Groups of the optimiser: rates by part, no decay for norms and biases, and schedules that respect both."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR

from segexp.errors import ConfigError
from segexp.models.segnet import SegNet
from segexp.models.segnet_shallow import SegNetShallow
from segexp.tasks.param_groups import ParamGroups
from segexp.tasks.schedule import Schedule

ADAMW = partial(torch.optim.AdamW, lr=0.01, weight_decay=0.1)


def shapes(group: dict[str, object]) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in group["params"]]  # type: ignore[attr-defined]


def test_an_encoder_has_its_own_rate_and_norms_no_decay() -> None:
    model = SegNet(3, 1, base=2)
    optimizer = ParamGroups({"encoder": 0.1}, norm_decay=False).optimizer(ADAMW, model)
    found = {(round(g["lr"], 6), g["weight_decay"]): g for g in optimizer.param_groups}
    assert list(found) == [(0.01, 0.1), (0.01, 0.0), (0.001, 0.1), (0.001, 0.0)]
    assert all(len(shape) == 4 for rate in (0.01, 0.001) for shape in shapes(found[rate, 0.1]))
    assert all(len(shape) == 1 for rate in (0.01, 0.001) for shape in shapes(found[rate, 0.0]))
    encoder = {id(weight) for weight in model.encoder.parameters()}
    slow = [weight for (rate, _), group in found.items() if rate == 0.001 for weight in group["params"]]
    assert {id(weight) for weight in slow} == encoder
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(list(model.parameters()))


def test_of_nested_parts_the_inner_counts_and_other_weights_come_along() -> None:
    model = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 3)), nn.Linear(3, 1))
    other = nn.Parameter(torch.zeros(1))
    optimizer = ParamGroups({"0": 0.5, "0.1": 2.0}).optimizer(ADAMW, model, [other])
    assert [(g["lr"], len(g["params"])) for g in optimizer.param_groups] == [(0.01, 3), (0.005, 2), (0.02, 2)]
    assert optimizer.param_groups[0]["params"][0] is other


def test_without_keys_there_is_nothing_to_do() -> None:
    assert ParamGroups().plain
    assert ParamGroups({"encoder": 1.0}).plain
    assert not ParamGroups({"encoder": 1.0}, norm_decay=False).plain


def test_schedules_multiply() -> None:
    """One cycle sets rates of its own: each group gets its share of the peak."""
    optimizer = ParamGroups({"encoder": 0.1}).optimizer(ADAMW, SegNetShallow(3, 1, base=2))
    cycle = Schedule(OneCycleLR, {"max_lr": 0.01, "total_steps": "auto", "pct_start": 0.25}, "step")
    built = cycle.build(optimizer, steps=8, epochs=1)
    rates = []
    for _ in range(8):
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        if len(rates) < 8:
            built.step()
    assert max(rate for rate, _ in rates) == pytest.approx(0.01)
    assert all(slow == pytest.approx(fast * 0.1) for fast, slow in rates)
    optimizer = ParamGroups({"encoder": 0.1}).optimizer(ADAMW, SegNetShallow(3, 1, base=2))
    cosine = Schedule(CosineAnnealingLR, {"T_max": "auto"}, "step").build(optimizer, steps=2, epochs=1)
    optimizer.step()
    cosine.step()
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.005, 0.0005])


def test_a_part_that_is_not_there_or_not_trained_is_refused() -> None:
    model = SegNet(3, 1, base=2, freeze_encoder=True)
    with pytest.raises(ConfigError, match=r"lr_factors\.head: SegNet has no part 'head'; its parts are encoder"):
        ParamGroups({"head": 2.0}).named_factors(model)
    with pytest.raises(ConfigError, match=r"lr_factors\.encoder: found 0\.1, but no weight of encoder is trained"):
        ParamGroups({"encoder": 0.1}).named_factors(model)
