"""``predict``: a model on many files, one after the other, each finished before the next begins."""

import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from segexp.errors import SegexpError
from segexp.run.console import LOG, start_console
from segexp.training.memory import give_all_back
from segexp.use.load import load
from segexp.use.model import Model
from segexp.use.prediction.file import FilePrediction, Wanted
from segexp.use.prediction.inputs import Input, find_inputs
from segexp.use.prediction.outputs import OutputFolder, is_complete
from segexp.use.prediction.polygons import check_polygons
from segexp.use.prediction.postprocess import Postprocess
from segexp.use.prediction.source import ImageSource

LONG = 4_000_000
"""Pixels of a file from which on its own progress is shown."""


class PredictionFailed(SegexpError):
    """Some files could not be predicted; the others were."""


def predict(config: dict[str, Any]) -> str:
    """Predicts all files of ``input``.

    Args:
        config: Checked and resolved, see conf/predict.yaml.

    Returns:
        The last line for the terminal.

    Raises:
        UserError: Model, settings or ``input`` are at fault.
        PredictionFailed: Some files could not be predicted; the rest was.
    """
    start_console()
    output = Path(config["output"]).expanduser()
    files = find_inputs(config["input"], output)
    model = load(
        config["run"], config["checkpoint"], tta=config["tta"], threshold=config["threshold"],
        device=config["device"], precision=config["precision"],
        inference={k: v for k, v in config["inference"].items() if v is not None},
    )  # fmt: skip
    wanted = wanted_of(config)
    wanted.postprocess.check(model.spec, model.threshold)
    if "polygons" in wanted.write:
        check_polygons(wanted.polygons, wanted.simplify)
    folder = OutputFolder(output)
    folder.begin(model, wanted, overwrite=config["overwrite"])
    _announce(model, files, output)
    return Prediction(model, wanted, folder, config).run(files)


def wanted_of(config: dict[str, Any]) -> Wanted:
    """What is written, from the keys of conf/predict.yaml."""
    return Wanted(
        tuple(config["write"]),
        config["format"],
        config["depth"],
        config["polygons"]["format"],
        config["polygons"]["simplify"],
        tuple(config["bands"]) if config["bands"] else None,
        Postprocess(**config["postprocess"]),
    )


def _announce(model: Model, files: list[Input], output: Path) -> None:
    for source in model.sources:
        LOG.info(f"run         {source.name}")
    LOG.info(f"classes     {', '.join(model.classes)}; tta {model.tta}" + "".join(f"; {note}" for note in model.notes))
    LOG.info(f"files       {len(files)}, predictions into {output}")


class Prediction:
    """One call of the command."""

    def __init__(self, model: Model, wanted: Wanted, folder: OutputFolder, config: dict[str, Any]) -> None:
        self.model, self.wanted, self.folder = model, wanted, folder
        self.overwrite, self.debug = config["overwrite"], config["debug"]
        self.bars: bool | None = {"auto": None, "bar": False, "none": True}[config["progress"]]  # None: on a terminal
        self.counts = {"done": 0, "skipped": 0, "failed": 0}
        self._taken: dict[Path, Path] = {}

    def run(self, files: list[Input]) -> str:
        """All files; the summary is written after each of them."""
        for file in tqdm(files, "files", unit="file", disable=True if len(files) == 1 else self.bars):
            with self._reported(file):
                self._one(file)
        text = ", ".join(f"{count} {state}" for state, count in self.counts.items() if count)
        text = f"{text}; see {self.folder.path / 'summary.csv'}"
        if self.counts["failed"]:
            raise PredictionFailed(text)
        return text

    @contextmanager
    def _reported(self, file: Input) -> Iterator[None]:
        """A file that fails is named, and the rest goes on."""
        try:
            yield
        except Exception as error:  # any file must not end the others
            if self.debug:
                traceback.print_exc()
            self.counts["failed"] += 1
            words = str(error) if isinstance(error, SegexpError) else f"{type(error).__name__}: {error}"
            LOG.error(words if str(file.path) in words else f"{file.path}: {words}")
            self.folder.note(file, state="failed", error=words)

    def _one(self, file: Input) -> None:
        stem = self.folder.path / file.stem
        self._claim(file, stem)
        form = self.wanted.form_for(file.path)
        if not self.overwrite and is_complete(file, self.wanted.files(self.model.spec, stem, form)):
            self.counts["skipped"] += 1
            if not self.folder.earlier(file):
                self.folder.note(file, state="done")
            return
        start = time.perf_counter()
        source = ImageSource(file.path, self.model, self.wanted.bands)
        work = FilePrediction(self.model, source, stem, self.wanted)
        pixels = source.height * source.width
        with tqdm(
            total=source.height, desc=file.path.name, unit="row", disable=True if pixels < LONG else self.bars,
            leave=False,
        ) as bar:  # fmt: skip
            work.run(bar.update)
        give_all_back(pixels)
        self.counts["done"] += 1
        shares = {
            f"share/{name}": round(int(count) / pixels, 6)
            for name, count in zip([*self.model.classes, "no data"], work.pixels, strict=True)
        }
        seconds = round(time.perf_counter() - start, 2)
        facts = {"width": source.width, "height": source.height, "seconds": seconds, **shares}
        if work.polygons is not None:
            facts["polygons"] = work.polygons
        self.folder.note(file, state="done", **facts, error="")

    def _claim(self, file: Input, stem: Path) -> None:
        """Two files of one name, such as a.png and a.jpg, would write over each other."""
        other = self._taken.setdefault(stem, file.path)
        if other != file.path:
            raise PredictionFailed(
                f"{file.path}: its predictions would have the names of those of {other}; predict it into another folder"
            )
