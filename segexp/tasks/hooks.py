"""What a kind of task says of itself: its loss, what it counts, the figures that come of it, what outputs mean."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from torch import Tensor, nn

from segexp.data.base import ImageDataModule
from segexp.data.sampling.samples import Batch
from segexp.losses.base import TOTAL
from segexp.tasks.prediction import Prediction
from segexp.tasks.predictor_result import PredictorResult
from segexp.tasks.standalone import Standalone


class TaskHooks(Standalone):
    """Methods that a task writes (the abstract ones), or may write where it differs from the usual.

    Attributes:
        loss: Applied to outputs and target.
    """

    loss: nn.Module

    # ---- loss

    def computed(self) -> dict[str, Any]:
        """Values that the loss computed from the training images, plain and by key, for run.json."""
        return {}

    def target_of(self, batch: Batch) -> Tensor:
        """Gives what outputs are compared with: the ``target`` of the batch, unless a task makes another one of it."""
        return batch["target"]

    def loss_terms(self, outputs: Tensor, target: Tensor) -> dict[str, Tensor]:
        """The scalar to be minimised under ``total``, and what else of the loss is worth logging, by name."""
        return {TOTAL: self.loss(outputs, target)}

    def evaluation_loss_terms(self, outputs: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Terms of the loss of whole images, without a gradient; those of :meth:`loss_terms` unless a task differs."""
        return self.loss_terms(outputs, target)

    # ---- validation and test

    @abstractmethod
    def start_counting(self, phase: Literal["val", "test"]) -> None:
        """Forgets what was counted."""

    @abstractmethod
    def count(self, phase: Literal["val", "test"], outputs: Tensor, batch: Batch) -> None:
        """Counts a batch of whole images, each of which comes once.

        Args:
            phase: Validation or test.
            outputs: float32, as :meth:`evaluated` gives them.
            batch: With ``target``, and the numbers of the images (B,) under ``index``.
        """

    @abstractmethod
    def figures(self) -> dict[str, float | None]:
        """Figures of all validation images that were counted, by the names in ``figure_specs``; None: undefined."""

    def metric_inputs(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Inputs of torchmetrics' measures: predictions (B, ...) and targets (B, ...).

        Of data with classes these are probabilities (B, K, ...) and class numbers, of which
        :func:`segexp.metrics.torch_inputs.class_inputs` makes what each measure takes; else they are handed on.

        Args:
            outputs: float32, as :meth:`evaluated` gives them.
            batch: With its target.
        """
        return outputs, self.target_of(batch)

    @abstractmethod
    def predictor_results(self) -> Sequence[PredictorResult]:
        """The figures of the model after a test, first as it is used, then what is worth standing beside that."""

    def trivial_results(self, datamodule: ImageDataModule) -> Sequence[PredictorResult]:
        """Results of trivial predictors on the test images; they choose on training and validation images only."""
        return []

    def predictions(self, outputs: Tensor) -> Sequence[Prediction]:
        """Predictions for each image (B), of outputs as :meth:`evaluated` gives them; a task that has it is predicted.

        Raises:
            NotImplementedError: The task does not say.
        """
        raise NotImplementedError(f"{type(self).__name__} has no predictions")

    def deployed(self, outputs: Tensor) -> Tensor:
        """Outputs of an exported file, of outputs (B, K, ...): these, unless a task makes something else of them.

        Tensor operations alone, so that it becomes part of the graph.
        """
        return outputs

    # ---- checkpoint

    def state(self) -> dict[str, Any]:
        """State beside the weights that a trained model needs, in plain values; see :meth:`take_state`."""
        return {}

    def take_state(self, stored: Mapping[str, Any]) -> None:
        """Takes what :meth:`state` gave when the checkpoint was written."""
