"""The test of a LightningModule by what it logs, as results.json and per_image.csv hold it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.utilities.model_helpers import is_overridden

from segexp.config.experiment import Experiment
from segexp.config.lineage import definition
from segexp.config.signatures.declared_figures import written_figures
from segexp.config.signatures.plain_lightning import direction_of_words
from segexp.evaluation.results import figure_texts
from segexp.evaluation.tester import build_tester
from segexp.runs.entries import LOGGED
from segexp.runs.folder import RunFolder
from segexp.spec import FigureSpec
from segexp.training.distributed.plan import own_device
from segexp.training.plain.partial import describe_test

Logged = Mapping[str, float]
_LOADER = re.compile(r"/dataloader_idx_(\d+)$")


def test_logged(
    experiment: Experiment,
    folder: RunFolder,
    module: pl.LightningModule,
    datamodule: pl.LightningDataModule,
    best: Mapping[str, Any],
    notes: Iterable[str] = (),
    training: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """Tests the restored weights with Lightning's own loop, writes results.json and per_image.csv, gives the former.

    Without a test the figures are those of the same weights on the validation data, and the results say so, as they
    do of ``notes`` and ``training``, which are entries of results.json on the training.
    """
    section = experiment.trainer
    limit = experiment.fitting.limit_test_batches
    tester = build_tester(section.accelerator, section.deterministic, own_device(section), limit, section.watchdog)
    tested = is_overridden("test_step", module) and is_overridden("test_dataloader", datamodule)
    run = tester.test if tested else tester.validate
    logged: Sequence[Logged] = run(module, datamodule=datamodule, verbose=False)
    part = "test" if tested else "val"
    loaders = [_figures(each, part, number) for number, each in enumerate(logged)]
    content = _content(experiment, loaders, best, part, specs_of(experiment.task_class, loaders))
    content |= training
    content["notes"] += [*notes, *describe_test(section, tester, part)]
    rows = [{"image": f"{part} data{number}", "row": "model", **figures} for number, figures in _numbered(loaders)]
    folder.write_json("results.json", content)
    folder.write_csv("per_image.csv", rows, as_it_is=True)
    return content


def _numbered(loaders: Sequence[Logged]) -> list[tuple[str, Logged]]:
    several = len(loaders) > 1
    return [(f" {number}" if several else "", figures) for number, figures in enumerate(loaders)]


def _figures(logged: Logged, part: str, number: int) -> dict[str, float]:
    """Figures of a loader without the name of the part and the number of the loader: ``test_loss`` as ``loss``.

    What is logged at the end of all loaders may have a number in its name, which is that of one of them.
    """
    found: dict[str, float] = {}
    numbers = {name: int(match[1]) if (match := _LOADER.search(name)) else -1 for name in logged}
    for name in sorted(logged, key=lambda name: numbers[name]):
        if numbers[name] in (-1, number):
            found[_LOADER.sub("", re.sub(rf"^{part}[_/]", "", name))] = float(logged[name])
    return found


def specs_of(task: str, loaders: Sequence[Logged]) -> dict[str, FigureSpec]:
    """Facts of the figures: by the module's ``figure_specs``, else the better direction by their names."""
    found = definition(task)
    written = (written_figures(found) if found is not None else None) or {}
    specs: dict[str, FigureSpec] = {}
    for name in dict.fromkeys(name for figures in loaders for name in figures):
        if name in written:
            specs[name] = written[name]
        elif (way := direction_of_words(name)) is not None:
            specs[name] = FigureSpec(way, name)
    return specs


def _content(
    experiment: Experiment,
    loaders: Sequence[Logged],
    best: Mapping[str, Any],
    part: str,
    specs: Mapping[str, FigureSpec],
) -> dict[str, Any]:
    several = len(loaders) > 1
    names = dict.fromkeys(name for figures in loaders for name in figures)
    dataset: dict[str, Any] = {
        name: {str(number): figures[name] for number, figures in enumerate(loaders) if name in figures}
        if several
        else loaders[0][name]
        for name in names
    }
    notes = [] if part == "test" else ["no test_step or no test_dataloader: the figures are of the validation data"]
    return {
        "kind": LOGGED,
        "task": {"datamodule": experiment.data_name, "where": f"all {part} data, as the LightningModule logs it"},
        "checkpoint": dict(best),
        "split": {"name": part},
        "averaging": {"dataset": "as the LightningModule logs it at the end of the epoch" + _by_loader(several)},
        **figure_texts(specs),
        "rows": [{"name": "model", "note": "", "dataset": dataset, "image": {}, "interval": None}],
        "notes": notes,
    }


def _by_loader(several: bool) -> str:
    return "; one figure for each of its loaders, by number" if several else ""
