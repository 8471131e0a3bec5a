"""The commands train, check and preview; torch is imported once they are sure to need it."""

import json
from typing import Any

from segexp.commands import OWN_KEYS
from segexp.config.checked import checked_train
from segexp.invocation import Invocation
from segexp.system.imports import quick_imports


def run_train(config: Any, invocation: Invocation) -> None:
    """Trains, tests and explains one experiment."""
    run_training(checked_train(config, command=invocation.command), invocation)


def run_training(plain: dict[str, Any], invocation: Invocation) -> None:
    """Runs one experiment from a checked and resolved config; torch is imported here, or in the ranks it starts."""
    from segexp.training.distributed.plan import to_start

    if ranks := to_start(plain["trainer"]):
        from segexp.training.distributed.launch import launch

        launch(plain, invocation, ranks)
        return
    from segexp.system.allocator import tune_allocator

    # Before torch takes its first large block, or the setting comes too late.
    allocator = tune_allocator(plain["speed"]["allocator"])
    with quick_imports():
        from segexp.training.train import train

    train(plain, invocation, allocator=allocator)


def run_check(config: Any, invocation: Invocation) -> None:
    """Prints what a training would find."""
    from segexp.config.groups import ORDER
    from segexp.config.schema import CheckConfig

    plain = checked_train(config, CheckConfig, invocation.command)
    own = {key: plain.pop(key, default) for key, default in OWN_KEYS["check"].items()}
    chosen = {key: invocation.choices[key] for key in ORDER if invocation.choices.get(key, "None") != "None"}
    told: dict[str, Any] = {"ok": True, "problems": []}
    text = ""
    if own["scope"] != "config":
        with quick_imports():
            from segexp.training.check import check

        told, text = check(plain, full=own["full"], scope=own["scope"])
    if own["format"] == "json":
        print(json.dumps({"config": {**chosen, "monitor": plain["monitor"]}, **told}))  # noqa: T201 - the answer
    else:
        words = ", ".join(f"{key}={value}" for key, value in chosen.items())
        line = f"{'config is valid' if told['ok'] else 'config'}: {words}; monitor {plain['monitor']}"
        print("\n\n".join(block for block in (text, line) if block))  # noqa: T201 - the command's answer
    if not told["ok"]:
        from segexp.training.check import refused

        refused(told)


def run_preview(config: Any, invocation: Invocation) -> None:
    """Writes the contact sheet of training samples."""
    from segexp.config.schema import PreviewConfig

    plain = checked_train(config, PreviewConfig, invocation.command)
    own = {key: plain.pop(key, default) for key, default in OWN_KEYS["preview"].items()}
    chosen = any(word.split("=", 1)[0].lstrip("+").split(".")[0] == "model" for word in invocation.overrides)
    from segexp.system.allocator import tune_allocator

    allocator = tune_allocator(plain["speed"]["allocator"])
    with quick_imports():
        from segexp.training.preview import preview

    step = chosen if own["step"] == "auto" else own["step"]
    print(preview(plain, own, invocation, step=step, allocator=allocator))  # noqa: T201 - the answer
