"""The page docs/reproduction.md, from run folders alone: each system's reference figure beside what was reached here.

    python -m benchmarks.reproduction outputs out=docs/reproduction.md

Takes run folders, folders above them, or globs. Runs of one preset that differ in nothing but seed and fold are one
row; runs that were trained otherwise are rows of their own, and their command says how. Reference figures come from the
preset; beside them stands the chief figure of the task. No path of the machine gets onto the page: data lies in
data/<name> there.
"""

import dataclasses
import re
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir

from segexp.config.composed import checked_train
from segexp.config.experiment import Experiment
from segexp.config.paths import conf_dir
from segexp.evaluation.references import reference_entries
from segexp.report.markdown import escape_text, format_code
from segexp.report.values import ABSENT, format_measure
from segexp.runs.contents import RunContents
from segexp.runs.entries import get_in, rows_of, task_kind
from segexp.runs.find import find_runs

SYSTEMS = {
    "drive_shallow_segnet": "1 vessels in three classes, shallow SegNet",
    "drive_shallow_segnet_tuned": "1, trained better",
    "inria_cunet_bce": "2 buildings, compact U-Net, BCE",
    "inria_cunet_bce_jaccard": "2, BCE and Jaccard",
    "arrays_fcn8s_vgg16": "3 FCN-8s on VGG16",
    "mnist_cae": "4 autoencoder of digits",
    "mnist_cae_tuned": "4, trained better",
    "allidb_cam": "5 white cells, class activation maps",
    "allidb_cam_tuned": "5, trained better",
    "cells_from_cam": "5, masks from class labels alone",
    "salt_unet": "6 U-Net for salt bodies",
    "drive_segnet": "7 SegNet",
    "cifar_minigooglenet": "7 MiniGoogLeNet",
    "folder_deeplabv3": "7 DeepLab-V3",
    "drive_wnet": "8 vessels, W-Net",
    "drive_cunet": "8, compact U-Net",
}
"""Presets by the numbers of their systems."""

CHIEF = {"segmentation": "test/miou", "classification": "test/accuracy", "reconstruction": "test/mse"}
"""What a reader asks for first, by task."""

HEAD = """# The classic systems, reproduced

Made by `python -m benchmarks.reproduction <run folders>` from what runs wrote down; [the presets](models.md#presets)
says what each of them is. Figures of the test are of the test images at the checkpoint that validation chose, with
their 95 % interval over images; of several runs, mean and standard deviation over seeds and folds. Figures of the
training are those of the first and the last epoch. Minutes are of a shared machine. Data that is *drawn* stands in for
images that were not at hand: such a figure speaks of nothing else.

| system | preset | figure | reference | here | data | epochs | minutes |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""
UNTOLD = ("output_dir", "resume", "trainer.progress", "name", "sweep.jobs", "panels", "bootstrap", "datamodule.cache")
"""Keys that change no figure."""
REPEATED = ("seed", "datamodule.fold", "datamodule.split_seed")
"""Keys in which the runs of one row may differ."""


@dataclasses.dataclass(frozen=True)
class Row:
    """Runs of one preset that were trained alike."""

    preset: str
    words: tuple[str, ...]
    runs: list[RunContents]


def main(words: Sequence[str]) -> None:
    """Writes the page."""
    out = [word.removeprefix("out=") for word in words if word.startswith("out=")]
    places = [word for word in words if not word.startswith("out=")]
    if len(out) != 1 or not places:
        sys.exit(__doc__)
    runs, _ = find_runs(places)
    Path(out[0]).write_text(page(runs), encoding="utf-8")
    print(out[0])


def page(runs: Sequence[RunContents]) -> str:
    """The page in Markdown, a row per figure and a command per row of runs."""
    rows = gather(runs)
    lines = [line for row in rows for line in _table_lines(row)]
    tried = {row.preset for row in rows}
    missing = [name for name in SYSTEMS if name not in tried and (conf_dir() / f"experiment/{name}.yaml").is_file()]
    text = HEAD + "\n".join(lines) + "\n\nThe commands, in this order:\n\n```\n"
    text += "\n".join(command(row) for row in rows) + "\n```\n"
    if missing:
        text += f"\nNo run folder at hand, see [results](results.md) for earlier ones: {', '.join(missing)}.\n"
    return text


def gather(runs: Sequence[RunContents]) -> list[Row]:
    """Runs of the systems' presets, those that were trained alike together, in the order of the systems."""
    found: dict[tuple[str, tuple[str, ...]], list[RunContents]] = {}
    for run in runs:
        preset = get_in(run.run, "choices", "experiment")
        if preset in SYSTEMS:
            found.setdefault((str(preset), _told(run)), []).append(run)
    order = list(SYSTEMS)
    return [Row(*key, found[key]) for key in sorted(found, key=lambda key: (order.index(key[0]), key[1]))]


def command(row: Row) -> str:
    """The command of a row without a path of the machine, for all of its seeds and folds."""
    given = [_overrides(run) for run in row.runs]
    seeds = [words.get("seed") for words in given]
    repeated = {}
    for key in REPEATED:
        values = [words.get(key) for words in given]
        paired = key != "seed" and values == seeds and len(set(values)) > 1
        repeated[key] = ["${seed}"] if paired else sorted({value for value in values if value is not None})
    words = [f"{key}={','.join(values)}" for key, values in repeated.items() if values]
    flag = ["-m"] if any(len(values) > 1 for values in repeated.values()) else []
    return " ".join(["python -m segexp", *_command_word(row.runs[0]), *flag, *map(_quoted, (*row.words, *words))])


def _command_word(run: RunContents) -> list[str]:
    """The word behind ``segexp``; none of a training."""
    words = str(run.run.get("command", "")).split()
    return [word for word in words[1:2] if word != "train" and word.isidentifier()]


def _quoted(word: str) -> str:
    return f"'{word}'" if re.search(r"[\[\]{}$*? ]", word) and "'" not in word else word


def _table_lines(row: Row) -> Iterator[str]:
    run = row.runs[0]
    images = [get_in(run.run, "data", "train", "images"), get_in(run.results, "split", "images")]
    data = f"{get_in(run.run, 'data', 'name')}: {images[0]} train, {images[1]} tested"
    minutes = statistics.mean(float(run.run["seconds"]) for run in row.runs) / 60
    for name, reference, here in _figures(row):
        cells = (SYSTEMS[row.preset], format_code(row.preset), escape_text(name), reference, here, data)
        yield f"| {' | '.join(cells)} | {run.run['epochs']} | {minutes:.1f} |"


def _figures(row: Row) -> Iterator[tuple[str, str, str]]:
    """Name, reference and what was reached, as text."""
    experiment = preset(row.preset)
    references: dict[str, float | list[float] | None] = dict(experiment.references or {})
    references.setdefault(CHIEF[task_kind(row.runs[0].results)], None)
    for name, reference in references.items():
        found = [_found(run, name, reference, experiment) for run in row.runs]
        known = reference if isinstance(reference, list) else [] if reference is None else [reference]
        yield name, _span(known), _reached(found, row.runs, name, experiment.references_row)


def _found(run: RunContents, name: str, reference: float | list[float] | None, experiment: Experiment) -> list[float]:
    """The figure of a run: one number, or one for each epoch of the reference; empty where it has none."""
    wanted = dataclasses.replace(experiment, references={name: reference or 0.0})
    found = reference_entries(wanted, run.results, run.path / "metrics.csv")[0]["found"]
    return [value for value in (found if isinstance(found, list) else [found]) if value is not None]


def _reached(found: Sequence[list[float]], runs: Sequence[RunContents], name: str, row: str) -> str:
    ends = [values[-1] for values in found if values]
    if len(ends) != len(runs):
        return ABSENT
    if len(ends) > 1:
        first = f"{format_measure(statistics.mean(values[0] for values in found))} → " if len(found[0]) > 1 else ""
        return f"{first}{statistics.mean(ends):.4f} ± {statistics.stdev(ends):.4f} ({len(ends)} runs)"
    interval = _interval(runs[0].results, name, row)
    return _span(found[0]) + (f" [{interval[0]:.4f}, {interval[1]:.4f}]" if interval else "")


def _interval(results: Mapping[str, Any], name: str, row: str) -> list[float] | None:
    part, *path = name.split("/")
    rows = [found for found in rows_of(results) if found.get("name") == row]
    found = get_in(rows[0], "interval", "dataset", *path) if rows and part == "test" else None
    return [float(end) for end in found] if isinstance(found, list) and None not in found else None


def _span(values: Sequence[float]) -> str:
    ends = [values[0], values[-1]] if len(values) > 1 else values
    return " → ".join(format_measure(float(value)) for value in ends) or ABSENT


def preset(name: str) -> Experiment:
    """The preset, composed."""
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return checked_train(compose("train", [f"experiment={name}", "datamodule.generate=true"]))


def _told(run: RunContents) -> tuple[str, ...]:
    """Words of the command that change a figure, places of data as data/<name>, without seeds and folds."""
    return tuple(
        f"{key}={value}" for key, value in _overrides(run).items() if key not in REPEATED and key not in UNTOLD
    )


def _overrides(run: RunContents) -> dict[str, str]:
    words = get_in(run.run, "overrides")
    pairs = [str(word).partition("=") for word in words] if isinstance(words, list) else []
    return {key: _place(value, key, run) for key, _, value in pairs}


def _place(value: str, key: str, run: RunContents) -> str:
    """A path from the root, quoted or not, as one below data/; any other value as it is."""
    path = value.strip("'\"")
    if not re.match(r"/|~|[A-Za-z]:\\", path):
        return value
    parts = re.split(r"[/\\]", path)
    if "data" in parts:
        return "/".join(parts[parts.index("data") :])
    name = str(get_in(run.run, "data", "name"))
    return f"data/{name if key == 'datamodule.root' else parts[-1]}"


if __name__ == "__main__":
    main(sys.argv[1:])
