"""What every task shares: scaling, optimiser, schedule, speed, the step of one or several ranks, the checkpoint."""

import copy
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Self

import torch
from torch import nn
from torch.optim import Optimizer

from segexp.config.checks.task_fit import unfit_target
from segexp.errors import MismatchError
from segexp.metrics.torch_metrics import TorchMetrics
from segexp.models.projection import guard_projections
from segexp.moved import warn_of_directions
from segexp.runs.checkpoint_format import STAMP
from segexp.spec import DataSpec, Direction, FigureSpec
from segexp.tasks.normalize import Normalize
from segexp.tasks.param_groups import ParamGroups
from segexp.tasks.schedule import Schedule
from segexp.tasks.speed import Speed
from segexp.tasks.steps.evaluation import EvaluationSteps
from segexp.tasks.steps.training import TrainingSteps
from segexp.tasks.test_figures import Measures
from segexp.windows.settings import Inference

MakeOptimizer = Callable[[Any], Optimizer]


class BaseTask(TrainingSteps, EvaluationSteps):
    """A network that learns; a subclass says what a batch counts for.

    It is complete when constructed: a section ``task`` of the config gives the keys of the subclass, and training gives
    all that stands below, which a subclass takes as ``**parts`` and hands on. A subclass writes
    :meth:`start_counting`, :meth:`count`, :meth:`figures` and :meth:`predictor_results`.

    Logged: ``train/loss`` and ``val/loss``, with ``/<term>`` for the terms of a sum: the mean over batches, weighted by
    their images; ``val/<figure>`` of all validation images; ``lr`` and ``seconds``.

    Attributes:
        figure_specs: Direction, label, unit and meaning of each figure that it logs of validation and test, by name.
            It is written out: it is read from the source, so that ``monitor`` is checked before torch is imported.
        target_forms: Forms of the targets that it learns from, see :class:`segexp.spec.Target`; empty: any. This and
            the next four are written out in the class, too: they are compared with the other parts before all else.
        model_form: Form of the outputs that it takes: ``mask``: for every pixel, ``label``: of whole images; None: any.
        loss_class: What the section ``loss`` has to give.
        unfit_loss: Class of losses that it cannot use though they are below ``loss_class``; None: none.
        takes_measures: Whether the costly measures of the section ``metric`` are of its kind of target.
        output_name: Name of what an exported file gives, see :meth:`deployed`; other than ``image``, that of its input.
        spec: Target, channels and scaling.
        inference: Whether validation and test see images whole or in windows.
        measures: Costly measures by name, taken at the test only.
        metrics: Measures of torchmetrics, taken at validation and test.
        trace: What the last training step computed; None once it was judged.
    """

    figure_specs: ClassVar[Mapping[str, FigureSpec]] = MappingProxyType({})
    target_forms: ClassVar[tuple[str, ...]] = ()
    model_form: ClassVar[str | None] = None
    loss_class: ClassVar[type[nn.Module]] = nn.Module
    unfit_loss: ClassVar[type[nn.Module] | None] = None
    takes_measures: ClassVar[bool] = False
    output_name: ClassVar[str] = "outputs"
    sharded = False
    """Whether each rank holds a part of the weights only."""

    def __init__(
        self,
        model: nn.Module,
        loss: nn.Module,
        spec: DataSpec,
        optimizer: MakeOptimizer,
        *,
        schedule: Schedule | None = None,
        speed: Speed | None = None,
        record: dict[str, Any] | None = None,
        inference: Inference | None = None,
        measures: Measures | None = None,
        metrics: TorchMetrics | None = None,
        shares: Callable[[int], Sequence[int]] | None = None,
        param_groups: ParamGroups | None = None,
        skips_nan: bool = False,
    ) -> None:
        """Ties the parts together.

        Args:
            model: Float image (B, C, H, W) to outputs with K channels.
            loss: Applied to these outputs and the target.
            spec: Target and scaling.
            optimizer: Makes the optimiser from the parameters.
            schedule: Learning-rate schedule; None: constant.
            speed: Faster settings in force.
            record: Plain values stored in each checkpoint, from which the model can be built again.
            inference: Windows of validation and test; None: the usual ones.
            measures: Costly measures by name, prepared for the data.
            metrics: Measures of torchmetrics, taken at validation and test.
            shares: On several ranks, how many samples each of them has of a batch of an epoch, by the batch's number.
            param_groups: Weights with another learning rate or decay; None: none.
            skips_nan: Whether steps are left out whose loss is not finite, so that means over an epoch are without it.
        """
        super().__init__()
        self.speed = speed or Speed()
        layout = torch.channels_last if self.speed.channels_last else torch.contiguous_format
        guard_projections(model)
        self.model = model.to(memory_format=layout)  # type: ignore[call-overload] # stubs know only the one form
        self.loss = loss
        self.spec = spec
        self.scale = Normalize(spec, channels_last=self.speed.channels_last)
        self.inference = inference or Inference()
        self.measures = measures or {}
        self.metrics = metrics or TorchMetrics()
        self._shares = shares
        self._optimizer = optimizer
        self._schedule = schedule
        self._param_groups = param_groups or ParamGroups()
        self._record = record or {}
        self._skips_nan = skips_nan
        if self.speed.compile:
            # In place: keys of the state dict stay those of the plain model.
            self.model.compile()

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Warns of a class that names its figures by their directions alone."""
        super().__init_subclass__(**keywords)
        warn_of_directions(cls)

    @classmethod
    def described_figures(cls) -> dict[str, FigureSpec]:
        """Each figure with direction, label, unit and meaning."""
        # {"mae": "min"}, which works until version 0.3.
        directions: Mapping[str, Direction] = getattr(cls, "directions", {})
        return {name: FigureSpec(way, name) for name, way in directions.items()} or dict(cls.figure_specs)

    @classmethod
    def adapted(cls, spec: DataSpec, **keys: Any) -> DataSpec:
        """The data's spec as a model is built for it; a task whose keys change the target says so here.

        Args:
            spec: Of the data.
            **keys: Of the section ``task``.
        """
        return spec

    @classmethod
    def check_target(cls, spec: DataSpec) -> None:
        """Compares the target of data that are to be learnt from with ``target_forms``.

        Raises:
            MismatchError: It is of none of these forms.
        """
        if cls.target_forms and spec.target.form not in cls.target_forms:
            raise MismatchError(unfit_target(f"{cls.__module__}.{cls.__qualname__}", cls.target_forms, spec))

    def twin(self) -> Self:
        """Another task of the same network, whose settings can differ; only for methods that give it."""
        other = copy.copy(self)
        # Modules are shared, the table that names them is not.
        other._modules = dict(self._modules)
        return other

    def with_measures(self, measures: Measures, metrics: TorchMetrics | None = None) -> Self:
        """Gives a task of the same network with other measures.

        Args:
            measures: Costly ones by name, prepared for the data.
            metrics: Those of torchmetrics; None: none.
        """
        other = self.twin()
        other.measures = measures
        other.metrics = metrics or TorchMetrics()
        return other

    def unlogged(self) -> Self:
        """Gives a task of the same network whose test is not logged: what reads its results writes them."""
        other = self.twin()
        other.logs_test = False
        return other

    # ---- checkpoint

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds config, data spec and state: all that is needed to build the model again; plain types only."""
        checkpoint["segexp"] = {**self._record, "spec": self.spec.to_dict(), **self.state(), **STAMP}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Takes the state that was reached with these weights."""
        self.take_state(checkpoint["segexp"])
