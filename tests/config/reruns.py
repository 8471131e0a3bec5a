"""Runs as ``from=`` meets them: composed by the command line, written as a training writes them, not trained."""

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from segexp.config.composed import checked_train
from segexp.invocation import Invocation

Config = dict[str, Any]
Compose = Callable[..., tuple[Config, Invocation]]


class Line:
    """Runs a command line up to the point where a training would begin."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found: list[tuple[Config, Invocation]] = []
        monkeypatch.setattr(sys, "argv", sys.argv[:1])
        monkeypatch.setattr("segexp.training.commands.run_train", self._take)
        # Of a sweep too, whose jobs would be planned otherwise.
        monkeypatch.setattr("segexp.sweeps.command.asks_for_sweep", lambda argv: False)

    def _take(self, config: Any, invocation: Invocation) -> None:
        self.found.append((checked_train(config, invocation).plain(), invocation))

    def jobs(self, *words: str) -> list[tuple[Config, Invocation]]:
        """What each job of a command line would train."""
        from segexp.cli.app import run

        self.found = []
        assert run([str(word) for word in words]) == 0
        return self.found

    def one(self, *words: str) -> tuple[Config, Invocation]:
        (job,) = self.jobs(*words)
        return job

    def config(self, *words: str) -> Config:
        return self.one(*words)[0]

    def stored(self, folder: Path, *words: str, **settled: Any) -> Path:
        """The folder of a run with these words; ``settled`` keys of its data set were left to the data."""
        config, invocation = self.one(*words)
        return write(folder, config, invocation, **settled)


def write(folder: Path, config: Config, invocation: Invocation, **settled: Any) -> Path:
    """A run folder as version 0.1 writes it, as far as from= looks."""
    folder.mkdir(parents=True)
    chosen = invocation.choices
    name = config["name"] or "_".join(chosen.get(g) or "custom" for g in ("datamodule", "model", "loss"))
    whole = {**config, "name": name, "datamodule": {**config["datamodule"], **settled}}
    (folder / "config.yaml").write_text(yaml.safe_dump(whole, sort_keys=False, allow_unicode=True))
    record = {
        "command": shlex.join(invocation.command), "overrides": list(invocation.overrides), "choices": chosen,
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(record))
    return folder


def config_of(folder: Path) -> Config:
    content: Config = yaml.safe_load((folder / "config.yaml").read_text())
    return content


def change(folder: Path, key: str, value: Any) -> None:
    """As if the run had been made when a YAML said something else."""
    config = config_of(folder)
    *parents, last = key.split(".")
    node = config
    for parent in parents:
        node = node[parent]
    node[last] = value
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
