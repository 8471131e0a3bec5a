"""A finished run as an object: its figures, tables, files and model."""

import importlib.util
from collections.abc import Collection, Mapping
from functools import cached_property
from html import escape
from importlib import import_module
from pathlib import Path
from typing import Any

from segexp.errors import DataError
from segexp.report.comparison_page.configurations.figures import figures_of
from segexp.runs import entries
from segexp.runs.attempts import state_of
from segexp.runs.checkpoints import find_sources
from segexp.runs.contents import read_rows
from segexp.runs.json_yaml import read_json, read_yaml
from segexp.runs.text import printable


class Run:
    """A run: what :func:`segexp.train` gives, and what ``Run("outputs/...")`` makes of any run folder.

    Attributes:
        path: The run folder.
        trust: Packages beside segexp's own whose classes the run may name when its model is loaded.
    """

    def __init__(self, path: str | Path, *, trust: Collection[str] = ()) -> None:
        """Looks for the folder; files are read when they are asked for.

        Raises:
            DataError: It holds no run.
        """
        self.path = Path(path).expanduser().resolve()
        self.trust = frozenset(trust)
        if not (self.path / "run.json").is_file():
            raise DataError(f"{path}: holds no run.json; expected a run folder, outputs/<name>/<date>_<time>_<id>")

    @property
    def record(self) -> dict[str, Any]:
        """run.json: command, versions, device, data, state."""
        found: dict[str, Any] = read_json(self.path / "run.json")
        return found

    @property
    def state(self) -> str:
        """State in which it ended: ``finished``, ``failed``, ``interrupted``, ``pruned``; or ``running``."""
        return str(state_of(self.path, self.record.get("state")))

    @property
    def config(self) -> dict[str, Any]:
        """config.yaml, whole and resolved."""
        found: dict[str, Any] = read_yaml(self.path / "config.yaml")
        return found

    @property
    def results(self) -> dict[str, Any]:
        """results.json: the test with checkpoint, threshold, averaging and the figures of every predictor.

        Raises:
            DataError: The run was not tested.
        """
        if not (self.path / "results.json").is_file():
            raise DataError(f"{self.path}: holds no results.json, its state is {self.state}: it was not tested")
        found: dict[str, Any] = read_json(self.path / "results.json")
        return found

    @property
    def figures(self) -> dict[str, float]:
        """Figures of the model on the test images by logged name, ``test/miou`` over all pixels; those defined."""
        return {figure.name: value for figure, value in figures_of(entries.model_row(self.results)).items()}

    @property
    def per_image(self) -> Any:
        """per_image.csv, a row for each test image and predictor: a pandas frame, without pandas a list of dicts."""
        return table_with_numbers(self.path / "per_image.csv")

    @property
    def metrics(self) -> Any:
        """metrics.csv, a row for each epoch: a pandas frame, without pandas a list of dicts."""
        return table_with_numbers(self.path / "metrics.csv")

    @property
    def report(self) -> Path:
        """The page of the run, report.html."""
        return self.path / "report.html"

    @property
    def best_checkpoint(self) -> Path:
        """The checkpoint that was tested: the best, or the last one where nothing was chosen."""
        (source,) = find_sources(self.path)
        return source.checkpoint

    @property
    def last_checkpoint(self) -> Path:
        """The checkpoint to go on from: ``train("resume=...")``."""
        return self.path / "checkpoints" / "last.ckpt"

    @cached_property
    def model(self) -> Any:
        """The model with the best weights as its test saw images, see :meth:`load`."""
        return self.load()

    def load(self, **settings: Any) -> Any:
        """Loads the model: a :class:`segexp.inference.model.Model`, of other kinds of task a ``TaskModel``.

        Of a LightningModule of your own it is that module.

        Args:
            **settings: Of :func:`segexp.load`, such as ``tta`` and ``threshold``; of other kinds of
                :func:`segexp.load_task`.
        """
        loaders = {
            entries.SEGMENTATION: ("segexp.inference.load", "load"),
            entries.LOGGED: ("segexp.training.plain.load", "load_module"),
        }
        kind = entries.task_kind(self.results)
        module, name = loaders.get(kind, ("segexp.inference.load", "load_task"))
        # By name: torch is imported here, not with the package.
        return getattr(import_module(module), name)(self.path, **{"trust": self.trust, **settings})

    def __repr__(self) -> str:
        return f"Run({self.path}; {self.state})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the figures, and where all else is."""
        figures = self.figures if (self.path / "results.json").is_file() else {}
        rows = "".join(f"<tr><td>{escape(printable(k))}</td><td>{value:.4f}</td></tr>" for k, value in figures.items())
        return f"<p>{escape(printable(repr(self)))}</p><table>{rows}</table>"


def table_with_numbers(path: Path) -> Any:
    """Reads a table of a run with numbers as numbers: a pandas frame, without pandas a list of dicts.

    Raises:
        DataError: It is no table.
    """
    rows = read_rows(path)
    numeric = {name for name in (rows[0] if rows else ()) if all(_is_number(row[name]) for row in rows)}
    table: list[Mapping[str, Any]] = [
        {name: _number(cell) if name in numeric else cell for name, cell in row.items()} for row in rows
    ]
    if importlib.util.find_spec("pandas") is None:
        return table
    return import_module("pandas").DataFrame(table)


def _number(cell: str) -> float:
    return int(cell) if cell.isascii() and cell.isdigit() else float(cell or "nan")


def _is_number(cell: str) -> bool:
    try:
        _number(cell)
    except ValueError:
        return False
    return True
