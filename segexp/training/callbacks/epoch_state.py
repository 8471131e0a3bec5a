"""What an epoch has gathered so far, which Lightning keeps in no checkpoint: sums of figures, gradients, the clock."""

from collections.abc import Mapping, Sequence
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric.utilities import move_data_to_device
from torch import nn

from segexp.tasks.base import BaseTask
from segexp.training.callbacks.random_state import set_random_states
from segexp.training.loggers.epoch_table import EpochTable

_LOGGED = ("prog_bar", "logger", "on_step", "on_epoch", "enable_graph", "add_dataloader_idx")
"""Arguments of ``self.log`` under which Lightning's record of a figure has the same names."""


def epoch_state(trainer: pl.Trainer, module: pl.LightningModule) -> dict[str, Any]:
    """Gathers the state of one rank by which it goes on within an epoch, in plain types and tensors.

    Called between two batches.
    """
    connector = trainer._logger_connector
    found = {
        "figures": list(_figures(trainer)),
        "measures": dict(_measures(trainer, module)),
        "gradients": _gradients(trainer, module),
        "callback_metrics": dict(connector._callback_metrics),
        "logged_metrics": dict(connector._logged_metrics),
        "seconds": module.epoch_seconds if isinstance(module, BaseTask) else 0.0,
        "table": [table.open_rows(trainer.current_epoch) for table in _tables(trainer)],
    }
    # Another rank would take them to the device that they came from.
    moved: dict[str, Any] = move_data_to_device(found, "cpu")
    return moved


def take_epoch_state(trainer: pl.Trainer, module: pl.LightningModule, states: Sequence[Mapping[str, Any]]) -> None:
    """Goes on within an epoch, on the rank that it is called on.

    Args:
        trainer: Before its first batch.
        module: With the weights of the checkpoint.
        states: Of :func:`epoch_state`, of each rank that there was; others are taken to have had the mean of their
            gradients, and the figures of the first.
    """
    same = trainer.world_size == len(states)
    own = states[trainer.global_rank if same else 0]
    connector = trainer._logger_connector
    connector._callback_metrics = dict(own["callback_metrics"])
    connector._logged_metrics = dict(own["logged_metrics"])
    # Else Lightning takes the next batch for the first of the epoch, and forgets the sums.
    connector._first_loop_iter = False
    for figure in own["figures"]:
        _take_figure(trainer, module, figure)
    for name, measure in own["measures"].items():
        _take_measure(module.get_submodule(name), measure)
    for name, weight in module.named_parameters():
        found = [state["gradients"][name] for state in ([own] if same else states) if name in state["gradients"]]
        if found:
            weight.grad = (found[0] if len(found) == 1 else torch.stack(found).mean(0)).to(weight.device)
    if isinstance(module, BaseTask):
        module.epoch_seconds = own["seconds"]
    for table, rows in zip(_tables(trainer), states[0]["table"], strict=False):
        table.reopen_rows(rows)
    if "random" in own and same:
        set_random_states(own["random"])


def _tables(trainer: pl.Trainer) -> list[EpochTable]:
    return [logger for logger in trainer.loggers if isinstance(logger, EpochTable)]


def _figures(trainer: pl.Trainer) -> Any:
    """Yields each figure that training has summed up: how it was logged, sum and weight."""
    for figure in trainer.fit_loop.epoch_loop._results.values():
        meta = figure.meta
        if figure.is_tensor and meta.on_epoch and not figure.has_reset:
            yield {
                **{name: getattr(meta, name) for name in ("fx", "name", "metric_attribute", *_LOGGED)},
                "reduce_fx": meta.reduce_fx.__name__,
                "sync_dist": meta.sync.should,
                "rank_zero_only": meta.sync.rank_zero_only,
                "value": figure.value,
                "weight": getattr(figure, "cumulated_batch_size", None),
            }


def _take_figure(trainer: pl.Trainer, module: pl.LightningModule, stored: Mapping[str, Any]) -> None:
    """Logs a figure as the module did, and puts the sum in its place."""
    results = trainer.fit_loop.epoch_loop._results
    arguments = {key: value for key, value in stored.items() if key not in ("value", "weight")}
    value = stored["value"].to(module.device)
    results.log(**arguments, value=torch.zeros_like(value), batch_size=1, sync_dist_fn=trainer.strategy.reduce)
    figure = results[f"{stored['fx']}.{stored['name']}"]
    figure.value = value
    if stored["weight"] is not None:
        figure.cumulated_batch_size = stored["weight"].to(module.device)


def _measures(trainer: pl.Trainer, module: pl.LightningModule) -> Any:
    """Yields name and state of each measure of torchmetrics that training logs as an object."""
    for figure in trainer.fit_loop.epoch_loop._results.values():
        if not figure.is_tensor and figure.meta.metric_attribute is not None:
            measure = module.get_submodule(figure.meta.metric_attribute)
            yield figure.meta.metric_attribute, {"states": measure.metric_state, "updates": measure._update_count}


def _take_measure(measure: Any, stored: Mapping[str, Any]) -> None:
    for name in measure.metric_state.keys() & stored["states"].keys():
        setattr(measure, name, _moved(stored["states"][name], measure.device))
    measure._update_count = stored["updates"]


def _moved(value: Any, device: torch.device) -> Any:
    return [each.to(device) for each in value] if isinstance(value, list) else value.to(device)


def _gradients(trainer: pl.Trainer, module: nn.Module) -> dict[str, torch.Tensor]:
    """Gradients that wait for more batches before a step; none right after one."""
    waits = trainer.fit_loop._should_accumulate() or not trainer.lightning_module.automatic_optimization
    return {n: w.grad for n, w in module.named_parameters() if w.grad is not None} if waits else {}
