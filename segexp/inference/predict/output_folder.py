"""The output folder: whose predictions lie in it, which are complete, and the summary of all files."""

import json
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from segexp.errors import ConfigError
from segexp.inference.model import Model
from segexp.inference.predict.identity import COLUMNS, UNKNOWN, FileIdentity, identity_from_row
from segexp.inference.predict.inputs import Input
from segexp.inference.predict.output.settings import OutputSettings
from segexp.runs.console import LOG
from segexp.runs.folder import RunFolder
from segexp.runs.json_yaml import read_json
from segexp.runs.table_file import read_csv
from segexp.runs.text import printable
from segexp.system.causes import reason_of

FACTS = "predict.json"
SUMMARY = "summary.csv"


class OutputFolder:
    """Folder of predictions with ``predict.json`` (model and settings) and ``summary.csv`` (a row a file)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._folder = RunFolder(path)
        self._earlier = {row["file"]: row for row in _rows(path / SUMMARY)}
        self._owners = {row["output"]: name for name, row in self._earlier.items() if row.get("output")}
        self._is_ours = (path / FACTS).is_file() or bool(self._earlier)
        self._rows: dict[str, Mapping[str, Any]] = {}
        self._places: dict[str, int] = {}
        self._waiting = False
        self._next = 0.0

    def begin(self, model: Model, outputs: OutputSettings, files: Sequence[Input], *, overwrite: bool) -> None:
        """Records model and settings.

        Args:
            model: Predicts.
            outputs: What is written.
            files: In the order of their rows; on a cluster they end in another.
            overwrite: Whether predictions of another kind may be replaced.

        Raises:
            ConfigError: Predictions of another model or with other settings lie there.
        """
        facts = _facts(model, outputs)
        before = _settings(self.path / FACTS)
        changed = [key for key, value in facts["settings"].items() if before and before.get(key) != value]
        if changed and not overwrite:
            found = "; ".join(f"{key}: {before.get(key)} there, {facts['settings'][key]} now" for key in changed)
            raise ConfigError(
                f"output: {self.path} holds predictions made in another way ({found}). Give another folder, or "
                "overwrite=true to make them anew"
            )
        self._folder.write_json(FACTS, facts)
        self._places = {str(file): place for place, file in enumerate(files)}

    def with_owner(self, file: Input, is_there: Callable[[Path], bool]) -> Input:
        """Adds to a file what is known of predictions that lie here under its name.

        Args:
            file: To predict.
            is_there: Whether there are any, by their path without ending.
        """
        row = self._row(file)
        owner = identity_from_row(row)
        if owner is None and row.get("state") == "done":
            # Of a version that did not write it: the name in the summary is all there is.
            owner = FileIdentity(file.source, name=str(file))
        if owner is None and not self._is_ours and is_there(self.path / file.stem):
            owner = UNKNOWN
        return replace(file, owner=owner)

    def add_row(self, file: Input, **facts: Any) -> None:
        """Adds the row of a file, and writes the summary unless that was done just before."""
        name, output = str(file), _output(file)
        if facts["state"] == "done":
            facts["output"] = output
            if (before := self._owners.get(output, name)) != name:
                # What that row told of is written over, or goes by another name now.
                self._earlier.pop(before, None)
            self._owners[output] = name
        elif self._owners.get(output) == name:
            # What lies there is still of the file as it was.
            facts |= {key: self._earlier.get(name, {}).get(key, "") for key in ("output", *COLUMNS)}
        self._rows[name] = {"file": name, **facts}
        self._waiting = True
        if time.monotonic() >= self._next:
            self.close()

    def keep_row(self, file: Input, facts: Mapping[str, Any]) -> None:
        """Keeps the row of a file whose predictions are complete, also where it lay elsewhere or had failed since."""
        row = self._row(file)
        if row.get("state") != "done" or row.get("source", "") != facts.get("source", ""):
            self.add_row(
                file, **{**{k: v for k, v in row.items() if k != "file"}, "error": "", **facts, "state": "done"}
            )

    def _row(self, file: Input) -> Mapping[str, Any]:
        """What an earlier call wrote of the predictions that have the name of this file's."""
        return self._earlier.get(self._owners.get(_output(file), str(file)), {})

    def close(self) -> None:
        """Writes what waits: rows of earlier calls stay."""
        if not self._waiting:
            return
        start = time.monotonic()
        names = sorted(self._rows, key=lambda name: self._places.get(name, -1))
        merged = {**self._earlier, **{name: self._rows[name] for name in names}}
        try:
            self._folder.write_csv(SUMMARY, list(merged.values()))
        except OSError as error:
            # The predictions stand; a disk that is full now may have room for the table later.
            LOG.error(f"{self.path / SUMMARY}: cannot be written ({reason_of(error)}); predictions that are done stand")
        self._waiting = False
        # Of many thousand files the table is long: writing it may take a twentieth of the time.
        self._next = time.monotonic() + 20 * (time.monotonic() - start)


def is_complete(outputs: Sequence[Path], owner: FileIdentity, mark: FileIdentity) -> bool:
    """Tells whether all outputs of a file exist, and were made of the file as it is now.

    They get their names only when they are whole.

    Args:
        outputs: What is written of it.
        owner: The file when it was predicted.
        mark: The file now.
    """
    if not all(path.is_file() for path in outputs) or not owner.same_state(mark):
        return False
    if owner.changed or not mark.changed:
        return True
    # Of a version that did not write when the file was changed.
    return all(path.stat().st_mtime >= mark.seconds for path in outputs)


def weights_fingerprint(model: Model) -> str:
    """Computes a checksum that changes with the weights, whatever folder they come from."""
    value = 0
    for tensor in model.module.state_dict().values():
        value = zlib.crc32(tensor.detach().cpu().contiguous().numpy().tobytes(), value)
    return f"{value:08x}"


def _facts(model: Model, outputs: OutputSettings) -> dict[str, Any]:
    settings = {
        "weights": weights_fingerprint(model),
        "tta": model.tta,
        "precision": model.module.precision,
        "scale": None if model.rescale is None else model.rescale.asked,
        "threshold": None if model.threshold is None else round(model.threshold, 9),
        "inference": {key: value for key, value in asdict(model.module.inference).items() if key != "batch_size"},
        # Which maps are written may change from call to call: those that are missing are added.
        **{key: value for key, value in asdict(outputs).items() if key != "write"},
    }
    return {
        "runs": [source.name for source in model.sources],
        "classes": list(model.classes),
        "settings": json.loads(json.dumps(settings)),
        "notes": model.notes,
    }


def _settings(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = read_json(path)["settings"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return found


def _output(file: Input) -> str:
    return printable(file.stem.as_posix())


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        return [row for row in read_csv(stream) if row.get("file")]
