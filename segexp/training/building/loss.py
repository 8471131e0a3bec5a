"""Builds the loss of a task, and checks it against the classes of the data."""

from collections.abc import Callable

from hydra.utils import instantiate
from torch import Tensor, nn

from segexp.config.checks.task_fit import task_name
from segexp.config.schema import ObjectConfig
from segexp.config.signatures.tensor_keys import with_tensors
from segexp.errors import ConfigError, MismatchError
from segexp.losses.base import SegmentationLoss
from segexp.losses.plain_loss import as_segmentation_loss
from segexp.spec import DataSpec
from segexp.tasks.base import BaseTask
from segexp.training.building.constructor_errors import naming_section
from segexp.training.checks.config_trials import expect, trying


def build_any_loss(section: ObjectConfig, task: type[BaseTask]) -> nn.Module:
    """Builds the loss of a task that is no segmentation."""
    with naming_section("loss", section):
        loss: nn.Module = instantiate(with_tensors(section), _convert_="all")
        expect(loss, task.loss_class, "loss", f"a {task.loss_class.__module__}.{task.loss_class.__qualname__}")
        if task.unfit_loss is not None and isinstance(loss, task.unfit_loss):
            named, target = task_name(f"{task.__module__}.{task.__qualname__}"), str(section.get("_target_"))
            raise MismatchError(f"loss: {target.rpartition('.')[2]} compares classes, {named} does not: use loss=mse")
    return loss


def build_loss(
    section: ObjectConfig,
    spec: DataSpec,
    counts: Callable[[], Tensor] | None = None,
    kind: type[SegmentationLoss] = SegmentationLoss,
) -> SegmentationLoss:
    """Builds the loss of class numbers, of pixels or of whole images, and checks it against the classes of the data.

    Args:
        section: The block ``loss``.
        spec: Classes of the data.
        counts: Gives the pixels of the training images per image and class, int64 (N, C); called only where a weight
            is ``auto``.
        kind: What the task takes.
    """
    with naming_section("loss", section):
        built = instantiate(with_tensors(section), _convert_="all")
        loss = as_segmentation_loss(built, "loss._target_", str(section.get("_target_", "")))
        if not isinstance(loss, kind):
            found, expected = type(loss).__qualname__, f"a {kind.__module__}.{kind.__qualname__}"
            raise ConfigError(f"loss._target_: gives a {found}, expected {expected}: use loss=ce")
    with trying("loss", "its check(spec)"):
        loss.check(spec)
    if loss.one_logit and spec.out_channels != 1:
        raise MismatchError(
            f"loss: {type(loss).__name__} takes one logit, but models give {spec.out_channels}; for two classes set "
            "task.two_logits=false"
        )
    if counts is not None and loss.needs_counts:
        loss.set_counts(counts(), spec)
    return loss
