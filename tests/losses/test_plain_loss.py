"""Losses of torch.nn on the valid pixels: values are those of the class called directly, 255 has no part."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segexp.config.checks.tree import check_config
from segexp.config.schema import TrainConfig
from segexp.config.signatures.tensor_keys import is_tensor, tensor_keys, with_tensors
from segexp.errors import ConfigError, MismatchError
from segexp.inspection.contracts.losses import PROMISES, LossCase, batch, example_spec
from segexp.inspection.contracts.promise import outcome
from segexp.losses.bce import BCE
from segexp.losses.cross_entropy import CrossEntropy
from segexp.losses.dice import Dice
from segexp.losses.plain_loss import PlainLoss, as_segmentation_loss
from segexp.losses.weighted_sum import WeightedSum
from segexp.training.building.loss import build_loss
from tests.training.runs import composed


def rows(classes: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Logits and mask of a batch, and the valid pixels of both, (N, K) and (N,)."""
    logits, mask = batch(classes)
    valid = mask != 255
    return logits, mask, logits.permute(0, 2, 3, 1)[valid], mask[valid].long()


def built(name: str, **keys: Any) -> Any:
    return build_loss({"_target_": f"torch.nn.{name}", **keys}, example_spec(3))


DIRECT: list[tuple[str, dict[str, Any], int, Callable[[Tensor, Tensor], Tensor]]] = [
    ("CrossEntropyLoss", {}, 3, F.cross_entropy),
    ("CrossEntropyLoss", {"weight": [1, 2, 5], "label_smoothing": 0.1}, 3,
     lambda x, t: F.cross_entropy(x, t, torch.tensor([1.0, 2.0, 5.0]), label_smoothing=0.1)),
    ("CrossEntropyLoss", {}, 2, lambda x, t: F.binary_cross_entropy_with_logits(x[:, 0], t.float())),
    ("NLLLoss", {}, 3, F.cross_entropy),
    ("NLLLoss", {"weight": [1, 3]}, 2, lambda x, t: F.cross_entropy(F.pad(x, (1, 0)), t, torch.tensor([1.0, 3.0]))),
    ("MultiMarginLoss", {"margin": 0.5}, 3, lambda x, t: F.multi_margin_loss(x, t, margin=0.5)),
    ("BCEWithLogitsLoss", {"pos_weight": 3}, 2,
     lambda x, t: F.binary_cross_entropy_with_logits(x[:, 0], t.float(), pos_weight=torch.tensor(3.0))),
    ("BCEWithLogitsLoss", {"pos_weight": [1, 2, 3]}, 3,
     lambda x, t: F.binary_cross_entropy_with_logits(x, F.one_hot(t, 3).float(), pos_weight=torch.arange(1.0, 4))),
    ("BCELoss", {}, 2, lambda x, t: F.binary_cross_entropy(x[:, 0].sigmoid(), t.float())),
    ("MSELoss", {}, 3, lambda x, t: F.mse_loss(x.softmax(1), F.one_hot(t, 3).float())),
    ("L1Loss", {}, 2, lambda x, t: F.l1_loss(x[:, 0].sigmoid(), t.float())),
    ("HuberLoss", {"delta": 0.3}, 2, lambda x, t: F.huber_loss(x[:, 0].sigmoid(), t.float(), delta=0.3)),
    ("SmoothL1Loss", {"beta": 0.3}, 3,
     lambda x, t: F.smooth_l1_loss(x.softmax(1), F.one_hot(t, 3).float(), beta=0.3)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "keys", "classes", "direct"), DIRECT)
def test_values_are_those_of_the_class_called_on_the_valid_pixels(
    name: str, keys: dict[str, Any], classes: int, direct: Callable[[Tensor, Tensor], Tensor]
) -> None:
    logits, mask, pixels, numbers = rows(classes)
    loss = built(name, **keys)
    assert isinstance(loss, PlainLoss)
    torch.testing.assert_close(loss(logits, mask), direct(pixels, numbers))
    spoilt = torch.where((mask == 255).unsqueeze(1), torch.nan, logits)
    assert torch.equal(loss(spoilt, mask), loss(logits, mask))
    assert loss.state_dict() == {}, "weights belong to the config"


def test_the_usual_two_are_ours() -> None:
    logits, mask = batch(2)
    torch.testing.assert_close(built("BCEWithLogitsLoss")(logits, mask), BCE()(logits, mask))
    logits, mask = batch(3)
    torch.testing.assert_close(built("CrossEntropyLoss")(logits, mask), CrossEntropy()(logits, mask))


@pytest.mark.parametrize("name", ["CrossEntropyLoss", "BCEWithLogitsLoss", "NLLLoss"])
def test_the_promises_of_a_loss_are_kept(name: str) -> None:
    for promise in PROMISES:
        if promise.name != "half_precision":  # slow; the whole of it is tried of conf/loss/plain.yaml
            found = outcome(promise, [LossCase(lambda: built(name), classes) for classes in (2, 3)], {}, needed=True)
            assert found.state == "kept", f"{promise.name}: {found.reason}"


class Mine(nn.Module):
    """A loss of a user's own, of probabilities and one-hot targets."""

    def forward(self, likely: Tensor, truth: Tensor) -> Tensor:
        """Mean absolute difference."""
        return (likely - truth).abs().mean()


def test_what_a_loss_of_ones_own_takes_is_said_by_keys() -> None:
    logits, mask, pixels, numbers = rows(3)
    keys = {"predictions": "probabilities", "targets": "one_hot"}
    loss = build_loss(
        {"_target_": "segexp.losses.plain_loss.PlainLoss", "loss": {"_target_": f"{__name__}.Mine"}, **keys},
        example_spec(3),
    )
    torch.testing.assert_close(loss(logits, mask), F.l1_loss(pixels.softmax(1), F.one_hot(numbers, 3).float()))
    wrong = r"Mine does not take logits \(364, 3\) and targets \(364,\), a row for .*wrap it: docs"
    with pytest.raises(MismatchError, match=wrong):
        PlainLoss(Mine())(*batch(3))
    with pytest.raises(ConfigError, match=r"gives a Dice, expected a plain module"):
        PlainLoss(Dice())


def test_a_sum_takes_plain_terms() -> None:
    logits, mask = batch(3)
    plain: dict[str, Any] = {"ce": nn.CrossEntropyLoss(), "dice": Dice()}
    loss = WeightedSum(plain, {"ce": 1.0, "dice": 0.5})
    terms = loss.terms(logits, mask)
    torch.testing.assert_close(terms["ce"], CrossEntropy()(logits, mask))
    torch.testing.assert_close(terms["total"], terms["ce"] + 0.5 * terms["dice"])
    with pytest.raises(ConfigError, match=r"^loss.terms.a: .*Mine is neither a loss of segexp nor of .*; wrap it"):
        WeightedSum({"a": Mine()}, {"a": 1.0})  # type: ignore[dict-item]
    with pytest.raises(ConfigError, match=r"^loss.terms.x: a.b gives a int, expected a torch.nn.Module"):
        as_segmentation_loss(3, "loss.terms.x", "a.b")


def test_numbers_stand_for_tensors_where_the_source_has_one() -> None:
    assert tensor_keys("torch.nn.BCEWithLogitsLoss") == {"weight", "pos_weight"}
    assert tensor_keys("segexp.losses.bce.BCE") == tensor_keys("torch.nn.MSELoss") == frozenset()
    assert is_tensor("torch.nn.CrossEntropyLoss", "weight", [1, 2.5])
    assert not is_tensor("torch.nn.CrossEntropyLoss", "weight", ["a"])
    block = {"terms": {"ce": {"_target_": "torch.nn.CrossEntropyLoss", "weight": [1, 2]}}, "weights": {"ce": 1}}
    made = with_tensors(block)
    assert made["terms"]["ce"]["weight"] == {"_target_": "torch.tensor", "data": [1.0, 2.0]}
    assert made["weights"] == block["weights"]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"weight": ["a"]}, r"^loss.weight: found \['a'\]"),
        ({"weigth": [1, 2]}, "^loss.weigth: no such key. Did you mean 'loss.weight'"),
        ({"label_smoothing": "x"}, "^loss.label_smoothing: found 'x', expected a number"),
    ],
)
def test_keys_of_a_plain_loss_are_checked_without_torch(keys: dict[str, Any], message: str) -> None:
    plain, section = composed().plain(), {"_target_": "torch.nn.CrossEntropyLoss"}
    check_config({**plain, "loss": {**section, "weight": [1, 2]}}, TrainConfig)
    with pytest.raises(ConfigError, match=message):
        check_config({**plain, "loss": {**section, **keys}}, TrainConfig)
