"""The commands train, check, preview and lr_find; torch is imported once they are sure to need it."""

import json
from typing import Any

from segexp.config.composed import checked_train, checked_with_own
from segexp.config.experiment import Experiment
from segexp.config.schema import CheckConfig, PreviewConfig
from segexp.errors import ConfigError, Interrupted, SegexpError
from segexp.invocation import Invocation
from segexp.runs.text import readable
from segexp.system.imports import quick_imports
from segexp.system.posix import require_posix
from segexp.system.signals import STOPPING, exit_code, is_stopping, stopped_in_order


def run_train(config: Any, invocation: Invocation) -> None:
    """Trains, tests and explains one experiment."""
    run_training(checked_train(config, invocation))


def run_training(experiment: Experiment) -> None:
    """Runs one experiment; torch is imported here, or in the ranks that it starts.

    Raises:
        Interrupted: A signal asked to end.
    """
    from segexp.training.distributed.plan import to_start

    if to_start(experiment.trainer):
        # The process beside the ranks passes signals on.
        _run_training(experiment)
        return
    # A sweep passes on Ctrl-C, and ends its jobs itself after all else.
    with stopped_in_order(STOPPING if experiment.invocation.sweep_dir is None else ("SIGINT",)):
        try:
            _run_training(experiment)
        except (KeyboardInterrupt, Exception) as error:
            # A library that is broken off in the middle may make an error of another kind of it.
            if isinstance(error, SegexpError) or not (isinstance(error, KeyboardInterrupt) or is_stopping()):
                raise
            raise Interrupted(_before(experiment.invocation), exit_code()) from error


def _before(invocation: Invocation) -> str:
    """What is said of a training that was interrupted before it had a run folder of its own."""
    if invocation.goes_on:
        return f"interrupted before it went on; {invocation.folder} is as it was"
    return "interrupted before there was a run folder; nothing was written"


def _run_training(experiment: Experiment) -> None:
    from segexp.training.distributed.plan import check_plain_ranks, to_start

    if experiment.invocation.goes_on:
        from segexp.training.resuming.in_place import what_is_left

        left = what_is_left(experiment)
        if left is None:
            return
        experiment = left
    from segexp.training.checks.places import refuse_missing_places

    refuse_missing_places(experiment)
    check_plain_ranks(experiment)
    if ranks := to_start(experiment.trainer):
        _require_processes(experiment)
        from segexp.training.distributed.launch import launch

        launch(experiment, ranks)
    else:
        _train_here(experiment)


def _train_here(experiment: Experiment) -> None:
    """Trains in this process, alone or as one of the ranks."""
    from segexp.system.allocator import tune_allocator

    # Before torch takes its first large block, or the setting comes too late.
    allocator = tune_allocator(experiment.speed.allocator)
    _keep_threads(experiment.invocation.threads)
    if experiment.plain_lightning:
        with quick_imports():
            from segexp.training.plain.train import train_plain

        train_plain(experiment)
        return
    with quick_imports():
        from segexp.training.train import train_experiment

    train_experiment(experiment, allocator=allocator)


def _keep_threads(threads: int | None) -> None:
    """Computes with as many threads as the run that is repeated or gone on with, on any machine."""
    if threads is not None:
        import torch

        torch.set_num_threads(threads)


def _require_processes(experiment: Experiment) -> None:
    """Refuses several processes on a system that cannot start, signal and end them."""
    require_posix(f"trainer.devices={experiment.trainer.devices}", "train on one with trainer.devices=1")


def run_check(config: Any, invocation: Invocation) -> None:
    """Prints what a training would find."""
    from segexp.training.distributed.plan import to_start

    experiment, own = checked_with_own(config, CheckConfig, invocation)
    if invocation.goes_on:
        from segexp.training.resuming.in_place import begun
        from segexp.training.resuming.own_folder import refuse_owned

        refuse_owned(invocation)
        experiment = begun(experiment)
    if own.scope in ("data", "all"):
        from segexp.training.checks.places import refuse_missing_places

        refuse_missing_places(experiment, only_data=own.scope == "data")
    if to_start(experiment.trainer):
        _require_processes(experiment)
    if own.scope == "contracts":
        with quick_imports():
            from segexp.training.checks.contracts import check_contracts

        check_contracts(experiment, own.format)
        return
    content, text = _checked(experiment, own)
    _print_check(experiment, own.format, content, text)
    if not content["ok"]:
        from segexp.training.checks.check import refused

        refused(content)


def _checked(experiment: Experiment, own: CheckConfig) -> tuple[dict[str, Any], str]:
    """What was found, in plain values and as text; with ``scope=config`` nothing but the config is looked at."""
    if own.scope not in ("data", "all"):
        return {"ok": True, "problems": []}, ""
    with quick_imports():
        from segexp.training.checks.check import check

    return check(experiment, full=own.full, scope=own.scope, probe=own.probe)


def _print_check(experiment: Experiment, form: str, content: dict[str, Any], text: str) -> None:
    """Prints what was found, and which options were chosen."""
    from segexp.config.overrides.groups import ORDER

    choices = experiment.invocation.choices
    chosen = {key: choices[key] for key in ORDER if choices.get(key, "None") != "None"}
    if form == "json":
        print(json.dumps({"config": {**chosen, "monitor": experiment.monitor}, **content}))  # noqa: T201 - the answer
        return
    words = ", ".join(f"{key}={value}" for key, value in chosen.items())
    line = f"{'config is valid' if content['ok'] else 'config'}: {words}; monitor {experiment.monitor}"
    print(readable("\n\n".join(block for block in (text, line) if block)))  # noqa: T201 - the command's answer


def run_preview(config: Any, invocation: Invocation) -> None:
    """Writes the contact sheet of training samples."""
    experiment, own = checked_with_own(config, PreviewConfig, invocation)
    if experiment.plain_lightning:
        print(_plain_preview(experiment, own))  # noqa: T201 - the answer
        return
    from segexp.training.checks.places import refuse_missing_places

    refuse_missing_places(experiment, only_data=True)
    chosen = any(word.split("=", 1)[0].lstrip("+").split(".")[0] == "model" for word in invocation.overrides)
    from segexp.system.allocator import tune_allocator

    allocator = tune_allocator(experiment.speed.allocator)
    with quick_imports():
        from segexp.training.preview import preview

    step = chosen if own.step == "auto" else own.step
    print(readable(preview(experiment, own, step=step, allocator=allocator)))  # noqa: T201 - the answer


def _plain_preview(experiment: Experiment, own: PreviewConfig) -> str:
    """What the samples of a training with a LightningModule or LightningDataModule of the user's own are."""
    from segexp.config.checks.plain_parts import asked_in_vain
    from segexp.config.signatures.plain_lightning import has_own_data

    keys = ("images", "epochs", "workers", "step") if has_own_data(experiment.datamodule) else ("step",)
    if problems := list(asked_in_vain(keys, experiment.invocation.command)):
        raise ConfigError("\n".join(problems))
    with quick_imports():
        from segexp.training.plain.preview import preview_plain
        from segexp.training.preview import preview

    if has_own_data(experiment.datamodule):
        return preview_plain(experiment)
    return preview(experiment, own, step=False, allocator=False)


def run_lr_find(config: Any, invocation: Invocation) -> None:
    """Prints a learning rate that was found, with the word to add to the command."""
    from segexp.config.schema import LrFindConfig
    from segexp.system.allocator import tune_allocator
    from segexp.training.checks.places import refuse_missing_places

    experiment, own = checked_with_own(config, LrFindConfig, invocation)
    # Of a run to go on with it says that there is none, wherever it lies.
    refuse_missing_places(experiment, only_data=experiment.resumes)
    allocator = tune_allocator(experiment.speed.allocator)
    with quick_imports():
        from segexp.training.lr_find import lr_find

    print(readable(lr_find(experiment, own, allocator=allocator)))  # noqa: T201 - the answer
