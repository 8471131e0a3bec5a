"""The commands train, check, preview and lr_find; torch is imported once they are sure to need it."""

import json
from typing import Any

from segexp.config.composed import checked_train, checked_with_own
from segexp.config.experiment import Experiment
from segexp.errors import ConfigError
from segexp.invocation import Invocation
from segexp.system.imports import quick_imports
from segexp.system.posix import require_posix


def run_train(config: Any, invocation: Invocation) -> None:
    """Trains, tests and explains one experiment."""
    run_training(checked_train(config, invocation))


def run_training(experiment: Experiment) -> None:
    """Runs one experiment; torch is imported here, or in the ranks that it starts."""
    from segexp.training.distributed.plan import to_start

    if (ranks := to_start(experiment.trainer)) and experiment.plain_lightning:
        raise ConfigError(
            f"trainer.devices: found {experiment.trainer.devices}, but a LightningModule or LightningDataModule of "
            "your own trains in one process; use trainer.devices=1"
        )
    if ranks:
        from segexp.training.distributed.launch import launch

        _require_processes(experiment)
        launch(experiment, ranks)
        return
    from segexp.system.allocator import tune_allocator

    # Before torch takes its first large block, or the setting comes too late.
    allocator = tune_allocator(experiment.speed.allocator)
    if experiment.plain_lightning:
        with quick_imports():
            from segexp.training.plain.train import train_plain

        train_plain(experiment)
        return
    with quick_imports():
        from segexp.training.train import train_experiment

    train_experiment(experiment, allocator=allocator)


def _require_processes(experiment: Experiment) -> None:
    """Refuses several processes on a system that cannot start, signal and end them."""
    require_posix(f"trainer.devices={experiment.trainer.devices}", "train on one with trainer.devices=1")


def run_check(config: Any, invocation: Invocation) -> None:
    """Prints what a training would find."""
    from segexp.config.overrides.groups import ORDER
    from segexp.config.schema import CheckConfig
    from segexp.training.distributed.plan import to_start

    experiment, own = checked_with_own(config, CheckConfig, invocation)
    if to_start(experiment.trainer):
        _require_processes(experiment)
    if own.scope == "contracts":
        with quick_imports():
            from segexp.training.checks.contracts import check_contracts

        check_contracts(experiment, own.format)
        return
    chosen = {key: invocation.choices[key] for key in ORDER if invocation.choices.get(key, "None") != "None"}
    content: dict[str, Any] = {"ok": True, "problems": []}
    text = ""
    if own.scope != "config":
        with quick_imports():
            from segexp.training.checks.check import check

        content, text = check(experiment, full=own.full, scope=own.scope, probe=own.probe)
    if own.format == "json":
        print(json.dumps({"config": {**chosen, "monitor": experiment.monitor}, **content}))  # noqa: T201 - the answer
    else:
        words = ", ".join(f"{key}={value}" for key, value in chosen.items())
        line = f"{'config is valid' if content['ok'] else 'config'}: {words}; monitor {experiment.monitor}"
        print("\n\n".join(block for block in (text, line) if block))  # noqa: T201 - the command's answer
    if not content["ok"]:
        from segexp.training.checks.check import refused

        refused(content)


def run_preview(config: Any, invocation: Invocation) -> None:
    """Writes the contact sheet of training samples."""
    from segexp.config.schema import PreviewConfig

    experiment, own = checked_with_own(config, PreviewConfig, invocation)
    chosen = any(word.split("=", 1)[0].lstrip("+").split(".")[0] == "model" for word in invocation.overrides)
    from segexp.system.allocator import tune_allocator

    allocator = tune_allocator(experiment.speed.allocator)
    with quick_imports():
        from segexp.training.preview import preview

    step = chosen if own.step == "auto" else own.step
    print(preview(experiment, own, step=step, allocator=allocator))  # noqa: T201 - the answer


def run_lr_find(config: Any, invocation: Invocation) -> None:
    """Prints a learning rate that was found, with the word to add to the command."""
    from segexp.config.schema import LrFindConfig
    from segexp.system.allocator import tune_allocator

    experiment, own = checked_with_own(config, LrFindConfig, invocation)
    allocator = tune_allocator(experiment.speed.allocator)
    with quick_imports():
        from segexp.training.lr_find import lr_find

    print(lr_find(experiment, own, allocator=allocator))  # noqa: T201 - the answer
