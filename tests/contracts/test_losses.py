"""What every loss in conf/loss must do; a new YAML is found by itself."""

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import Tensor

from segexp.config.overrides.groups import groups
from segexp.config.paths import conf_dir
from segexp.errors import MismatchError
from segexp.inspection.contracts.losses import PROMISES, LossCase, batch, example_spec, loss_cases
from segexp.inspection.contracts.promise import outcome
from segexp.losses.base import SegmentationLoss
from segexp.losses.weighted_sum import WeightedSum
from segexp.spec import DataSpec

# A loss of images (loss=mse) is one of torch's own, and promises nothing of masks.
NAMES = [option.name for option in groups()["loss"] if option.name != "mse"]


@functools.cache
def config(name: str) -> Any:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return OmegaConf.to_container(compose(overrides=[f"+loss={name}"]).loss, resolve=True)


def make(name: str) -> SegmentationLoss:
    loss = instantiate(config(name), _convert_="all")
    assert isinstance(loss, SegmentationLoss)
    return loss


def fitting(name: str) -> list[LossCase]:
    return loss_cases(functools.partial(make, name))


CASES = [pytest.param(name, case.classes, id=f"{name}-{case.classes}") for name in NAMES for case in fitting(name)]


def test_every_loss_is_tried() -> None:
    assert {str(case.values[0]) for case in CASES} == set(NAMES)
    assert len(NAMES) >= 5


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.name)
def test_every_promise_is_kept(name: str, promise: Any) -> None:
    loss = make(name)
    # A sum names what its terms are excused from; another term may make up for it.
    needed = not isinstance(loss, WeightedSum)
    found = outcome(promise, fitting(name), loss.exceptions, needed=needed)
    assert found.state in ("kept", "excused"), found.reason


@pytest.mark.parametrize("name", NAMES)
def test_exceptions_name_promises(name: str) -> None:
    assert make(name).exceptions.keys() <= {promise.name for promise in PROMISES}


@pytest.mark.parametrize("name", NAMES)
def test_a_misfit_names_classes_and_another_loss(name: str) -> None:
    fitting_classes = {case.classes for case in fitting(name)}
    for classes in {2, 3} - fitting_classes:
        with pytest.raises(MismatchError, match=r"(a, b).* use loss=") as caught:
            make(name).check(example_spec(classes))
        assert f"the data has {classes}" in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_a_loss_goes_into_a_checkpoint(name: str) -> None:
    loss = make(name)
    # Nor is anything taken from the training data without being asked.
    loss.set_counts(torch.ones(1, 3, dtype=torch.int64), example_spec(3))
    assert (loss.needs_counts, loss.resolved(), len(loss.state_dict())) == (False, {}, 0)
    text = (conf_dir() / "loss" / f"{name}.yaml").read_text()
    assert text.startswith("# ")


@pytest.mark.parametrize("name", NAMES)
def test_the_docstring_says_activation_and_absent_classes(name: str) -> None:
    text = type(make(name)).__doc__ or ""
    assert "Activation: " in text
    assert "absent" in text


class Wrong(SegmentationLoss):
    """A loss with one fault, which its check must find."""

    def __init__(self, fault: Callable[[Tensor, Tensor], Tensor], **exceptions: str) -> None:
        super().__init__()
        self.fault = fault
        self.exceptions = exceptions

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        """The loss."""
        return self.fault(logits, mask)

    def check(self, spec: DataSpec) -> None:
        """Fits all classes."""


def plain(logits: Tensor, mask: Tensor) -> Tensor:
    """Mean over all pixels, the ignored ones too."""
    return logits.float().square().mean()


@pytest.mark.parametrize(
    ("name", "fault", "words"),
    [
        ("scalar", lambda x, y: x.float().square(), r"found shape \(4, 1, 9, 13\), expected a scalar; take the mean"),
        ("scalar", lambda x, y: x.double().square().mean(), "float64, expected float32; begin with logits.float"),
        ("ignored", plain, "under ignored pixels change the value, expected no change; leave pixels out"),
        ("confident", lambda x, y: x.float().exp().sum(), "the value inf of logits of size 10000"),
        ("all_ignored", plain, "of a mask that is all ignored, expected exactly 0"),
        ("gradient", lambda x, y: (0 * x.float()).sum(), "a gradient of 0 everywhere"),
        ("repeatable", lambda x, y: (x.float() * torch.rand_like(x)).sum(), "another value or gradient"),
        ("good_below_bad", plain, "expected rising ones"),
        ("absent", lambda x, y: x[y.unsqueeze(1) == 1].log().mean(), "finite"),
        ("scalar", lambda x, y: x[:, 7].mean(), "it raises IndexError: index 7 is out of bounds"),
    ],
)
def test_a_broken_promise_is_told(name: str, fault: Any, words: str) -> None:
    promise = next(promise for promise in PROMISES if promise.name == name)
    found = outcome(promise, loss_cases(lambda: Wrong(fault)), {})
    assert found.state == "broken"
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(found.reason)


def test_an_exception_must_be_needed_and_excuses() -> None:
    promise = next(promise for promise in PROMISES if promise.name == "pixel_order")
    kept = outcome(promise, fitting("ce"), {"pixel_order": "a reason that no longer holds"})
    assert kept.state == "broken"
    assert "take it out of exceptions" in kept.reason
    excused = outcome(promise, fitting("boundary"), make("boundary").exceptions)
    assert excused.state == "excused"
    assert excused.reason == make("boundary").exceptions["pixel_order"]


def test_batches_are_partly_ignored() -> None:
    _, mask = batch(3)
    assert mask[:, :2].eq(255).all()
