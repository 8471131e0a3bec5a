"""``predict``: a model on many files, each finished or not there; what became of each stands in the summary."""

import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tqdm import tqdm

from segexp.config.command_schema import PredictConfig
from segexp.data.file_kinds import describe_kinds
from segexp.errors import SegexpError
from segexp.inference.model import Model
from segexp.inference.predict.engine import BARS, make_engine
from segexp.inference.predict.inputs import Input, find_inputs
from segexp.inference.predict.order import bounds_of, model_of, output_of, wanted_of
from segexp.inference.predict.outputs import OutputFolder
from segexp.inference.predict.polygons import check_polygons
from segexp.inference.predict.worker import Outcome
from segexp.runs.console import LOG, start_console


class PredictionFailed(SegexpError):
    """Some files could not be predicted; the others were."""


def predict(config: PredictConfig) -> str:
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
    output, wanted = output_of(config), wanted_of(config)
    passed_over: list[str] = []
    files = find_inputs(config.input, output, config.timeout, bounds_of(config), passed_over)
    # On a cluster the devices are elsewhere: here the model only says what it is.
    model = model_of(config, config.device if config.engine == "local" else "cpu")
    wanted.postprocess.check(model.spec, model.threshold)
    if "polygons" in wanted.write:
        check_polygons(wanted.polygons, wanted.simplify)
    with _sigterm_as_ctrl_c(), closing(make_engine(config, model)) as engine, closing(OutputFolder(output)) as folder:
        folder.begin(model, wanted, files, overwrite=config.overwrite)
        _announce(model, files, output, passed_over)
        if not config.overwrite:
            files = [folder.owned(file, lambda stem: bool(wanted.there(model.spec, stem))) for file in files]
        single, doubles = parted(files)
        told = Told(folder, config)
        told.leave_out(passed_over)
        told.take(doubles)
        hidden = {None: None, True: False, False: True}[BARS[config.progress]]
        bar = tqdm(engine.run(single), "files", len(single), unit="file", disable=True if len(files) == 1 else hidden)
        told.take(bar)
        return told.result()


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """An end by a scheduler or a container, too, leaves neither unfinished files nor copies of remote ones."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _announce(model: Model, files: list[Input], output: Path, passed_over: list[str]) -> None:
    for source in model.sources:
        LOG.info(f"run         {source.name}")
    LOG.info(f"classes     {', '.join(model.classes)}; tta {model.tta}" + "".join(f"; {note}" for note in model.notes))
    LOG.info(f"files       {len(files)}, predictions into {output}")
    if passed_over:
        LOG.info(f"passed over {len(passed_over)}, by their endings no images: {describe_kinds(passed_over)}")


def parted(files: Iterable[Input]) -> tuple[list[Input], list[Outcome]]:
    """Files to predict, and those that would write over them: of a.png and a.jpg, the second."""
    taken: dict[Path, Input] = {}
    doubles = []
    for file in files:
        other = taken.setdefault(file.stem, file)
        if other is not file:
            words = f"its predictions would have the names of those of {other}; predict it into another folder"
            doubles.append(Outcome(file, "failed", error=f"{file}: {words}"))
    return list(taken.values()), doubles


class Told:
    """What became of the files of one call: counted, named where they failed, and noted in the summary."""

    def __init__(self, folder: OutputFolder, config: PredictConfig) -> None:
        self.folder, self.debug = folder, config.debug
        self.counts = {"done": 0, "skipped": 0, "failed": 0, "passed over": 0}
        self._placeless: list[str] = []

    def leave_out(self, names: Iterable[str]) -> None:
        """Files that are no images by their endings: each has its row, so that nobody waits for its prediction."""
        for name in names:
            self.counts["passed over"] += 1
            self.folder.note(Input(name, Path()), state="passed over", error="no image by its ending")

    def take(self, outcomes: Iterable[Outcome]) -> None:
        """All outcomes, as they come."""
        for outcome in outcomes:
            self.counts[outcome.state] += 1
            if outcome.is_placed is False:
                self._placeless.append(outcome.file.name)
            if outcome.state == "failed":
                self._failed(outcome)
            elif outcome.state == "done":
                self.folder.note(outcome.file, state="done", **outcome.facts)
            else:
                self.folder.keep(outcome.file, outcome.facts)

    def _failed(self, outcome: Outcome) -> None:
        path, words = outcome.file, outcome.error
        if self.debug and outcome.trace:
            print(outcome.trace, file=sys.stderr)  # noqa: T201 - asked for
        LOG.error(words if str(path) in words else f"{path}: {words}")
        self.folder.note(outcome.file, state="failed", error=words)

    def result(self) -> str:
        """The last line.

        Raises:
            PredictionFailed: Some files failed.
        """
        if self._placeless:
            first = f" such as {self._placeless[0]}" if len(self._placeless) > 1 else f", {self._placeless[0]}"
            LOG.info(
                f"place       {len(self._placeless)} files say nowhere where on the ground they lie{first}: what was "
                "written of them is in pixels"
            )
        text = ", ".join(f"{count} {state}" for state, count in self.counts.items() if count)
        text = f"{text}; see {self.folder.path / 'summary.csv'}"
        if self.counts["failed"]:
            raise PredictionFailed(text)
        return text
