"""What run.json and the trackers say of a run when it starts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from segexp.config.experiment import Experiment
from segexp.evaluation.results import inference
from segexp.runs.folder import RunFolder
from segexp.training.estimate.run import RunEstimate
from segexp.training.loggers.tracking import RunFacts
from segexp.training.prepare import Prepared


def run_facts(prepared: Prepared, takes: RunEstimate) -> dict[str, Any]:
    """Gives what run.json says of a run when it starts; ``takes``: memory and disk."""
    experiment, datamodule, module = prepared.experiment, prepared.datamodule, prepared.module
    invocation = experiment.invocation
    return {
        **facts_of_start(experiment),
        "speed": vars(module.speed),
        **({} if experiment.trainer.precision is None else {"precision": experiment.trainer.precision}),
        "inference": {phase: inference(module, datamodule.items(phase)) for phase in ("val", "test")},
        "model": model_facts(invocation.choices.get("model", experiment.model["_target_"]), module.model),
        "loss": {"name": invocation.choices.get("loss", experiment.loss["_target_"]), **module.computed()},
        **({} if prepared.started_from is None else {"init_from": dict(prepared.started_from.facts)}),
        "data": {"name": experiment.data_name, **datamodule.describe()},
        "estimate": takes.to_dict(),
    }


def facts_of_start(experiment: Experiment) -> dict[str, Any]:
    """Gives the name of a run, the command that started it and what it computes on, for run.json."""
    invocation = experiment.invocation
    return {
        "name": experiment.run_name,
        "seed": experiment.seed,
        "overrides": list(invocation.overrides),
        "choices": invocation.choices,
        "job": invocation.job,
        "device": torch.cuda.get_device_name() if experiment.device == "cuda" else experiment.device,
        "threads": torch.get_num_threads(),
        "ranks": experiment.ranks,
    }


def model_facts(name: str | None, model: nn.Module) -> dict[str, Any]:
    """Gives the name of a model with the number of its parameters and of those that are trained, for run.json."""
    sizes = [(weight.numel(), weight.requires_grad) for weight in model.parameters()]
    return {
        "name": name,
        "parameters": sum(size for size, _ in sizes),
        "trainable": sum(size for size, trained in sizes if trained),
    }


def tracked_facts(experiment: Experiment, folder: RunFolder, record: Mapping[str, Any]) -> RunFacts:
    """Gives what the loggers beside metrics.csv show of a run; ``record`` is the content of run.json."""
    invocation, model, git = experiment.invocation, record["model"], record["git"]
    return RunFacts(
        folder=folder.path,
        output_dir=Path(experiment.output_dir),
        name=" ".join(invocation.overrides) or None,
        group=invocation.sweep_dir.name if invocation.sweep_dir is not None else None,
        config=experiment.recorded(),
        monitor=experiment.monitor,
        direction=experiment.direction,
        goes_on_from=Path(experiment.resume).resolve().parent.parent if experiment.resume is not None else None,
        summary={
            "parameters": model["parameters"],
            "trainable_parameters": model["trainable"],
            "commit": git["commit"],
            "uncommitted_changes": git["dirty"],
            "segexp": record["versions"]["segexp"],
        },
    )
