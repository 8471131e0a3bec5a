"""PlainLoss: a loss that knows nothing of ignored pixels, such as those of torch.nn, of the valid pixels alone."""

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segexp.config.checks.built_words import check_word
from segexp.errors import ConfigError, MismatchError
from segexp.losses.activations import two_logits
from segexp.losses.base import SegmentationLoss, another_loss
from segexp.losses.class_weights import ClassWeighted
from segexp.spec import IGNORED, DataSpec

Predictions = Literal["logits", "probabilities", "log_probabilities"]
Targets = Literal["numbers", "one_hot"]

FORMS: dict[str, tuple[Predictions, Targets]] = {
    "BCEWithLogitsLoss": ("logits", "one_hot"),
    "MultiLabelSoftMarginLoss": ("logits", "one_hot"),
    "BCELoss": ("probabilities", "one_hot"),
    "MSELoss": ("probabilities", "one_hot"),
    "L1Loss": ("probabilities", "one_hot"),
    "SmoothL1Loss": ("probabilities", "one_hot"),
    "HuberLoss": ("probabilities", "one_hot"),
    "NLLLoss": ("log_probabilities", "numbers"),
}
"""What losses of torch.nn compare; every other one takes logits and class numbers, as CrossEntropyLoss does."""


class PlainLoss(ClassWeighted):
    """Another loss, of a row of predictions and a target for each valid pixel: it never sees the others.

    Predictions are (N, K) of the N valid pixels of a batch, targets class numbers int64 (N,) or 0 and 1 as float32
    (N, K). With one logit x of two classes, numbers go with the logits (0, x), K = 2, so that they are compared as
    those of more classes are; one-hot targets go with x or its sigmoid alone, (N,). The mean, or what else the loss
    makes of the pixels, is its own matter. Without a valid pixel it is 0.

    Activation: none for logits, sigmoid (one logit) or softmax for probabilities. An absent class needs no rule where
    the loss is of single pixels.

    Args:
        loss: Of predictions and targets; a scalar.
        predictions: ``logits``, ``probabilities`` or their logarithms; ``auto``: as the losses of torch.nn take them,
            else logits.
        targets: Class ``numbers``, or ``one_hot``; ``auto``: likewise, else numbers.

    Raises:
        ConfigError: ``loss`` is no module.
    """

    def __init__(
        self,
        loss: nn.Module,
        predictions: Literal["auto", "logits", "probabilities", "log_probabilities"] = "auto",
        targets: Literal["auto", "numbers", "one_hot"] = "auto",
    ) -> None:
        if not isinstance(loss, nn.Module) or isinstance(loss, SegmentationLoss):
            found = type(loss).__qualname__
            raise ConfigError(f"loss.loss._target_: gives a {found}, expected a plain module, as torch.nn.BCELoss")
        check_word("predictions", predictions, Literal["auto", "logits", "probabilities", "log_probabilities"])
        check_word("targets", targets, Literal["auto", "numbers", "one_hot"])
        super().__init__(None)
        names = [base.__name__ for base in type(loss).__mro__]
        usual = next((FORMS[name] for name in names if name in FORMS), ("logits", "numbers"))
        self.predictions = usual[0] if predictions == "auto" else predictions
        self.targets = usual[1] if targets == "auto" else targets
        self.loss = loss
        for module in loss.modules():
            for name, buffer in list(module.named_buffers(recurse=False)):
                # Weights of the config, which belong into no checkpoint.
                module.register_buffer(name, buffer, persistent=False)

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        """The loss of logits (B, K, H, W) and mask uint8 (B, H, W), 255 ignored: a scalar.

        Raises:
            MismatchError: The loss does not take them.
        """
        if self.targets == "numbers" and logits.shape[1] == 1:
            logits = two_logits(logits)
        valid = mask != IGNORED
        rows = logits.permute(0, 2, 3, 1)[valid].float()
        if not len(rows):
            return rows.sum()
        with torch.autocast(logits.device.type, enabled=False):
            predicted, target = self._activated(rows), self._target(mask[valid], rows.shape[1])
            try:
                value: Tensor = self.loss(predicted, target)
            except (RuntimeError, ValueError, TypeError, IndexError, AttributeError) as error:
                raise self._misfit(predicted, target, error) from error
        return value

    def _activated(self, rows: Tensor) -> Tensor:
        """Predictions (N, K) of logits (N, K); of one logit with one-hot targets (N,)."""
        single = rows.shape[1] == 1
        match self.predictions:
            case "probabilities":
                rows = rows.sigmoid() if single else rows.softmax(dim=1)
            case "log_probabilities":
                rows = F.logsigmoid(rows) if single else rows.log_softmax(dim=1)
        return rows[:, 0] if single else rows

    def _target(self, numbers: Tensor, channels: int) -> Tensor:
        """Targets of class numbers (N,)."""
        if self.targets == "numbers":
            return numbers.long()
        if channels == 1:
            return numbers.float()
        return F.one_hot(numbers.long(), channels).float()

    def _misfit(self, predicted: Tensor, target: Tensor, error: Exception) -> MismatchError:
        kind = type(self.loss)
        return MismatchError(
            f"loss: {kind.__qualname__} does not take {self.predictions} {tuple(predicted.shape)} and targets "
            f"{tuple(target.shape)}, a row for each valid pixel: {' '.join(str(error).split())}; "
            f"{another_loss(f'{kind.__module__}.{kind.__qualname__}')}"
        )

    def check(self, spec: DataSpec) -> None:
        """Fits any number of classes."""


def as_segmentation_loss(built: Any, key: str, target: str) -> SegmentationLoss:
    """Gives what a key built as a loss of masks: any other module of the valid pixels alone.

    Args:
        built: A loss.
        key: For example ``loss._target_``.
        target: What the key names.

    Raises:
        ConfigError: It is no module; the message says what to do.
    """
    if isinstance(built, SegmentationLoss):
        return built
    if isinstance(built, nn.Module):
        return PlainLoss(built)
    raise ConfigError(
        f"{key}: {target or type(built).__name__} gives a {type(built).__name__}, expected a torch.nn.Module of "
        f"predictions and targets; {another_loss(target)}"
    )
